"""HDF5 as old and new libraries both read it, with errors that name file and place."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from cnnvis_caffe.errors import CnnvisError, DataNotFoundError, StoreError
from cnnvis_caffe.files.atomic import atomic_write

_LIBRARY_ERRORS = (OSError, RuntimeError, ValueError, TypeError, KeyError)
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Smaller datasets lie as they are: a chunk with its index would be larger.
_SMALLEST_PACKED = 512
_CHUNK_BYTES = 1 << 18
#: No filter here makes more of a byte.
_MAX_EXPANSION = 1100


@contextmanager
def create(path: str) -> Iterator[h5py.File]:
    """Create a file beside its place, which it takes when it is whole.

    Parameters
    ----------
    path : str

    Yields
    ------
    h5py.File

    Raises
    ------
    StoreError
        If it cannot be written; nothing is left behind and what was there before still is.
    """
    try:
        with atomic_write(path) as temporary, open(temporary, "wb+", buffering=0) as file:
            careful = _CarefulFile(file)
            try:
                with h5py.File(careful, "w", libver="earliest") as root:
                    yield root
            finally:
                if careful.error is not None:
                    raise careful.error
    except CnnvisError:
        raise
    except _LIBRARY_ERRORS as error:
        raise StoreError(path, "", f"cannot be written: {_reason(error)}") from error


class _CarefulFile:
    """A file whose errors are remembered and not passed on: the library cannot close a file that cannot be written."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        try:
            while self.error is None and done < len(view):
                done += self._file.write(view[done:])
        except OSError as error:
            self.error = error
        return len(view)

    def truncate(self, size: int) -> int:
        try:
            return int(self._file.truncate(size)) if self.error is None else size
        except OSError as error:
            self.error = error
            return size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def read(self, size: int = -1) -> bytes:
        return bytes(self._file.read(size))

    def readinto(self, buffer: Any) -> int:
        return int(self._file.readinto(buffer))

    def flush(self) -> None:
        """Nothing waits here."""


def _reason(error: Exception) -> str:
    """What went wrong, without the library's own words around it."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror and error.errno:
        return os.strerror(error.errno).lower()
    for number in (28, 27, 122, 30, 13):  # disk full, file too large, quota, read-only, not allowed
        if f"errno = {number}," in text:
            return os.strerror(number).lower()
    return text


def is_of_format(path: str, names: tuple[str, ...]) -> bool:
    """Say whether a file calls itself by one of some names; whatever cannot be read does not.

    Parameters
    ----------
    path : str
    names : tuple of str

    Returns
    -------
    bool
    """
    try:
        with h5py.File(path, "r") as root:
            found = root.attrs.get("format", "")
            return (found.decode("utf-8", "replace") if isinstance(found, bytes) else found) in names
    except _LIBRARY_ERRORS:
        return False


def write_array(group: h5py.Group, name: str, array: np.ndarray, dtype: str) -> None:
    """Write a dataset of one little-endian type, packed where that pays.

    Parameters
    ----------
    group : h5py.Group
    name : str
    array : ndarray
    dtype : str
        Such as "<f4".
    """
    array = np.ascontiguousarray(array, dtype)
    if array.nbytes < _SMALLEST_PACKED:
        group.create_dataset(name, data=array, track_times=False)
        return
    row = max(1, array.nbytes // len(array))
    chunks = (min(len(array), max(1, _CHUNK_BYTES // row)), *array.shape[1:])
    group.create_dataset(
        name, data=array, chunks=chunks, compression="gzip", compression_opts=4, shuffle=True, fletcher32=True,
        track_times=False,
    )  # fmt: skip


def write_bytes(group: h5py.Group, name: str, content: bytes) -> None:
    """Write bytes that are packed already.

    Parameters
    ----------
    group : h5py.Group
    name : str
    content : bytes
    """
    group.create_dataset(name, data=np.frombuffer(content, np.uint8), track_times=False)


def write_json(group: h5py.Group, name: str, value: Any) -> None:
    """Write a value as JSON.

    Parameters
    ----------
    group : h5py.Group
    name : str
    value : object
        What JSON can hold.
    """
    content = json.dumps(value, separators=(",", ":"), allow_nan=True).encode("utf-8")
    write_array(group, name, np.frombuffer(content, np.uint8), "|u1")


class OpenFile:
    """A file that is open for reading, by one thread at a time.

    Parameters
    ----------
    path : str
    what : str
        What it should be, and how it is made: for messages.

    Attributes
    ----------
    path : str
    root : h5py.File
    lock : threading.RLock

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    StoreError
        If it is no HDF5 file, or is damaged.
    """

    def __init__(self, path: str, what: str) -> None:
        self.path = path
        self.lock = threading.RLock()
        try:
            with open(path, "rb") as file:
                head = file.read(len(_SIGNATURE))
            self.size = os.path.getsize(path)
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{path}: there is no such file") from error
        except OSError as error:
            raise StoreError(path, "", f"cannot be read: {os.strerror(error.errno or 0).lower()}") from error
        if head != _SIGNATURE:
            raise StoreError(path, "", f"is no {what}")
        try:
            self.root = h5py.File(path, "r")
        except _LIBRARY_ERRORS as error:
            raise StoreError(path, "", f"is damaged or cut off: {_reason(error)}") from error

    def close(self) -> None:
        """Close the file."""
        self.root.close()

    @contextmanager
    def reading(self, key: str) -> Iterator[None]:
        """Turn what the library raises into an error that names a place.

        Parameters
        ----------
        key : str
        """
        try:
            with self.lock:
                yield
        except CnnvisError:
            raise
        except _LIBRARY_ERRORS as error:
            raise StoreError(self.path, key, f"cannot be read: {_reason(error)}") from error

    def is_of_format(self, name: str) -> bool:
        """Say whether the file calls itself by a name.

        Parameters
        ----------
        name : str
        """
        with self.reading("/"):
            return "format" in self.root.attrs and self.attribute("/", "format", str) == name

    def group(self, key: str) -> h5py.Group:
        """Return a group.

        Parameters
        ----------
        key : str
            Its path.
        """
        return self._find(key, h5py.Group, "group")

    def names(self, key: str) -> list[str]:
        """Return what is in a group.

        Parameters
        ----------
        key : str
        """
        group = self.group(key)
        with self.reading(key):
            return list(group)

    def has(self, key: str) -> bool:
        """Say whether there is something of that path.

        Parameters
        ----------
        key : str
        """
        with self.reading(key):
            return key in self.root

    def attribute(self, key: str, name: str, kind: type) -> Any:
        """Return an attribute of a group.

        Parameters
        ----------
        key : str
        name : str
        kind : {str, int, float}
        """
        group = self.group(key)
        with self.reading(f"{key}@{name}"):
            attributes = group.attrs
            if name not in attributes:
                raise StoreError(self.path, key, f"has no attribute {name!r}")
            value = attributes[name]
            if isinstance(value, bytes):
                value = value.decode("utf-8")
            allowed: tuple[type, ...] = {
                str: (str,),
                int: (int, np.integer),
                float: (int, float, np.integer, np.floating),
            }[kind]
            if not isinstance(value, allowed):
                raise StoreError(self.path, key, f"attribute {name!r} must be {kind.__name__}, got {value!r}")
            return kind(value)

    def array(self, key: str, dtype: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """Read a dataset whole.

        Parameters
        ----------
        key : str
        dtype : str
            What it is to be; other types of the same kind are turned into it.
        shape : tuple of (int or None)
            None for any length.

        Returns
        -------
        ndarray

        Raises
        ------
        StoreError
            If there is none, or it has another shape or kind of values.
        """
        dataset = self._dataset(key, dtype, shape)
        with self.reading(key):
            array = np.empty(dataset.shape, np.dtype(dtype).newbyteorder("="))
            if array.size:
                dataset.read_direct(array)
            return array

    def check(self, key: str, dtype: str, shape: tuple[int | None, ...]) -> tuple[int, ...]:
        """Return the shape of a dataset without reading it; everything else as for `array`.

        Parameters
        ----------
        key : str
        dtype : str
        shape : tuple of (int or None)

        Returns
        -------
        tuple of int
        """
        found: tuple[int, ...] = self._dataset(key, dtype, shape).shape
        return found

    def _dataset(self, key: str, dtype: str, shape: tuple[int | None, ...]) -> h5py.Dataset:
        """A dataset that has a shape and a kind of values."""
        dataset = self._find(key, h5py.Dataset, "dataset")
        with self.reading(key):
            found = dataset.shape
            wanted = np.dtype(dtype)
            fits = found is not None and len(found) == len(shape)
            if not fits or any(length not in (None, n) for length, n in zip(shape, found)):
                expected = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
                raise StoreError(self.path, key, f"has shape {found}, but should have {expected}")
            if dataset.dtype.kind != wanted.kind:
                raise StoreError(self.path, key, f"holds {dataset.dtype}, but should hold {wanted}")
            if dataset.size * dataset.dtype.itemsize > self.size * _MAX_EXPANSION:
                raise StoreError(self.path, key, f"claims {dataset.size} values, more than the file can hold")
            return dataset

    def json(self, key: str) -> Any:
        """Read a value that was written as JSON.

        Parameters
        ----------
        key : str
        """
        content = self.array(key, "|u1", (None,)).tobytes()
        try:
            return json.loads(content.decode("utf-8"))
        except ValueError as error:
            raise StoreError(self.path, key, f"is no JSON: {error}") from error

    def _find(self, key: str, kind: type, what: str) -> Any:
        """What lies at a path, if it is of a kind."""
        with self.reading(key):
            found = self.root.get(key)
            if found is None:
                raise StoreError(self.path, key, "is missing; the file is damaged or was not made by this program")
            if not isinstance(found, kind):
                raise StoreError(self.path, key, f"is no {what}")
            return found
