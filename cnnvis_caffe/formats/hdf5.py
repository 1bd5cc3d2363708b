"""HDF5 weights (.caffemodel.h5), and what HDF5 solver states share with them.

Caffe keeps each array of a layer as a dataset ``/data/<layer>/<index>`` and, when asked, its diff below
``/diff``. Layer names with a slash, all of GoogLeNet's, end Caffe's writing; we write nested groups and read
them.

They are read without the HDF5 library (`plain_hdf5`). Arrays are views into the mapped file at the offset that its
structure gives; other ways to store them are read after a check that their size fits the file's, so that a damaged
file cannot make it reserve memory at will.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from cnnvis_caffe.errors import CaffemodelError, CnnvisError, FileFormatError
from cnnvis_caffe.files.atomic import atomic_write
from cnnvis_caffe.files.plain_hdf5 import Damage, Dataset, Group, PlainFile, open_plain
from cnnvis_caffe.formats import sniff
from cnnvis_caffe.formats.blobproto import checked_count, show
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.formats.wire import WireError
from cnnvis_caffe.records.weights import LayerWeights, ParamArray, WeightsFile

_MAX_BLOBS = 4096  # of one layer
_MAX_DEPTH = 32  # of groups, that is slashes in a layer's name
_LIBRARY_ERRORS = (OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


def read_weights_hdf5(path: str | os.PathLike[str]) -> WeightsFile:
    """Open an HDF5 caffemodel.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    WeightsFile
        With layers by name, as HDF5 lists them. Places that a layer leaves out are None: in HDF5 Caffe
        saves an array that layers share under its first owner only.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    CaffemodelError
        If it is not an HDF5 caffemodel or is damaged.

    Notes
    -----
    ``Net::CopyTrainedLayersFromHDF5`` in ``src/caffe/net.cpp``.
    """
    file = MappedFile(path, CaffemodelError)
    unknown: list[str] = []
    with open_hdf5(file) as root:
        if "data" not in root:
            found = ", ".join(sorted(root)) or "nothing"
            hint = "; it looks like a solver state" if "history" in root else ""
            raise CaffemodelError(file.path, f"has no group 'data', but {found}{hint}")
        data = _arrays_by_layer(file, open_group(file, root, "data"), unknown)
        diff = _arrays_by_layer(file, open_group(file, root, "diff"), unknown) if "diff" in root else {}
    layers = tuple(_layer_weights(file, name, arrays, diff.get(name, {})) for name, arrays in data.items())
    return WeightsFile(
        path=file.path,
        format="hdf5",
        generation="",
        net_name="",
        layers=layers,
        unknown=tuple(unknown),
        mapping=file,
    )


def write_weights_hdf5(
    path: str | os.PathLike[str],
    layers: Mapping[str, Sequence[Any]] | Iterable[tuple[str, Sequence[Any]]],
    *,
    with_diff: bool = False,
) -> None:
    """Write an HDF5 caffemodel that Caffe can load.

    Parameters
    ----------
    path : str or path-like
    layers : mapping of str to sequence, or iterable of pairs
        Name and arrays of **every** layer, in any order. An array is a float32 ndarray, a pair
        ``(data, diff)`` or a ParamArray; ``data`` is None for one that an earlier layer owns.
    with_diff : bool, default=False
        Write diffs, too (``snapshot_diff``).

    Raises
    ------
    CaffemodelError
        If a layer's name cannot be a path of HDF5 groups, or two layers collide.

    Notes
    -----
    ``Net::ToHDF5`` in ``src/caffe/net.cpp``, except that Caffe aborts on names with a slash. HDF5 cannot mark
    a shape as legacy and Caffe compares it exactly: give a legacy array the shape that its net has.
    """
    path = os.fspath(path)
    pairs = list(layers.items() if isinstance(layers, Mapping) else layers)
    _check_names(path, [name for name, _ in pairs])
    with atomic_write(path) as temporary_path, create_hdf5(path, temporary_path, CaffemodelError) as root:
        for top in ("data", "diff")[: 2 if with_diff else 1]:
            root.create_group(top)
            for name, blobs in pairs:
                group = root[top].require_group(name)
                for index, blob in enumerate(blobs):
                    data, diff = (blob.data, blob.diff) if isinstance(blob, ParamArray) else _pair(blob)
                    array = data if top == "data" else diff
                    if array is not None:
                        write_array(group, str(index), array)


@contextmanager
def open_hdf5(file: MappedFile) -> Iterator[PlainFile]:
    """Open the HDF5 file behind a map; what is wrong with it becomes the file's kind of error.

    Parameters
    ----------
    file : MappedFile

    Yields
    ------
    PlainFile
    """
    if not sniff.is_hdf5(file.data):
        looks_like = sniff.describe(file.data) or "something else"
        raise file.error(file.path, f"is not an HDF5 file; it looks like {looks_like}")
    try:
        with open_plain(file.path) as root:
            yield root
    except CnnvisError:
        raise
    except (Damage, WireError) as trouble:
        raise file.error(file.path, str(trouble)) from trouble
    except OSError as trouble:
        raise file.error(file.path, f"cannot be read: {_text(trouble)}") from trouble


@contextmanager
def create_hdf5(path: str, temporary_path: str | os.PathLike[str], error: type[FileFormatError]) -> Iterator[h5py.File]:
    """Create an HDF5 file that the oldest libraries can read.

    Parameters
    ----------
    path : str
        The file that it will become, for messages.
    temporary_path : str or path-like
    error : type of FileFormatError
        What the library's errors become.

    Yields
    ------
    h5py.File
    """
    try:
        with h5py.File(temporary_path, "w", libver="earliest") as root:
            yield root
    except CnnvisError:
        raise
    except _LIBRARY_ERRORS as trouble:
        raise error(path, f"cannot be written: {_text(trouble)}") from trouble


def write_array(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """Write a dataset of float32 as Caffe does: in one run, a scalar as a scalar, without time stamps."""
    array = np.asarray(array, np.float32)
    group.create_dataset(name, shape=array.shape, dtype="<f4", data=array, track_times=False)


def open_group(file: MappedFile, parent: Group, name: str) -> Group:
    """Return a group, or raise the file's kind of error if there is none."""
    child = _open(file, parent, name)
    if not isinstance(child, Group):
        raise file.error(file.path, f"has a dataset {child.name!r} where a group is expected")
    return child


def open_array(file: MappedFile, parent: Group, name: str) -> Dataset:
    """Return an array that is not read yet, or raise the file's kind of error if there is none."""
    child = _open(file, parent, name)
    if not isinstance(child, Dataset) or child.shape is None:
        raise file.error(file.path, f"dataset {child.name} is not an array")
    return child


def _open(file: MappedFile, parent: Group, name: str) -> Group | Dataset:
    """Return what a group has by a name."""
    if name not in parent:
        raise file.error(file.path, f"lacks {_join(parent, name)}")
    return parent[name]


def read_array(file: MappedFile, parent: Group, name: str) -> np.ndarray:
    """Return a dataset as float32, a view into the map where that is possible, read-only.

    Parameters
    ----------
    file : MappedFile
    parent : Group
    name : str

    Returns
    -------
    ndarray, float32

    Raises
    ------
    FileFormatError
        Of the file's kind, if the dataset does not fit the file, or its shape is beyond Caffe's.
    """
    dataset = open_array(file, parent, name)
    assert dataset.shape is not None
    where = f"dataset {dataset.name}"
    stored = dataset.dtype
    if stored.kind not in "fiu" or stored.itemsize > 8:
        found = "no plain numbers" if stored.kind == "O" else stored
        raise file.error(file.path, f"{where} holds {found}, but weights are float32 or float64")
    try:
        count = checked_count(dataset.shape)
    except WireError as trouble:
        raise file.error(file.path, f"{where} {trouble}") from trouble
    array = np.empty(dataset.shape, np.float32) if count == 0 else _view_or_read(file, dataset, count, where)
    array.flags.writeable = False
    return array


def _view_or_read(file: MappedFile, dataset: Dataset, count: int, where: str) -> np.ndarray:
    """Return a non-empty dataset whose shape and type are fine."""
    assert dataset.shape is not None
    offset = dataset.offset
    if offset is None and dataset.is_unwritten:
        raise file.error(file.path, f"{where} keeps its numbers elsewhere or was never written")
    if offset is None:
        return np.asarray(dataset.read(), np.float32)
    end = offset + dataset.nbytes
    if end > file.size:
        raise file.error(
            file.path,
            f"{where} has shape {show(dataset.shape)} and should reach to byte {end}, "
            f"but the file ends at byte {file.size}",
        )
    # Numbers of another type are turned into floats: a copy.
    return np.asarray(file.view(dataset.dtype, offset, count).reshape(dataset.shape), "<f4")


def _arrays_by_layer(file: MappedFile, top: Group, unknown: list[str]) -> dict[str, dict[int, np.ndarray]]:
    """Return the arrays below /data or /diff: layer name to index to array."""
    found: dict[str, dict[int, np.ndarray]] = {}
    seen: set[Any] = set()
    # Names are put together from links: the library would give a group's name by one of its paths only.
    waiting = [("", top)]
    while waiting:
        prefix, group = waiting.pop()
        _check_new(file, group, seen)
        arrays: dict[int, np.ndarray] = {}
        subgroups = []
        for name in group:
            full_name = _checked_name(file, f"{prefix}/{name}" if prefix else name)
            item = None if group.is_link(name) else group[name]
            if isinstance(item, Group):
                subgroups.append((full_name, item))
            elif prefix and name.isascii() and name.isdigit() and int(name) < _MAX_BLOBS:
                arrays[int(name)] = read_array(file, group, name)
            else:
                unknown.append(f"{top.name}/{full_name} is neither a layer nor an array of one")
        # A group that only holds groups is part of a name with slashes.
        if prefix and (arrays or not subgroups):
            found[prefix] = arrays
        waiting.extend(reversed(subgroups))
    return found


def _check_new(file: MappedFile, group: Group, seen: set[Any]) -> None:
    """Raise if groups form a ring or share branches, which Caffe never writes and a walk might not end in."""
    if group.identity in seen:
        raise file.error(file.path, f"is damaged: group {group.name!r} is reached twice")
    seen.add(group.identity)


def _checked_name(file: MappedFile, name: str) -> str:
    """Return a layer's name if it can be one."""
    if name.count("/") >= _MAX_DEPTH:
        raise file.error(file.path, f"is damaged: groups are nested deeper than {_MAX_DEPTH}")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as trouble:
        raise file.error(file.path, f"is damaged: the layer name {name!r} is not UTF-8") from trouble
    return name


def _layer_weights(
    file: MappedFile, name: str, data: Mapping[int, np.ndarray], diff: Mapping[int, np.ndarray]
) -> LayerWeights:
    """Return a layer with None at the places that the file leaves out."""
    blobs: list[ParamArray | None] = []
    for index in range(max(data, default=-1) + 1):
        array = data.get(index)
        if array is None:
            blobs.append(None)
            continue
        gradient = diff.get(index)
        if gradient is not None and gradient.shape != array.shape:
            reason = f"blob {index} has shape {show(array.shape)}, its diff {show(gradient.shape)}"
            raise file.error(file.path, f"layer {name!r}: {reason}")
        blobs.append(ParamArray(array.shape, array, gradient))
    return LayerWeights(name, "", tuple(blobs), owned=None not in blobs)


def _join(parent: Group, name: str) -> str:
    """Return the path of what a group holds."""
    return f"{parent.name.rstrip('/')}/{name}"


def _text(error: Exception) -> str:
    """Return what an error says, without the quotes that KeyError puts around it."""
    return str(error.args[0]) if error.args else type(error).__name__


def _pair(blob: Any) -> tuple[Any, Any]:
    """Return data and diff of an ndarray or a pair."""
    return blob if isinstance(blob, tuple) else (blob, None)


def _check_names(path: str, names: Sequence[str]) -> None:
    """Raise if layers cannot be kept apart as paths of HDF5 groups."""
    taken = set()
    for name in names:
        parts = name.split("/")
        if "" in parts or "." in parts or "\0" in name or len(parts) > _MAX_DEPTH:
            reason = f"layer name {name!r} cannot be a path of HDF5 groups; write a binary .caffemodel"
            raise CaffemodelError(path, f"cannot be written: {reason}")
        if name in taken:
            reason = f"two layers are called {name!r}; HDF5 needs one name each"
            raise CaffemodelError(path, f"cannot be written: {reason}")
        taken.add(name)
