"""HDF5 as old and new libraries both read it, with errors that name file and place."""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import h5py
import numpy as np

from cnnvis_caffe.errors import CnnvisError, DataNotFoundError, StoreError
from cnnvis_caffe.files.atomic import atomic_write
from cnnvis_caffe.files.opening import open_file
from cnnvis_caffe.files.plain_hdf5 import HDF5_SIGNATURE, Damage, Dataset, Group, open_plain

_LIBRARY_ERRORS = (OSError, RuntimeError, ValueError, TypeError, KeyError)
#: Smaller datasets lie as they are, in the header: the index of a chunk alone takes up more than packing saves.
_SMALLEST_PACKED = 2048
_CHUNK_BYTES = 1 << 18
_PIECE_BYTES = 1 << 22


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
        with open_plain(path) as root:
            found = root.attrs.get("format", "")
            return (found.decode("utf-8", "replace") if isinstance(found, bytes) else found) in names
    except (Damage, OSError):
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
        _write_small(group, name, array)
        return
    row = max(1, array.nbytes // len(array))
    chunks = (min(len(array), max(1, _CHUNK_BYTES // row)), *array.shape[1:])
    group.create_dataset(
        name, data=array, chunks=chunks, compression="gzip", compression_opts=4, shuffle=True, fletcher32=True,
        track_times=False,
    )  # fmt: skip


def create_group(group: h5py.Group, name: str) -> h5py.Group:
    """Make a group, as `h5py.Group.create_group` does in twice the time.

    Parameters
    ----------
    group : h5py.Group
        Where it goes.
    name : str
        Without "/".

    Returns
    -------
    h5py.Group
    """
    return h5py.Group(h5py.h5g.create(group.id, name.encode("utf-8"), lcpl=None if name.isascii() else _utf8_name()))


@functools.cache
def _utf8_name() -> Any:
    """The settings of a name that is not ASCII."""
    settings = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    settings.set_char_encoding(h5py.h5t.CSET_UTF8)
    return settings


def write_text(group: h5py.Group, name: str, text: str) -> None:
    r"""Write an attribute, as assigning to `h5py.Group.attrs` does in twice the time.

    Parameters
    ----------
    group : h5py.Group
    name : str
        ASCII.
    text : str
        What HDF5 cannot hold is written out: halves of surrogate pairs, and ``\0``.
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")
    attribute = h5py.h5a.create(group.id, name.encode("ascii"), _text_kind(), _space(()))
    attribute.write(np.array(text, h5py.string_dtype()))


@functools.cache
def _text_kind() -> Any:
    """How the library calls a text."""
    return h5py.h5t.py_create(h5py.string_dtype(), logical=True)


def _write_small(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """What `create_dataset` does, in a third of the time: a network of 1,000 layers has 18,000 of them."""
    kind = _kind(array.dtype)
    dataset = h5py.h5d.create(group.id, name.encode("utf-8"), kind, _space(array.shape), _in_the_header())
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, array, kind)


@functools.lru_cache(maxsize=256)
def _space(shape: tuple[int, ...]) -> Any:
    """How the library calls a shape."""
    return h5py.h5s.create_simple(shape) if shape else h5py.h5s.create(h5py.h5s.SCALAR)


@functools.cache
def _kind(dtype: np.dtype) -> Any:
    """How the library calls a type."""
    return h5py.h5t.py_create(dtype, logical=True)


@functools.cache
def _in_the_header() -> Any:
    """The settings of a dataset whose values lie in its header, and that does not say when it was made."""
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_obj_track_times(False)
    settings.set_layout(h5py.h5d.COMPACT)
    return settings


def write_file(group: h5py.Group, name: str, file: IO[bytes]) -> None:
    """Write the bytes of a file, which are packed already, a piece at a time.

    Parameters
    ----------
    group : h5py.Group
    name : str
    file : file
        Open for reading in binary mode.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    dataset = group.create_dataset(name, (size,), np.uint8, track_times=False)
    for begin in range(0, size, _PIECE_BYTES):
        dataset[begin : begin + _PIECE_BYTES] = np.frombuffer(file.read(_PIECE_BYTES), np.uint8)


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
    root : PlainFile
    lock : threading.RLock

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    StoreError
        If it is not an HDF5 file, or is damaged.
    """

    def __init__(self, path: str, what: str) -> None:
        self.path = path
        self.lock = threading.RLock()
        try:
            with open_file(path) as file:
                head = file.read(len(HDF5_SIGNATURE))
            if head != HDF5_SIGNATURE:
                raise StoreError(path, "", f"is not an {what}")
            self.root = open_plain(path)
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{path}: there is no such file") from error
        except Damage as error:
            raise StoreError(path, "", str(error)) from error
        except StoreError:
            raise
        except OSError as error:
            raise StoreError(path, "", f"cannot be read: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        self.root.close()

    @contextmanager
    def reading(self, key: str) -> Iterator[None]:
        """Turn what is wrong with the file into an error that names a place.

        Parameters
        ----------
        key : str
        """
        try:
            with self.lock:
                yield
        except Damage as error:
            raise StoreError(self.path, key, str(error)) from error

    def is_of_format(self, name: str) -> bool:
        """Say whether the file calls itself by a name.

        Parameters
        ----------
        name : str
        """
        with self.reading("/"):
            return "format" in self.root.attrs and self.attribute("/", "format", str) == name

    def group(self, key: str) -> Group:
        """Return a group.

        Parameters
        ----------
        key : str
            Its path.
        """
        found = self._find(key)
        if not isinstance(found, Group):
            raise StoreError(self.path, key, "is not a group")
        return found

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
            try:
                return bool(self.root[key].name)
            except KeyError:
                return False

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
                value = value.decode("utf-8", "surrogateescape")
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
            return dataset.read(add=False).astype(np.dtype(dtype).newbyteorder("="), copy=False)

    def named_array(self, key: str) -> tuple[str, np.ndarray]:
        """Read a dataset of any shape, and the name that an attribute gives it in JSON.

        Parameters
        ----------
        key : str

        Returns
        -------
        (str, ndarray)
        """
        dataset = self._find(key)
        with self.reading(key):
            name = dataset.attrs.get("name")
            if not isinstance(dataset, Dataset) or not isinstance(name, str):
                raise StoreError(self.path, key, "is not an array with a name")
            return str(_parse_json(self.path, key, name)), dataset.read()

    def part(self, key: str, dtype: str, begin: int, end: int) -> np.ndarray:
        """Read some items of a dataset with one axis; everything else as for `array`.

        Parameters
        ----------
        key : str
        dtype : str
        begin, end : int
            What lies beyond the end of the dataset is left out.

        Returns
        -------
        ndarray
        """
        dataset = self._dataset(key, dtype, (None,))
        with self.reading(key):
            return dataset.part(begin, end).astype(np.dtype(dtype).newbyteorder("="), copy=False)

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
        return self._dataset(key, dtype, shape).shape or ()

    def _dataset(self, key: str, dtype: str, shape: tuple[int | None, ...]) -> Dataset:
        """A dataset that has a shape and a kind of values."""
        dataset = self._find(key)
        if not isinstance(dataset, Dataset):
            raise StoreError(self.path, key, "is not a dataset")
        with self.reading(key):
            found = dataset.shape
            wanted = np.dtype(dtype)
            fits = found is not None and len(found) == len(shape)
            if found is None or not fits or any(length not in (None, n) for length, n in zip(shape, found)):
                expected = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
                raise StoreError(self.path, key, f"has shape {found}, but should have {expected}")
            if dataset.dtype.kind != wanted.kind:
                raise StoreError(self.path, key, f"holds {dataset.dtype}, but should hold {wanted}")
            dataset.check_size()
            return dataset

    def json(self, key: str) -> Any:
        """Read a value that was written as JSON.

        Parameters
        ----------
        key : str
        """
        return _parse_json(self.path, key, self.array(key, "|u1", (None,)).tobytes())

    def table(self, key: str) -> dict[str, Any]:
        """Read a table that was written as JSON.

        Parameters
        ----------
        key : str

        Returns
        -------
        dict
        """
        found = self.json(key)
        if not isinstance(found, dict):
            raise StoreError(self.path, key, "is not a table")
        return found

    def _find(self, key: str) -> Group | Dataset:
        """What lies at a path."""
        with self.reading(key):
            try:
                return self.root[key] if key.strip("/") else self.root
            except KeyError as error:
                reason = "is missing; the file is damaged or was not made by this program"
                raise StoreError(self.path, key, reason) from error


def _parse_json(path: str, key: str, text: str | bytes) -> Any:
    """What a text in JSON says."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(path, key, f"is not JSON: {error}") from error
