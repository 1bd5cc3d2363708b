"""Images of a data source as one network takes them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from cnnvis_caffe.datasets import fingerprint
from cnnvis_caffe.datasets.ahead import read_ahead
from cnnvis_caffe.datasets.preprocessing import Preprocessing, centre_crop, reorder, resize_nearest, resize_planes
from cnnvis_caffe.datasets.readers import ArrayReader, Reader, read_mask
from cnnvis_caffe.errors import ShapeError
from cnnvis_caffe.records.annotations import CLASS, MASK, Annotations
from cnnvis_caffe.records.sheet import ContactSheet


class ImageSource:
    """Images as one network takes them, with what is said about them.

    Parameters
    ----------
    name : str
        As the user gave it.
    reader : Reader
    annotations : Annotations
    input_shape : (int, int, int)
        Channels, height and width that the network takes.
    preprocessing : Preprocessing
    note : str, default=""
        What must be said where a figure from these images is stated.

    Attributes
    ----------
    name, note : str
    n_images : int
    annotations : Annotations
    class_names : tuple of str
        By label; empty where the source does not know.
    labels : ndarray of shape (n_images,), int64
        The class of each image; else its group, else 0.
    channel_order : {"grey", "RGB", "BGR", "other"}
        Of what the network takes.
    input_shape : (int, int, int)
    preprocessing : str
        In words.
    item : {"image", "clip", "pair"}
        What one is; subclasses put several images together.

    Raises
    ------
    ShapeError
        If the images cannot be brought to the network's shape.
    MeanFileError, DataFileError
        If the mean does not fit.
    """

    item = "image"

    def __init__(
        self,
        name: str,
        reader: Reader,
        annotations: Annotations,
        input_shape: tuple[int, int, int],
        preprocessing: Preprocessing,
        note: str = "",
    ) -> None:
        self.name, self.note = name, note
        self._reader, self._settings = reader, preprocessing
        self.annotations = annotations
        self.n_images = annotations.n_images
        self.input_shape = input_shape
        channels = input_shape[0]
        found = reader.channel_order
        order = preprocessing.channel_order or found or "BGR"
        self.channel_order = "grey" if channels == 1 else order if channels == 3 else "other"
        preprocessing.check_mean(channels)
        self._shown_range: tuple[float, float] | None = None
        if reader.shape is not None:
            self._check_shape(reader.shape)
        if isinstance(reader, ArrayReader) and reader.images.dtype != np.uint8:
            self._shown_range = _range_of(reader.images)
        # One image goes all the way now, so that what cannot work is known before the work begins.
        self.inputs(np.arange(min(1, self.n_images)))
        self.preprocessing = self._words()

    @property
    def reader(self) -> Reader:
        """Where the images come from."""
        return self._reader

    @property
    def blob_shape(self) -> tuple[int, ...]:
        """Shape of one item in the input of the network, without the axis of the batch."""
        return self.input_shape

    @property
    def sheet(self) -> ContactSheet | None:
        """How the images of one item lie where it is drawn; None for a single image."""
        return None

    def other_inputs(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the network takes beside `inputs`, by the name of the input; nothing for single images."""
        return {}

    @property
    def class_names(self) -> tuple[str, ...]:
        """By label; empty where the source does not know."""
        return self.annotations.names if self.annotations.kind == CLASS else ()

    @property
    def labels(self) -> np.ndarray:
        """The class of each image; else its group, else 0."""
        return self.annotations.strata()

    def with_annotations(self, annotations: Annotations) -> ImageSource:
        """Return the same images, with something else said about them.

        Parameters
        ----------
        annotations : Annotations
            Of as many images.
        """
        assert annotations.n_images == self.n_images
        other = copy.copy(self)
        other.annotations = annotations
        return other

    def name_of(self, index: int) -> str:
        """Return what people call an image: its file, else its place in the source.

        Parameters
        ----------
        index : int
        """
        files = self._reader.files
        return files[index] if len(files) == self.n_images else f"{self.name}[{index}]"

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

    def ten_crops(self, indices: np.ndarray, height: int, width: int) -> np.ndarray:
        """Return what the network takes of the four corners and the middle of images, and of the same mirrored.

        Parameters
        ----------
        indices : ndarray of int
        height, width : int
            Of the crops; not larger than the images.

        Returns
        -------
        ndarray of shape (10 n, C, height, width), float32
            Ten rows an image.

        Notes
        -----
        ``oversample`` in ``python/caffe/io.py``. A mean image as large as the crops is subtracted from each, a larger
        one from the images before.
        """
        pixels, before_crop = self._fitted(np.asarray(indices))
        mean = self._settings.mean_image
        is_mean_of_crops = mean is not None and mean.shape[1:] == (height, width) != pixels.shape[2:]
        if not is_mean_of_crops:
            pixels = self._settings.values(pixels, before_crop)
        below, right = pixels.shape[2] - height, pixels.shape[3] - width
        places = [(0, 0), (0, right), (below, 0), (below, right), (below // 2, right // 2)]
        crops = np.stack([pixels[:, :, y : y + height, x : x + width] for y, x in places], axis=1)
        crops = np.concatenate([crops, crops[..., ::-1]], axis=1).reshape(-1, pixels.shape[1], height, width)
        return self._settings.values(crops, (height, width)) if is_mean_of_crops else crops

    def sizes(self, indices: np.ndarray) -> list[tuple[int, int]]:
        """Return height and width of images as they were read.

        Parameters
        ----------
        indices : ndarray of int
        """
        return [(image.shape[1], image.shape[2]) for image in self._reader.read(np.asarray(indices))]

    def placed(self, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Turn boxes in the network's input into boxes in the image that was read.

        Parameters
        ----------
        boxes : ndarray of shape (n, 4)
            x0, y0, x1, y1 as shares of the input.
        size : (int, int)
            Height and width of the image.

        Returns
        -------
        ndarray of shape (n, 4), float32
            In pixels.
        """
        _, height, width = self.input_shape
        whole, top, left = self._geometry(size)
        y = (boxes[:, [1, 3]] * height + top) * (size[0] / whole[0])
        x = (boxes[:, [0, 2]] * width + left) * (size[1] / whole[1])
        return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1).astype(np.float32)

    def in_input(self, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Turn boxes in an image that was read into boxes in the network's input: the way back of `placed`.

        Parameters
        ----------
        boxes : ndarray of shape (n, 4)
            y0, x0, y1, x1 in pixels.
        size : (int, int)
            Height and width of the image.

        Returns
        -------
        ndarray of shape (n, 4), float64
            y0, x0, y1, x1 in pixels of the input; may lie outside, where the image is cropped.
        """
        whole, top, left = self._geometry(size)
        scale = np.array([whole[0] / size[0], whole[1] / size[1]] * 2)
        return boxes * scale - np.array([top, left] * 2)

    def _geometry(self, size: tuple[int, int]) -> tuple[tuple[int, ...], int, int]:
        """The size that an image is brought to, and where the input begins in it."""
        _, height, width = self.input_shape
        whole = self._settings.resize or ((height, width) if self._settings.resize_to_fit else size)
        return whole, (whole[0] - height) // 2, (whole[1] - width) // 2

    def prepared(self, settings: Preprocessing) -> ImageSource:
        """Return the same images, prepared in another way but for their size.

        Parameters
        ----------
        settings : Preprocessing
        """
        settings = replace(settings, resize=self._settings.resize, resize_to_fit=self._settings.resize_to_fit)
        return ImageSource(self.name, self._reader, self.annotations, self.input_shape, settings, self.note)

    @property
    def settings(self) -> Preprocessing:
        """How images are prepared."""
        return self._settings

    @property
    def knows_order(self) -> bool:
        """Whether it is known in which order the channels of the images are."""
        return self._reader.channel_order in ("RGB", "BGR")

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """Return images in the network's geometry and channel order, before mean and scale.

        Parameters
        ----------
        indices : ndarray of int

        Returns
        -------
        ndarray of shape (n, C, H, W), uint8 or float32
        """
        return self._fitted(np.asarray(indices))[0]

    def as_inputs(self, pixels: np.ndarray) -> np.ndarray:
        """Return what the network takes of images that `pixels` gave and that were changed.

        Parameters
        ----------
        pixels : ndarray of shape (n, C, H, W)

        Returns
        -------
        ndarray of shape (n, C, H, W), float32
        """
        mean = self._settings.mean_image
        return self._settings.values(pixels, pixels.shape[2:] if mean is None else mean.shape[1:])

    def of_one_grey(self, share: float) -> np.ndarray:
        """Return what the network takes of an image of one grey.

        Parameters
        ----------
        share : float
            0 is black, 1 is white.

        Returns
        -------
        ndarray of shape (C, H, W), float32
        """
        low, high = self._shown_range or (0.0, 255.0)
        return self.as_inputs(np.full((1, *self.input_shape), low + share * (high - low), np.float32))[0]

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

    def masks(self, indices: np.ndarray) -> np.ndarray:
        """Return the class of each pixel.

        Parameters
        ----------
        indices : ndarray of int

        Returns
        -------
        ndarray of shape (n, H, W), uint8
            In the network's input geometry: resized to the nearest pixel, cropped as the images are. 255 is void.

        Raises
        ------
        DataFileError
            If a mask is damaged, or has colours but no palette.
        """
        assert self.annotations.kind == MASK
        found = [self._fitted_mask(read_mask(self.annotations.masks[int(index)])) for index in indices]
        return np.stack(found) if found else np.empty((0, *self.input_shape[1:]), np.uint8)

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
        return fingerprint.content(self._reader, self.annotations, indices, self._settings)

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
        before_crop = images.shape[2:]
        return (centre_crop(images, height, width) if before_crop != (height, width) else images), before_crop

    def _fitted_mask(self, mask: np.ndarray) -> np.ndarray:
        """A mask in the geometry of the network's input."""
        _, height, width = self.input_shape
        size = self._settings.resize or ((height, width) if self._settings.resize_to_fit else mask.shape)
        return centre_crop(resize_nearest(mask, size[0], size[1]), height, width)

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


def _range_of(images: np.ndarray) -> tuple[float, float]:
    """What is drawn black and what white: the values' usual range if they lie in one, else their extremes."""
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and high <= 255:
        return 0.0, 255.0
    return (low, high) if high > low else (low, low + 1)


def _codes(labels: np.ndarray) -> np.ndarray:
    """Numbers that are in the order of the labels; small ones, where that can be, as these are sorted by counting."""
    if labels.dtype.kind in "iu" and len(labels):
        low = int(labels.min())
        if int(labels.max()) - low < 1 << 16:
            return (labels - low).astype(np.uint16)
    return np.unique(labels, return_inverse=True)[1]


def _stratified(labels: np.ndarray, limit: int) -> np.ndarray:
    """Indices of `limit` images, of each class in proportion; what rounding leaves goes by largest remainder."""
    codes = _codes(labels)
    counts = np.bincount(codes)
    counts = counts[counts > 0]
    exact = counts * (limit / len(labels))
    shares = np.floor(exact).astype(np.int64)
    left = limit - int(shares.sum())
    # Of equal remainders the lower class.
    shares[np.argsort(-(exact - shares), kind="stable")[:left]] += 1
    order = np.argsort(codes, kind="stable")
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]])
    chosen = [order[begin : begin + share] for begin, share in zip(begins, shares)]
    return np.sort(np.concatenate(chosen))
