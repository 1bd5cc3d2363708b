"""The file ``<prefix>_iter_N.resume``: what Caffe's solver state cannot hold of a run that is to go on exactly.

It is HDF5 and holds numbers, texts and arrays only, by name: ``/positions/<net>/<n>`` for each layer that stands
somewhere in its data, with the layer's name as attribute, and ``/random/<stream>``. Where several devices trained
together, ``/others/<rank>`` holds the same two for each but the root.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union

import h5py
import numpy as np

from cnnvis_caffe.errors import SolverStateError
from cnnvis_caffe.files.atomic import atomic_write
from cnnvis_caffe.files.plain_hdf5 import Group
from cnnvis_caffe.formats.hdf5 import create_hdf5, open_array, open_group, open_hdf5
from cnnvis_caffe.formats.mapped import MappedFile

FORMAT, VERSION = "cnnvis_caffe resume", 1

#: What a layer may say of its position.
Value = Union[int, float, str, np.ndarray]
_Positions = Mapping[str, Mapping[str, Mapping[str, Value]]]
_Streams = Mapping[str, Mapping[str, Value]]
_KINDS = {"int": "i", "float": "f", "str": "u", "array": "biuf"}


@dataclass(frozen=True, eq=False)
class ResumeState:
    """Where the data and the random streams of a solver stand.

    Attributes
    ----------
    iter : int
        Iterations done.
    positions : mapping of str to mapping of str to mapping of str to Value
        For each net, by the names of its layers: what the layer needs to go on.
    random : mapping of str to mapping of str to Value
        State of each random stream; ``"caffe"`` is always there.
    path : str
        Where this was read from; empty for a state made in memory.
    others : tuple of ResumeState
        Those of the devices that trained along, from rank 1 on.
    """

    iter: int
    positions: _Positions
    random: _Streams
    path: str = ""
    others: tuple[ResumeState, ...] = ()


def write_resume(path: str | os.PathLike[str], state: ResumeState) -> None:
    """Write a resume file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
    state : ResumeState

    Raises
    ------
    SolverStateError
        If it cannot be written, or a layer's position holds anything but int, float, str and arrays of numbers.
    """
    with (
        atomic_write(path) as temporary_path,
        create_hdf5(os.fspath(path), temporary_path, SolverStateError) as root,
    ):
        root.attrs["format"], root.attrs["version"] = FORMAT, VERSION
        root.attrs["iter"] = state.iter
        _write_device(root, state)
        if state.others:
            others = root.create_group("others")
            for rank, other in enumerate(state.others, start=1):
                _write_device(others.create_group(str(rank)), other)


def read_resume(path: str | os.PathLike[str]) -> ResumeState:
    """Read a resume file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    ResumeState

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    SolverStateError
        If it is not a resume file, is damaged, or is of a newer version.
    """
    file = MappedFile(path, SolverStateError)
    with open_hdf5(file) as root:
        if root.attrs.get("format") != FORMAT:
            raise SolverStateError(file.path, "is not a resume file; remove it to resume as Caffe does, without one")
        version = _read_number(file, root, "version")
        if version > VERSION:
            reason = f"is of version {version}, but this program reads {VERSION}; update it"
            raise SolverStateError(file.path, reason)
        iteration = _read_number(file, root, "iter")
        places = []
        if "others" in root:
            group = open_group(file, root, "others")
            places = [open_group(file, group, str(rank)) for rank in range(1, len(group) + 1)]
        others = tuple(ResumeState(iteration, *_read_device(file, place), file.path) for place in places)
        return ResumeState(iteration, *_read_device(file, root), file.path, others)


def _write_device(group: h5py.Group, state: ResumeState) -> None:
    """Write what one device holds."""
    positions = group.create_group("positions")
    for net, layers in state.positions.items():
        rows = positions.create_group(net)
        for number, (layer, values) in enumerate(layers.items()):
            row = rows.create_group(str(number))
            _write_value(row, "layer", layer)
            _write_values(row.create_group("values"), values)
    random = group.create_group("random")
    for stream, values in state.random.items():
        _write_values(random.create_group(stream), values)


def _read_device(file: MappedFile, group: Group) -> tuple[_Positions, _Streams]:
    """Read what one device holds."""
    positions = {}
    groups = open_group(file, group, "positions")
    for net in groups:
        rows = open_group(file, groups, net)
        opened = [open_group(file, rows, number) for number in rows]
        positions[net] = {
            str(_read_value(file, row, "layer")): _read_values(file, open_group(file, row, "values")) for row in opened
        }
    streams = open_group(file, group, "random")
    random = {stream: _read_values(file, open_group(file, streams, stream)) for stream in streams}
    if "caffe" not in random:
        raise SolverStateError(file.path, "lacks the state of the random stream")
    return positions, random


def _write_values(group: h5py.Group, values: Mapping[str, Value]) -> None:
    """Write a dict of values."""
    for name, value in values.items():
        _write_value(group, name, value)


def _write_value(group: h5py.Group, name: str, value: Value) -> None:
    """Write a number, a text or an array; which of them, an attribute says."""
    array: np.ndarray
    if isinstance(value, (bool, int, np.integer)):
        kind, array = "int", np.array(int(value), "<i8")
    elif isinstance(value, (float, np.floating)):
        kind, array = "float", np.array(float(value), "<f8")
    elif isinstance(value, str):
        kind, array = "str", np.frombuffer(value.encode("utf-8", "surrogateescape"), np.uint8)
    elif isinstance(value, np.ndarray) and value.dtype.kind in _KINDS["array"]:
        kind, array = "array", value
    else:
        raise TypeError(f"{name!r} of a layer's position must be int, float, str or an array of numbers, got {value!r}")
    dataset = group.create_dataset(name, data=array, track_times=False)
    dataset.attrs["kind"] = kind


def _read_number(file: MappedFile, group: Group, name: str) -> int:
    """Read an attribute that is a whole number."""
    value = group.attrs.get(name)
    if not isinstance(value, (int, np.integer)):
        raise SolverStateError(file.path, f"is damaged: it does not say its {name!r}")
    return int(value)


def _read_values(file: MappedFile, group: Group) -> dict[str, Value]:
    """Read a dict of values."""
    return {name: _read_value(file, group, name) for name in group}


def _read_value(file: MappedFile, group: Group, name: str) -> Value:
    """Read a number, a text or an array."""
    dataset = open_array(file, group, name)
    kind = dataset.attrs.get("kind")
    if not isinstance(kind, str) or dataset.dtype.kind not in _KINDS.get(kind, ""):
        raise SolverStateError(file.path, f"is damaged: {name!r} is not a value")
    array = dataset.read()
    if kind == "array":
        return array
    if kind == "str":
        return array.tobytes().decode("utf-8", "surrogateescape")
    if array.size != 1:
        raise SolverStateError(file.path, f"is damaged: {name!r} should be one number and has shape {array.shape}")
    return int(array.reshape(-1)[0]) if kind == "int" else float(array.reshape(-1)[0])
