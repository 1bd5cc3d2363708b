"""Where the images of an analysis come from: a data set, a database, a folder, a list or a file of arrays."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cnnvis_caffe import datasets
from cnnvis_caffe.datasets import fingerprint
from cnnvis_caffe.datasets.ahead import read_ahead
from cnnvis_caffe.datasets.array_files import read_array_file
from cnnvis_caffe.datasets.preprocessing import Preprocessing, centre_crop, reorder, resize_planes
from cnnvis_caffe.datasets.readers import ArrayReader, DatabaseReader, FileReader, Reader
from cnnvis_caffe.errors import DataFileError, DataNotFoundError, ShapeError
from cnnvis_caffe.files.opening import open_file
from cnnvis_caffe.formats.database import kind_of_database, open_database
from cnnvis_caffe.formats.image_list import read_image_list
from cnnvis_caffe.formats.sniff import HDF5_SIGNATURE
from cnnvis_caffe.progress import SILENT, Progress

_NAMED = re.compile(r"([A-Za-z0-9_]+):([A-Za-z]+)")
_IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
_FORMS = (
    f"a data set ({', '.join(f'{name}:train' for name in datasets.NAMES)}), an LMDB or LevelDB, a folder of class "
    "folders, a list of image files with labels, or an HDF5 or npz file"
)


class ImageSource:
    """Labelled images as one network takes them.

    Parameters
    ----------
    name : str
        As the user gave it.
    reader : Reader
    class_names : sequence of str
        By label; empty where the source does not know.
    input_shape : (int, int, int)
        Channels, height and width that the network takes.
    preprocessing : Preprocessing
    note : str, default=""
        What must be said where a figure from these images is stated.

    Attributes
    ----------
    name, note : str
    n_images : int
    class_names : tuple of str
    labels : ndarray of shape (n_images,), int64
    channel_order : {"grey", "RGB", "BGR", "other"}
        Of what the network takes.
    input_shape : (int, int, int)
    preprocessing : str
        In words.

    Raises
    ------
    ShapeError
        If the images cannot be brought to the network's shape.
    MeanFileError, DataFileError
        If the mean does not fit.
    """

    def __init__(
        self,
        name: str,
        reader: Reader,
        class_names: Sequence[str],
        input_shape: tuple[int, int, int],
        preprocessing: Preprocessing,
        note: str = "",
    ) -> None:
        self.name, self.note = name, note
        self._reader, self._settings = reader, preprocessing
        self.labels = reader.labels
        self.n_images = len(self.labels)
        self.class_names = tuple(class_names)
        self.input_shape = input_shape
        channels = input_shape[0]
        found = reader.channel_order
        order = preprocessing.channel_order or found or "BGR"
        self.channel_order = "grey" if channels == 1 else order if channels == 3 else "other"
        preprocessing.check_mean(channels)
        self._shown_range: tuple[float, float] | None = None
        self._is_resized = False
        if reader.shape is not None:
            self._check_shape(reader.shape)
        if isinstance(reader, ArrayReader) and reader.images.dtype != np.uint8:
            self._shown_range = _range_of(reader.images)
        # One image goes all the way now, so that what cannot work is known before the work begins.
        self.inputs(np.arange(min(1, self.n_images)))
        self.preprocessing = self._words()

    # -- images --------------------------------------------------------------------------------------------------

    def patch_images(self, indices: np.ndarray) -> np.ndarray:
        """Return images as people look at them.

        Parameters
        ----------
        indices : ndarray of int

        Returns
        -------
        ndarray of shape (n, C, H, W), uint8
            In the network's input geometry and channel order, before mean and scale.
        """
        pixels, _ = self._fitted(np.asarray(indices))
        if pixels.dtype == np.uint8:
            return pixels
        low, high = self._shown_range or (0.0, 255.0)
        return np.rint(np.clip((pixels - low) * (255 / (high - low)), 0, 255)).astype(np.uint8)

    def shown_images(self, indices: np.ndarray) -> np.ndarray:
        """Return images as they are drawn.

        Parameters
        ----------
        indices : ndarray of int

        Returns
        -------
        ndarray of shape (n, H, W, 3), uint8
            RGB; further channels than three are left out.
        """
        images = self.patch_images(indices)
        if self.channel_order == "BGR":
            images = images[:, ::-1]
        last = images.shape[1] - 1
        return np.stack([images[:, min(channel, last)] for channel in range(3)], axis=-1)

    def inputs(self, indices: np.ndarray) -> np.ndarray:
        """Return what the network takes.

        Parameters
        ----------
        indices : ndarray of int

        Returns
        -------
        ndarray of shape (n, C, H, W), float32
        """
        pixels, before_crop = self._fitted(np.asarray(indices))
        return self._settings.values(pixels, before_crop)

    def batches(self, indices: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Read images in batches, a few of them ahead of whoever takes them.

        Parameters
        ----------
        indices : ndarray of int
        size : int
            Images in a batch; the last may have fewer.

        Yields
        ------
        (ndarray of shape (n, C, H, W), float32; ndarray of shape (n,), int64; ndarray of shape (n,), int64)
            Inputs, labels and indices.
        """
        indices = np.asarray(indices, np.int64)
        parts = [indices[start : start + size] for start in range(0, len(indices), size)]
        return read_ahead(lambda part: (self.inputs(part), self.labels[part], part), parts)

    # -- which ---------------------------------------------------------------------------------------------------

    def choose(self, limit: int | None = None, shard: tuple[int, int] = (1, 1)) -> np.ndarray:
        """Return the indices of the images that are analysed.

        Parameters
        ----------
        limit : int or None, default=None
            At most so many, each class in proportion to its images: of each class the first ones.
        shard : (int, int), default=(1, 1)
            Of n shards the i-th, counted from 1: those whose index modulo n is i - 1.

        Returns
        -------
        ndarray of int64
            Ascending.
        """
        chosen = np.arange(self.n_images)
        if limit is not None and limit < self.n_images:
            chosen = _stratified(self.labels, limit)
        number, n_shards = shard
        return chosen[chosen % n_shards == number - 1]

    def fingerprint(self, indices: np.ndarray) -> str:
        """Return a checksum of images, labels and preprocessing; see `fingerprint.content`.

        Parameters
        ----------
        indices : ndarray of int64
        """
        return fingerprint.content(self._reader, indices, self._settings)

    def times(self) -> str:
        """Return a checksum of size and time of the files that images are read from; empty where there are none."""
        return fingerprint.times(self._reader)

    # -- inside --------------------------------------------------------------------------------------------------

    def _fitted(self, indices: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
        """Images in the network's geometry and order, and their size before they were cropped."""
        found = self._reader.read(indices)
        channels, height, width = self.input_shape
        if isinstance(found, np.ndarray):
            images, before_crop = self._fit_one_size(found)
        elif not found:
            return np.empty((0, *self.input_shape), np.uint8), (height, width)
        else:
            fitted = [self._fit_one_size(image[np.newaxis]) for image in found]
            images, before_crop = np.concatenate([image for image, _ in fitted]), fitted[0][1]
        return reorder(images, self._reader.channel_order, self.channel_order), before_crop

    def _fit_one_size(self, images: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
        """Resize and crop images that are alike."""
        self._check_shape(images.shape[1:])
        _, height, width = self.input_shape
        size = self._settings.resize
        if size is None and self._settings.resize_to_fit:
            size = (height, width)
        if size is not None and images.shape[2:] != size:
            images = resize_planes(images, *size)
            self._is_resized = True
        before_crop = images.shape[2:]
        return (centre_crop(images, height, width) if before_crop != (height, width) else images), before_crop

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise unless images of a shape can become what the network takes."""
        channels, height, width = self.input_shape
        found = "x".join(map(str, shape))
        wanted = f"{channels}x{height}x{width}"
        if shape[0] != channels:
            raise ShapeError(
                "data", f"{self.name} has images of {found} (channels x height x width), but the network takes {wanted}"
            )
        size = self._settings.resize or ((height, width) if self._settings.resize_to_fit else shape[1:])
        if size[0] < height or size[1] < width:
            raise ShapeError(
                "data",
                f"{self.name} has images of {found} (channels x height x width), which are smaller than the "
                f"{wanted} that the network takes; resize them (--resize)",
            )

    def _words(self) -> str:
        """Say what is done to the images."""
        parts = []
        _, height, width = self.input_shape
        shape = self._reader.shape
        if self._settings.resize is not None:
            parts.append(f"resized to {self._settings.resize[0]}x{self._settings.resize[1]}")
        elif self._settings.resize_to_fit and (shape is None or shape[1:] != (height, width)):
            parts.append(f"resized to {height}x{width}" if shape else f"resized to {height}x{width} where they differ")
        size = self._settings.resize or (None if self._settings.resize_to_fit or shape is None else shape[1:])
        if size is not None and tuple(size) != (height, width):
            parts.append(f"centre crop of {height}x{width}")
        if {self._reader.channel_order, self.channel_order} == {"RGB", "BGR"}:
            parts.append(f"channels turned to {self.channel_order}")
        return ", ".join([*parts, self._settings.words()])


def open_source(
    text: str,
    *,
    input_shape: tuple[int, int, int] | None = None,
    preprocessing: Preprocessing | None = None,
    root_folder: str = "",
    names: tuple[str, str] = ("data", "label"),
    class_names: Sequence[str] = (),
    progress: Progress = SILENT,
) -> ImageSource:
    """Open what a user named as data.

    Parameters
    ----------
    text : str
        ``mnist:train``, the folder of an LMDB or LevelDB or of class folders (numbered in byte order), a list of
        image files with labels, an HDF5 file or an npz file.
    input_shape : (int, int, int), optional
        Channels, height and width that the network takes; without, what is left of the first image.
    preprocessing : Preprocessing, optional
        Nothing is done without.
    root_folder : str, default=""
        What is put before the paths of a list, as by ImageData's ``root_folder``.
    names : (str, str), default=("data", "label")
        Datasets of an HDF5 file.
    class_names : sequence of str, optional
        Of the network's classes, in their order: class folders with these names are these classes, whatever their own
        order is.
    progress : Progress, default=SILENT

    Returns
    -------
    ImageSource

    Raises
    ------
    DataNotFoundError
        If there is nothing of that name.
    UnknownNameError
        If there is no such data set.
    DataFileError
        If it is damaged or holds no images.
    ShapeError
        If the images do not fit the network.
    """
    settings = preprocessing or Preprocessing()
    wanted_channels = input_shape[0] if input_shape else 3
    color = False if settings.force_gray else True if settings.force_color else wanted_channels != 1
    note = ""
    found_names: tuple[str, ...] = ()
    reader: Reader
    named = _NAMED.fullmatch(text)
    if named and not os.path.exists(text):
        images = datasets.load(named.group(1), named.group(2), progress=progress)
        reader, found_names = ArrayReader(images.images, images.labels, images.channel_order), images.class_names
        note = images.note
    elif not os.path.exists(text):
        hint = f"; did you mean {text}:train?" if text in datasets.NAMES else f"; give {_FORMS}"
        raise DataNotFoundError(f"{text}: there is no such data{hint}")
    elif os.path.isdir(text):
        if kind_of_database(text):
            reader = DatabaseReader(open_database(text), color)
        else:
            reader, found_names = _class_folders(text, color, class_names)
            settings = _for_files(settings)
    elif _is_array_file(text):
        arrays, labels, order, found_names = read_array_file(text, names)
        reader = ArrayReader(arrays, labels, order)
    else:
        reader = _image_list(text, root_folder, color)
        settings = _for_files(settings)
    if not len(reader.labels):
        raise DataFileError(text, "has no images")
    if int(reader.labels.min()) < 0:
        raise DataFileError(text, f"has the label {int(reader.labels.min())}; labels count from 0")
    if input_shape is None:
        first = reader.read(np.arange(1))[0]
        height, width = settings.resize or first.shape[1:]
        input_shape = (len(first), settings.crop or height, settings.crop or width)
    return ImageSource(text, reader, found_names, input_shape, settings, note)


def is_class_folders(text: str) -> bool:
    """Say whether what a user named as data is a folder of class folders.

    Parameters
    ----------
    text : str
        As for `open_source`.
    """
    return os.path.isdir(text) and not kind_of_database(text)


def _for_files(settings: Preprocessing) -> Preprocessing:
    """Image files differ in size: without another word they are brought to the network's."""
    return settings if settings.resize else replace(settings, resize_to_fit=True)


def _class_folders(text: str, color: bool, class_names: Sequence[str]) -> tuple[FileReader, tuple[str, ...]]:
    """Images of a folder with a folder for each class; numbered by their order unless they have names of classes."""
    folders = sorted((entry for entry in Path(text).iterdir() if entry.is_dir()), key=lambda path: os.fsencode(path))
    if not folders:
        raise DataFileError(text, f"is a folder without class folders and no database; give {_FORMS}")
    paths: list[Path] = []
    labels: list[int] = []
    names = _names_of(text, [folder.name for folder in folders], class_names)
    for folder in folders:
        found = sorted(
            (entry for entry in folder.iterdir() if entry.suffix.lower() in _IMAGE_SUFFIXES), key=os.fsencode
        )
        paths += found
        labels += [names.index(folder.name)] * len(found)
    if not paths:
        raise DataFileError(text, f"has {len(folders)} class folders, but no images in them")
    return FileReader(paths, np.array(labels, np.int64), color), names


def _names_of(text: str, folders: list[str], class_names: Sequence[str]) -> tuple[str, ...]:
    """The names that number the folders: those of the classes if the folders have them, else the folders' own."""
    strangers = [name for name in folders if name not in class_names]
    if not strangers:
        return tuple(class_names)
    if len(strangers) < len(folders):
        near = difflib.get_close_matches(strangers[0], class_names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "rename or remove it"
        raise DataFileError(
            text, f"has a folder {strangers[0]!r}, which is none of the named classes, while others are; {hint}"
        )
    return tuple(folders)


def _image_list(text: str, root_folder: str, color: bool) -> FileReader:
    """Images of a list; paths are relative to where the program runs, as in Caffe, else to the list."""
    with open_file(text) as file:
        if b"\0" in file.read(4096):
            raise DataFileError(text, f"is not a list of images, as it is not text; give {_FORMS}")
    entries = read_image_list(text, strict=True)
    if not entries:
        raise DataFileError(text, "is a list without images")
    paths = [root_folder + name for name, _ in entries]
    if not os.path.exists(paths[0]):
        beside = [os.path.join(os.path.dirname(text), path) for path in paths]
        if os.path.exists(beside[0]):
            paths = beside
    return FileReader(paths, np.array([label for _, label in entries], np.int64), color)


def _is_array_file(text: str) -> bool:
    """Whether a file is HDF5 or a zip archive, which npz files are."""
    try:
        with open_file(text) as file:
            head = file.read(8)
    except OSError as error:
        raise DataFileError(text, f"cannot be read: {error.strerror}") from error
    return head == HDF5_SIGNATURE or head[:4] == b"PK\3\4"


def _range_of(images: np.ndarray) -> tuple[float, float]:
    """What is drawn black and what white: the values' usual range if they lie in one, else their extremes."""
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and high <= 255:
        return 0.0, 255.0
    return (low, high) if high > low else (low, low + 1)


def _stratified(labels: np.ndarray, limit: int) -> np.ndarray:
    """Indices of `limit` images, of each class in proportion; what rounding leaves goes by largest remainder."""
    classes, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    exact = counts * (limit / len(labels))
    shares = np.floor(exact).astype(np.int64)
    left = limit - int(shares.sum())
    # Of equal remainders the lower class.
    shares[np.argsort(-(exact - shares), kind="stable")[:left]] += 1
    order = np.argsort(inverse, kind="stable")
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]])
    chosen = [order[begin : begin + share] for begin, share in zip(begins, shares)]
    return np.sort(np.concatenate(chosen))
