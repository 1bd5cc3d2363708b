"""Images as they lie in arrays, databases and files, read by their place."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.formats.database import Database
from cnnvis_caffe.formats.datum import RawLayout, parse_datum
from cnnvis_caffe.formats.hdf5_data import read_arrays
from cnnvis_caffe.formats.images import read_bytes, read_image
from cnnvis_caffe.formats.palette_png import decode_indices

_RECORDS_AT_ONCE = 1000
#: Images of a database that lie at most so far apart are read in one go.
_LARGEST_GAP = 16
_CHECKED_AT_ONCE = 32


class Reader(Protocol):
    """Images of one source, by their place in it.

    Attributes
    ----------
    channel_order : str
        "grey", "RGB", "BGR", or empty where the source does not say.
    shape : tuple of int or None
        Channels, height and width where all images have the same.
    is_in_memory : bool
        Whether all images are there already.
    files : sequence of str
        That images are read from when they are asked for; one for each image, or those of a database.
    """

    channel_order: str
    shape: tuple[int, int, int] | None
    is_in_memory: bool
    files: Sequence[str]

    def read(self, indices: np.ndarray) -> list[np.ndarray] | np.ndarray:
        """Return images (C, H, W), as one array where they are alike; may be called by several threads."""


class ArrayReader:
    """Images of one array.

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W), uint8 or float32
    channel_order : str
    """

    is_in_memory = True
    files: Sequence[str] = ()

    def __init__(self, images: np.ndarray, channel_order: str) -> None:
        self.images, self.channel_order = images, channel_order
        self.shape: tuple[int, int, int] | None = tuple(images.shape[1:])  # type: ignore[assignment]

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return images; a view where they follow each other."""
        if len(indices) and int(indices[-1]) - int(indices[0]) + 1 == len(indices) and (np.diff(indices) == 1).all():
            return self.images[int(indices[0]) : int(indices[-1]) + 1]
        return self.images[indices]


class DatabaseReader:
    """Images of an LMDB or LevelDB, in the byte order of their keys.

    Parameters
    ----------
    database : Database
    color : bool or None
        How encoded images are decoded: to three channels, to one, or as they are.

    Attributes
    ----------
    labels : ndarray of shape (n,), int64
    """

    is_in_memory = False

    def __init__(self, database: Database, color: bool | None) -> None:
        self._database, self._color = database, color
        # Whoever opens a LevelDB may write its files anew.
        whole = os.path.join(database.path, "data.mdb")
        self.files: Sequence[str] = [whole] if os.path.exists(whole) else []
        self._keys: list[bytes] = []
        labels: list[np.ndarray] = []
        cursor = database.cursor()
        try:
            first = cursor.take(1)[0]
            datum = self._read_record(first, parse_datum)
            pixels = self._read_record(first, lambda _: datum.pixels(color))
        finally:
            cursor.close()
        self.shape: tuple[int, int, int] | None = None if datum.encoded else pixels.shape
        self._layout = self._read_record(first, RawLayout)
        cursor = database.cursor()
        try:
            left = len(database)
            while left:
                records = cursor.take(min(left, _RECORDS_AT_ONCE))
                left -= len(records)
                self._keys += [bytes(key) for key, _ in records]
                labels.append(self._labels_of(records))
        finally:
            cursor.close()
        self.labels = np.concatenate(labels)
        channels = pixels.shape[0]
        # OpenCV decodes to BGR; what order plain pixels are in, nothing says.
        self.channel_order = "grey" if channels == 1 else "BGR" if datum.encoded and channels == 3 else ""

    def _labels_of(self, records: list) -> np.ndarray:
        """The labels of some records."""
        alike = self._layout.read([value for _, value in records]) if self._layout.shape is not None else None
        if alike is not None:
            return alike[1].astype(np.int64)
        return np.array([self._read_record(record, parse_datum).label for record in records], np.int64)

    def read(self, indices: np.ndarray) -> list[np.ndarray] | np.ndarray:
        """Return images in the order of their indices."""
        order = np.argsort(indices, kind="stable")
        images: list[Any] = [None] * len(indices)
        ascending = np.asarray(indices)[order]
        starts = np.flatnonzero(np.diff(ascending, prepend=-(10**9)) > _LARGEST_GAP)
        for begin, end in zip(starts, [*starts[1:], len(ascending)]):
            run = ascending[begin:end]
            first = int(run[0])
            cursor = self._database.cursor(self._keys[first - 1] if first else b"")
            try:
                records = cursor.take(int(run[-1]) - first + 1)
                for place, index in zip(order[begin:end], run):
                    # A copy, as the view is valid until the cursor is closed.
                    images[place] = np.array(self._pixels(records[int(index) - first]))
                records = []
            finally:
                cursor.close()
        return images

    def _pixels(self, record: Any) -> np.ndarray:
        """The image of a record."""
        return self._read_record(record, lambda value: parse_datum(value).pixels(self._color))

    def _read_record(self, record: Any, read: Callable[[Any], Any]) -> Any:
        """Read something from a record; an error says from which."""
        try:
            return read(record[1])
        except ValueError as error:
            key = bytes(record[0]).decode("utf-8", "backslashreplace")
            raise DataFileError(self._database.path, f"the record with key {key!r} {error}") from error


class FileReader:
    """Image files, decoded by OpenCV.

    Parameters
    ----------
    paths : sequence of str
    color : bool
        Three channels, or one.
    """

    is_in_memory = False

    def __init__(self, paths: Sequence[str | os.PathLike[str]], color: bool) -> None:
        self.files: Sequence[str] = [os.fspath(path) for path in paths]
        self._color = color
        self.channel_order = "BGR" if color else "grey"
        self.shape: tuple[int, int, int] | None = None

    def read(self, indices: np.ndarray) -> list[np.ndarray]:
        """Return images in the order of their indices."""
        return [read_image(self.files[int(index)], self._color).transpose(2, 0, 1) for index in indices]


class Hdf5Reader:
    """Images of several HDF5 files, of which one at a time is in memory.

    Parameters
    ----------
    paths : sequence of str
        In the order of the images.
    name : str
        The dataset of the images.
    counts : sequence of int
        How many images each file has.
    shape : (int, int, int)
        Channels, height and width, the same in all.
    """

    is_in_memory = False

    def __init__(self, paths: Sequence[str], name: str, counts: Sequence[int], shape: tuple[int, int, int]) -> None:
        self.files: Sequence[str] = list(paths)
        self._name = name
        self._begins = np.concatenate([[0], np.cumsum(counts)])
        self.shape: tuple[int, int, int] | None = shape
        self.channel_order = "grey" if shape[0] == 1 else ""
        self._lock = threading.Lock()
        self._open: tuple[int, np.ndarray] | None = None

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Return images in the order of their indices."""
        indices = np.asarray(indices, np.int64)
        numbers = np.searchsorted(self._begins, indices, "right") - 1
        images = np.empty((len(indices), *(self.shape or ())), np.float32)
        for number in np.unique(numbers):
            chosen = numbers == number
            images[chosen] = self._images(int(number))[indices[chosen] - self._begins[number]]
        return images

    def _images(self, number: int) -> np.ndarray:
        """All images of a file."""
        with self._lock:
            if self._open is None or self._open[0] != number:
                self._open = None  # frees the memory first
                (images,) = read_arrays(self.files[number], (self._name,))
                self._open = number, images
            return self._open[1]


class SelectedReader:
    """Some images of another reader.

    Parameters
    ----------
    reader : Reader
    kept : ndarray of int64
        Which, in order.
    n_images : int
        How many the other has.
    """

    def __init__(self, reader: Reader, kept: np.ndarray, n_images: int) -> None:
        self._reader, self._kept = reader, kept
        self.channel_order, self.shape, self.is_in_memory = reader.channel_order, reader.shape, reader.is_in_memory
        one_each = len(reader.files) == n_images
        self.files: Sequence[str] = [reader.files[index] for index in kept.tolist()] if one_each else reader.files

    def read(self, indices: np.ndarray) -> list[np.ndarray] | np.ndarray:
        """Return images in the order of their indices."""
        return self._reader.read(self._kept[np.asarray(indices, np.int64)])


def find_damaged(reader: Reader, n_images: int) -> dict[int, str]:
    """Decode every image, and say which cannot be.

    Parameters
    ----------
    reader : Reader
    n_images : int

    Returns
    -------
    dict of int to str
        The error of each damaged image, by its index.
    """

    def check(part: np.ndarray) -> dict[int, str]:
        try:
            reader.read(part)
            return {}
        except (DataFileError, DataNotFoundError) as error:
            if len(part) == 1:
                return {int(part[0]): str(error)}
        return {index: text for one in part for index, text in check(np.array([one])).items()}

    parts = np.array_split(np.arange(n_images), max(1, n_images // _CHECKED_AT_ONCE))
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return {index: text for found in pool.map(check, parts) for index, text in found.items()}


def read_mask(path: str) -> np.ndarray:
    """Read the class of each pixel.

    Parameters
    ----------
    path : str
        A grey image of class numbers, or a PNG with a palette.

    Returns
    -------
    ndarray of shape (H, W), uint8

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is not an image, or one with colours but no palette.
    """
    try:
        return decode_indices(read_bytes(path))
    except ValueError as error:
        raise DataFileError(path, str(error)) from error
