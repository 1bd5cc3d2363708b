"""NumPy's .npy and .npz files: plain arrays of numbers and texts, read without numpy's reader.

That takes whatever Python's parser takes for the header, and allocates what the header claims.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

import numpy as np

from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.files.limits import allowed_bytes
from cnnvis_caffe.files.opening import open_file

_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 1 << 16
_MAX_AXES = 32
_LAST_CHARACTER = 0x10FFFF
_HEADER = re.compile(
    r"\{\s*'descr':\s*'([<>|=][biufSU]\d{1,6})'\s*,\s*'fortran_order':\s*(True|False)\s*,"
    r"\s*'shape':\s*\(([\dL,\s]{0,700})\)\s*,?\s*\}\s*"
)
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, KeyError,
    IndexError, OverflowError, TypeError, struct.error,
)  # fmt: skip


def read_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an array.

    Parameters
    ----------
    path : str or path-like
        A .npy file.

    Returns
    -------
    ndarray
        Of numbers, booleans or texts.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is something else, is damaged, or holds objects.
    """
    path = os.fspath(path)
    with _reading(path, "npy"), open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        return _read_array(file, size, size)


def read_npz(path: str | os.PathLike[str], names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Read some of the arrays of an archive.

    Parameters
    ----------
    path : str or path-like
        A .npz file.
    names : sequence of str
        Arrays that must be there.
    optional : sequence of str
        Arrays that may be there.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is something else, is damaged, lacks an array, or an array is of objects or takes far more memory than a
        file of this size may ask for.
    """
    path = os.fspath(path)
    with _reading(path, "npz"), open_file(path) as whole, zipfile.ZipFile(whole) as archive:
        size = os.path.getsize(path)
        members = {name[:-4] if name.endswith(".npy") else name: name for name in archive.namelist()}
        missing = [name for name in names if name not in members]
        if missing:
            found = ", ".join(members) or "nothing"
            raise DataFileError(path, f"has no array {' and no '.join(map(repr, missing))}, but {found[:300]}")
        arrays = {}
        for name in (*names, *(name for name in optional if name in members)):
            with archive.open(members[name]) as file:
                arrays[name] = _read_array(cast(BinaryIO, file), archive.getinfo(members[name]).file_size, size)
        return arrays


@contextmanager
def _reading(path: str, kind: str) -> Iterator[None]:
    """Turn what is wrong with a file into an error that names it."""
    try:
        yield
    except (DataFileError, DataNotFoundError):
        raise
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{path}: there is no such file") from error
    except _ZIP_ERRORS as error:
        raise DataFileError(path, f"is not a {kind} file or is damaged: {error}") from error


def _read_array(file: BinaryIO, length: int, file_size: int) -> np.ndarray:
    """Read an array that ends where its file or its part of an archive ends."""
    head = file.read(8)
    if head[:6] != _MAGIC or len(head) < 8 or head[6] not in (1, 2, 3):
        raise ValueError("there is no array in it")
    width = 2 if head[6] == 1 else 4
    header_length = int.from_bytes(file.read(width), "little")
    if header_length > _MAX_HEADER:
        raise ValueError(f"the header of an array has {header_length} bytes")
    found = _HEADER.fullmatch(file.read(header_length).decode("latin-1"))
    if found is None:
        raise ValueError("an array holds neither numbers nor texts, or its header is damaged")
    kind, order, dims = found.groups()
    dtype, shape = np.dtype(kind), tuple(int(dim.strip().rstrip("L")) for dim in dims.split(",") if dim.strip())
    n_bytes = math.prod(shape) * dtype.itemsize
    there = length - 8 - width - header_length
    if len(shape) > _MAX_AXES or n_bytes != there:
        raise ValueError(f"an array of shape {shape} and type {dtype} takes {n_bytes} bytes, but {there} are there")
    allowed = allowed_bytes(file_size)
    if n_bytes > allowed:
        raise ValueError(
            f"an array takes {n_bytes} bytes of memory, but a file of {file_size} bytes may take {allowed}; store it "
            f"without compression if it is right"
        )
    content = file.read(n_bytes)
    if len(content) != n_bytes:
        raise ValueError(f"an array is cut off after {len(content)} of {n_bytes} bytes")
    if dtype.kind == "U" and (np.frombuffer(content, dtype.byteorder.replace("|", "=") + "u4") > _LAST_CHARACTER).any():
        raise ValueError("a text has characters that do not exist")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if order == "True" else "C")
