"""Opens what a user named as data: a data set, a database, image files, folders, lists, tables or arrays."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cnnvis_caffe import datasets
from cnnvis_caffe.datasets.annotate import annotate, joined
from cnnvis_caffe.datasets.array_files import annotate_array, read_array_file
from cnnvis_caffe.datasets.folders import read_folder, with_masks
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.datasets.readers import (
    ArrayReader,
    DatabaseReader,
    FileReader,
    Hdf5Reader,
    Reader,
    SelectedReader,
    find_damaged,
)
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import DataFileError, DataNotFoundError, ShapeError
from cnnvis_caffe.files.opening import open_file
from cnnvis_caffe.formats.database import kind_of_database, open_database
from cnnvis_caffe.formats.hdf5_data import dataset_shapes, read_arrays, read_file_list
from cnnvis_caffe.formats.image_table import IMAGE_SUFFIXES, read_image_table
from cnnvis_caffe.formats.sniff import HDF5_SIGNATURE
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.annotations import Annotations, of_classes, without_labels

logger = logging.getLogger(__name__)

_NAMED = re.compile(r"([A-Za-z0-9_]+):([A-Za-z]+)")
_FORMS = (
    f"a data set ({', '.join(f'{name}:train' for name in datasets.NAMES)}), an LMDB or LevelDB, image files, a folder "
    "of images or of class folders, a list or CSV table of image files, an HDF5 or npz file, or a list of HDF5 files"
)
_HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")
_NAMED_DAMAGED = 5


@dataclass(frozen=True, eq=False)
class OpenedData:
    """Images before it is known what a network makes of them.

    Attributes
    ----------
    name : str
        As the user gave it.
    readers : tuple of Reader
        One, or one for each partner where the images come in pairs.
    annotations : Annotations
    are_files : bool
        Whether they are image files, which may differ in size.
    note : str
        What must be said where a figure from these images is stated.
    """

    name: str
    readers: tuple[Reader, ...]
    annotations: Annotations
    are_files: bool = False
    note: str = ""


@dataclass(frozen=True)
class DataOptions:
    """What a user, or a network's data layer, says about where images are.

    Attributes
    ----------
    root_folder : str
        What is put before the paths of a list, as by ImageData's ``root_folder``.
    names : (str, str)
        Datasets of images and labels in an HDF5 file.
    masks : str
        Folder with the masks of the images, by their names; empty for none.
    skip_damaged : bool
        Decode every image first, and leave out those that cannot be.
    are_pairs : bool
        Whether two files on a line of a list are a pair of inputs, rather than an image and its mask.
    """

    root_folder: str = ""
    names: tuple[str, str] = ("data", "label")
    masks: str = ""
    skip_damaged: bool = False
    are_pairs: bool = False


def open_source(
    data: str | Sequence[str],
    *,
    input_shape: tuple[int, int, int] | None = None,
    preprocessing: Preprocessing | None = None,
    options: DataOptions | None = None,
    progress: Progress = SILENT,
) -> ImageSource:
    """Open what a user named as data, for a network with one input.

    Parameters
    ----------
    data : str or sequence of str
        ``mnist:train``, the folder of an LMDB or LevelDB, an image file, a folder of images, a folder of class folders
        (numbered in byte order), a list or CSV table of image files, an HDF5 file, a list of HDF5 files or an npz
        file; or several image files, folders and lists.
    input_shape : (int, int, int), optional
        Channels, height and width that the network takes; without, what is left of the first image.
    preprocessing : Preprocessing, optional
        Nothing is done without.
    options : DataOptions, optional
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
    opened = open_data(data, color=wants_color(input_shape, settings), options=options, progress=progress)
    return as_source(opened, opened.readers[0], input_shape, settings)


def wants_color(input_shape: Sequence[int] | None, settings: Preprocessing) -> bool:
    """Say whether image files are decoded to three channels, rather than to one.

    Parameters
    ----------
    input_shape : sequence of int or None
        Channels, height and width that the network takes.
    settings : Preprocessing
    """
    channels = input_shape[0] if input_shape else 3
    return False if settings.force_gray else True if settings.force_color else channels != 1


def as_source(
    opened: OpenedData, reader: Reader, input_shape: tuple[int, int, int] | None, settings: Preprocessing
) -> ImageSource:
    """Return the images of one reader as a network takes them.

    Parameters
    ----------
    opened : OpenedData
    reader : Reader
        One of those that were opened.
    input_shape : (int, int, int) or None
        Without, what is left of the first image.
    settings : Preprocessing

    Returns
    -------
    ImageSource

    Raises
    ------
    ShapeError
        If the images do not fit the network.
    """
    settings = fitted_settings(opened, input_shape, settings)
    if isinstance(reader, ArrayReader) and reader.images.ndim != 4:
        raise ShapeError("data", f"{opened.name} has clips (n, C, L, H, W), but the network takes images")
    if input_shape is None:
        first = reader.read(np.arange(1))[0]
        height, width = settings.resize or first.shape[1:]
        input_shape = (len(first), settings.crop or height, settings.crop or width)
    return ImageSource(opened.name, reader, opened.annotations, input_shape, settings, opened.note)


def fitted_settings(
    opened: OpenedData, input_shape: tuple[int, int, int] | None, settings: Preprocessing
) -> Preprocessing:
    """Return how images are prepared, where they are files of any size.

    Parameters
    ----------
    opened : OpenedData
    input_shape : (int, int, int) or None
    settings : Preprocessing
    """
    return _for_files(settings, input_shape) if opened.are_files and not settings.resize else settings


def _for_files(settings: Preprocessing, input_shape: tuple[int, int, int] | None) -> Preprocessing:
    """Image files differ in size: without another word they are brought to the network's, or to that of a larger mean.

    A mean image that is larger than the network's input was made of images of its own size, which were then cropped.
    """
    mean = settings.mean_image
    if mean is not None and input_shape is not None and mean.shape[1:] != input_shape[1:]:
        height, width = mean.shape[1:]
        if height >= input_shape[1] and width >= input_shape[2]:
            return replace(settings, resize=(height, width))
    return replace(settings, resize_to_fit=True)


def open_data(
    data: str | Sequence[str],
    *,
    color: bool = True,
    options: DataOptions | None = None,
    progress: Progress = SILENT,
) -> OpenedData:
    """Open what a user named as data, for any network.

    Parameters
    ----------
    data : str or sequence of str
        As for `open_source`.
    color : bool, default=True
        Decode image files to three channels, or to one.
    options : DataOptions, optional
    progress : Progress, default=SILENT

    Returns
    -------
    OpenedData

    Raises
    ------
    CnnvisError
        As for `open_source`.
    """
    options = options or DataOptions()
    texts = [data] if isinstance(data, str) else list(data)
    if not texts:
        raise DataNotFoundError(f"no images are named; give {_FORMS}")
    if len(texts) == 1:
        opened = _open_one(texts[0], color, options, progress)
    else:
        opened = _open_several(texts, color, options)
    if not opened.annotations.n_images:
        raise DataFileError(opened.name, "has no images")
    if options.masks:
        if not opened.are_files or len(opened.readers) != 1:
            raise DataFileError(opened.name, "is not a folder or list of image files, which masks belong to")
        opened = replace(opened, annotations=with_masks(list(opened.readers[0].files), options.masks))
    return _without_damaged(opened) if options.skip_damaged else opened


def is_image_file(text: str) -> bool:
    """Say whether a file is an image, by its name.

    Parameters
    ----------
    text : str
        Its path.
    """
    return text.lower().endswith(IMAGE_SUFFIXES)


def is_image_folder(text: str) -> bool:
    """Say whether what a user named as data is a folder of image files, or of class folders.

    Parameters
    ----------
    text : str
        As for `open_source`.
    """
    return os.path.isdir(text) and not kind_of_database(text)


def _open_one(text: str, color: bool, options: DataOptions, progress: Progress) -> OpenedData:
    """One thing that was named."""
    named = _NAMED.fullmatch(text)
    if named and not os.path.exists(text):
        images = datasets.load(named.group(1), named.group(2), progress=progress)
        annotations = of_classes(images.labels, images.class_names)
        return OpenedData(text, (ArrayReader(images.images, images.channel_order),), annotations, note=images.note)
    if not os.path.exists(text):
        hint = f"; did you mean {text}:train?" if text in datasets.NAMES else f"; give {_FORMS}"
        raise DataNotFoundError(f"{text}: there is no such data{hint}")
    if os.path.isdir(text) and kind_of_database(text):
        database = DatabaseReader(open_database(text), color)
        if len(database.labels) and int(database.labels.min()) < 0:
            raise DataFileError(text, f"has the label {int(database.labels.min())}; labels count from 0")
        return OpenedData(text, (database,), of_classes(database.labels))
    if not os.path.isdir(text) and _is_array_file(text):
        arrays, order, annotations = read_array_file(text, options.names)
        return OpenedData(text, (ArrayReader(arrays, order),), annotations)
    if not os.path.isdir(text) and _lists_hdf5(text):
        return _open_hdf5_list(text, options)
    return _open_files(text, color, options)


def _open_several(texts: list[str], color: bool, options: DataOptions) -> OpenedData:
    """Image files, folders and lists behind each other."""
    parts = []
    for text in texts:
        if not os.path.exists(text):
            raise DataNotFoundError(f"{text}: there is no such data; give {_FORMS}")
        if (os.path.isdir(text) and kind_of_database(text)) or (os.path.isfile(text) and _is_array_file(text)):
            raise DataFileError(text, "cannot be taken together with others; give it alone, or only image files")
        parts.append(_open_files(text, color, options))
    name = f"{texts[0]} and {len(texts) - 1} more"
    if len({len(part.readers) for part in parts}) > 1:
        raise DataFileError(name, "are lists of pairs and of single images; give one kind at a time")
    readers = tuple(
        FileReader([file for reader in same for file in reader.files], color)
        for same in zip(*(part.readers for part in parts))
    )
    return OpenedData(name, readers, joined([part.annotations for part in parts]), are_files=True)


def _open_files(text: str, color: bool, options: DataOptions) -> OpenedData:
    """An image file, a folder of them, or a list."""
    if os.path.isdir(text):
        files, annotations = read_folder(text)
        return OpenedData(text, (FileReader(files, color),), annotations, are_files=True)
    if text.lower().endswith(IMAGE_SUFFIXES):
        return OpenedData(text, (FileReader([text], color),), without_labels(1), are_files=True)
    return _open_list(text, color, options)


def _open_list(text: str, color: bool, options: DataOptions) -> OpenedData:
    """Images of a list or table; paths are relative to where the program runs, as in Caffe, else to the list."""
    with open_file(text) as file:
        if b"\0" in file.read(4096):
            raise DataFileError(text, f"is not a list of images, as it is not text; give {_FORMS}")
    table = read_image_table(text)
    columns = [_places(text, options.root_folder, column) for column in zip(*table.images)]
    if options.are_pairs and len(columns) == 1:
        raise DataFileError(text, "has one image a line, but the network takes pairs; write two paths on each line")
    if not options.are_pairs and len(columns) > 2:
        raise DataFileError(text, f"has {len(columns)} files a line; one image, or an image and its mask, is allowed")
    masks = tuple(columns[1]) if len(columns) == 2 and not options.are_pairs else ()
    if masks and table.fields[0]:
        raise DataFileError(
            text, "has pairs of images with labels, but the network takes one image; give one path on each line"
        )
    annotations = annotate(table, masks)
    files = columns if options.are_pairs else columns[:1]
    return OpenedData(text, tuple(FileReader(column, color) for column in files), annotations, are_files=True)


def _places(text: str, root_folder: str, column: Sequence[str]) -> list[str]:
    """Where the files of a list lie."""
    paths = [root_folder + name for name in column]
    if not os.path.exists(paths[0]):
        beside = [os.path.join(os.path.dirname(text), path) for path in paths]
        if os.path.exists(beside[0]):
            return beside
    return paths


def _lists_hdf5(text: str) -> bool:
    """Whether a text file lists HDF5 files."""
    with open_file(text) as file:
        head = file.read(4096)
    first = head.split(maxsplit=1)[:1]
    return bool(first) and b"\0" not in head and os.fsdecode(first[0]).lower().endswith(_HDF5_SUFFIXES)


def _open_hdf5_list(text: str, options: DataOptions) -> OpenedData:
    """Images of several HDF5 files, as HDF5Data reads them; only their labels are read now."""
    paths = _places(text, "", read_file_list(text))
    image_name, label_name = options.names
    shapes, labels = [], []
    for path in paths:
        found = dataset_shapes(path)
        if image_name not in found:
            read_arrays(path, (image_name,))  # says what there is instead
        shapes.append(found[image_name])
        if label_name in found:
            labels.append(read_arrays(path, (label_name,))[0])
    if len({shape[1:] for shape in shapes}) > 1 or len(shapes[0]) != 4:
        shown = ", ".join(sorted({str(shape[1:]) for shape in shapes}))
        raise DataFileError(text, f"lists files with images of shape {shown}; one shape (C, H, W) for all is allowed")
    if labels and len(labels) != len(paths):
        raise DataFileError(text, f"lists {len(paths)} files, of which {len(labels)} have labels; all or none must")
    n_images = sum(shape[0] for shape in shapes)
    joint = np.concatenate([part.reshape(len(part), -1) for part in labels]) if labels else None
    reader = Hdf5Reader(paths, image_name, [shape[0] for shape in shapes], shapes[0][1:])  # type: ignore[arg-type]
    return OpenedData(text, (reader,), annotate_array(text, joint, n_images, ()))


def _without_damaged(opened: OpenedData) -> OpenedData:
    """Leave out the images that cannot be decoded, and say which."""
    n_images = opened.annotations.n_images
    damaged: dict[int, str] = {}
    for reader in opened.readers:
        damaged.update(find_damaged(reader, n_images))
    if not damaged:
        return opened
    kept = np.array([index for index in range(n_images) if index not in damaged], np.int64)
    some = "; ".join(damaged[index] for index in sorted(damaged)[:_NAMED_DAMAGED])
    more = f"; and {len(damaged) - _NAMED_DAMAGED} more" if len(damaged) > _NAMED_DAMAGED else ""
    said = f"{len(damaged)} of {n_images} images are damaged and left out"
    logger.warning("%s: %s: %s%s", opened.name, said, some, more)
    if not len(kept):
        raise DataFileError(opened.name, f"has {n_images} images, and all are damaged: {some}{more}")
    return replace(
        opened,
        readers=tuple(SelectedReader(reader, kept, n_images) for reader in opened.readers),
        annotations=opened.annotations.select(kept),
        note="; ".join(filter(None, (opened.note, said))),
    )


def _is_array_file(text: str) -> bool:
    """Whether a file is HDF5 or a zip archive, which npz files are."""
    try:
        with open_file(text) as file:
            head = file.read(8)
    except OSError as error:
        raise DataFileError(text, f"cannot be read: {error.strerror}") from error
    return head == HDF5_SIGNATURE or head[:4] == b"PK\3\4"
