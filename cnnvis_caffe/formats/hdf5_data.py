"""HDF5 files of arrays, as Caffe's HDF5Data and HDF5Output layers read and write them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import h5py
import numpy as np

from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.files.atomic import atomic_write
from cnnvis_caffe.files.opening import open_file
from cnnvis_caffe.files.plain_hdf5 import Damage, Dataset, Group, open_plain
from cnnvis_caffe.formats.images import read_bytes
from cnnvis_caffe.formats.sniff import HDF5_SIGNATURE


def read_file_list(path: str | os.PathLike[str]) -> list[str]:
    """Read a list of files, separated by spaces or new lines.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of str

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is not text.
    """
    content = read_bytes(path)
    if content.startswith(HDF5_SIGNATURE):
        raise DataFileError(
            os.fspath(path), "is an HDF5 file itself; give a text file that lists HDF5 files, one on each line"
        )
    if b"\0" in content:
        raise DataFileError(os.fspath(path), "is not text; give a text file that lists HDF5 files, one on each line")
    return [os.fsdecode(name) for name in content.split()]


def read_arrays(path: str | os.PathLike[str], names: Sequence[str]) -> list[np.ndarray]:
    """Read datasets that have as many rows as each other.

    Parameters
    ----------
    path : str or path-like
    names : sequence of str

    Returns
    -------
    list of ndarray, float32
        One for each name, all with the same length of axis 0.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is damaged, or a dataset is missing, holds no numbers, or has another number of rows than the first.

    Notes
    -----
    ``HDF5DataLayer::LoadHDF5FileData`` in ``src/caffe/layers/hdf5_data_layer.cpp``: floats and integers of any
    width are read as float.
    """
    path = os.fspath(path)
    with _reading(path) as file:
        arrays = [_read_array(file, path, name) for name in names]
    for name, array in zip(names, arrays):
        if len(array) != len(arrays[0]):
            raise DataFileError(
                path, f"dataset {name!r} has {len(array)} rows, but {names[0]!r} has {len(arrays[0])}"
            )
    if not len(arrays[0]):
        raise DataFileError(path, f"dataset {names[0]!r} has no rows")
    return arrays


def dataset_shapes(path: str | os.PathLike[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the datasets at the root of a file, without reading their numbers.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict of str to tuple of int

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is damaged.
    """
    with _reading(os.fspath(path)) as file:
        # Reading a link says what is wrong with it.
        found = {name: None if file.is_link(name) else file[name] for name in file}
        return {name: one.shape or () if isinstance(one, Dataset) else () for name, one in found.items()}


@contextmanager
def _reading(path: str) -> Iterator[Group]:
    """Open a file; what is wrong with it becomes an error that names it."""
    try:
        with open_plain(path) as file:
            yield file
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{path}: there is no such file") from error
    except Damage as error:
        raise DataFileError(path, str(error)) from error
    except OSError as error:
        raise DataFileError(path, f"cannot be read: {error.strerror}") from error


def _read_array(file: Group, path: str, name: str) -> np.ndarray:
    """Read one dataset."""
    try:
        dataset = file[name]
    except KeyError:
        dataset = None
    if not isinstance(dataset, Dataset):
        found = ", ".join(file) or "nothing"
        raise DataFileError(path, f"has no dataset {name!r}, the name of a top; it has {found}")
    if dataset.dtype.kind not in "fiu" or not dataset.shape:
        raise DataFileError(
            path,
            f"dataset {name!r} is of type {dataset.dtype} and shape {dataset.shape}; floats or integers with at "
            f"least one axis are allowed",
        )
    return np.ascontiguousarray(dataset.read(), np.float32)


def is_hdf5_file(path: str | os.PathLike[str]) -> bool:
    """Say whether a file begins as HDF5 files do.

    Parameters
    ----------
    path : str or path-like
        False for what is not a file, or cannot be read.
    """
    try:
        with open_file(path) as file:
            return file.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE
    except OSError:
        return False


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write datasets.

    Parameters
    ----------
    path : str or path-like
    arrays : mapping of str to ndarray

    Raises
    ------
    DataFileError
        If the file cannot be written.
    """
    try:
        with atomic_write(path) as temporary_path, h5py.File(temporary_path, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array, track_times=False)
    except OSError as error:
        raise DataFileError(os.fspath(path), f"cannot be written: {error}") from error
