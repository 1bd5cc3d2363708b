"""Solver states, binary and HDF5: how far training had come, and the solver's memory."""

from __future__ import annotations

import os
from typing import Any

import h5py
import numpy as np

from cnnvis_caffe.errors import SolverStateError
from cnnvis_caffe.files.atomic import atomic_write
from cnnvis_caffe.files.plain_hdf5 import Group
from cnnvis_caffe.formats import sniff, wire
from cnnvis_caffe.formats.blobproto import (
    INT_MAX,
    Piece,
    blob_pieces,
    int32,
    pieces_length,
    read_blob,
    write_pieces,
)
from cnnvis_caffe.formats.hdf5 import create_hdf5, open_array, open_group, open_hdf5, read_array, write_array
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.formats.wire import WireError
from cnnvis_caffe.records.solver_state import SolverState
from cnnvis_caffe.records.weights import ParamArray

# Field numbers of SolverState.
_ITER, _LEARNED_NET, _HISTORY, _CURRENT_STEP = 1, 2, 3, 4
_WIRE = {_ITER: wire.VARINT, _LEARNED_NET: wire.LENGTH, _HISTORY: wire.LENGTH, _CURRENT_STEP: wire.VARINT}


def read_solverstate(path: str | os.PathLike[str]) -> SolverState:
    """Open a solver state, HDF5 or binary by what it holds.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    SolverState
        With arrays as read-only views into the mapped file.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    SolverStateError
        If it is not a solver state or is damaged.

    Notes
    -----
    ``SGDSolver::RestoreSolverState`` in ``src/caffe/solvers/sgd_solver.cpp`` and ``src/caffe/solver.cpp``.
    Caffe goes by the name, ``.h5``; a renamed file opens here all the same.
    """
    file = MappedFile(path, SolverStateError)
    return _read_hdf5(file) if sniff.is_hdf5(file.data) else _read_binary(file)


def write_solverstate(path: str | os.PathLike[str], state: SolverState) -> None:
    """Write a binary solver state, byte for byte as Caffe would.

    Parameters
    ----------
    path : str or path-like
    state : SolverState
        `path` and `format` of the record are not looked at.

    Raises
    ------
    SolverStateError
        If it would be larger than the 2 GiB that protobuf allows.

    Notes
    -----
    ``SGDSolver::SnapshotSolverStateToBinaryProto`` in ``src/caffe/solvers/sgd_solver.cpp``.
    """
    pieces: list[Piece] = [wire.write_tag(_ITER, wire.VARINT) + wire.write_varint(state.iter)]
    if state.learned_net is not None:
        text = state.learned_net.encode("utf-8", "surrogateescape")
        pieces.append(wire.write_length(_LEARNED_NET, len(text)) + text)
    for blob in state.history:
        body = blob_pieces(blob.data, legacy=blob.legacy)
        pieces += [wire.write_length(_HISTORY, pieces_length(body)), *body]
    pieces.append(wire.write_tag(_CURRENT_STEP, wire.VARINT) + wire.write_varint(state.current_step))
    length = pieces_length(pieces)
    if length > INT_MAX:
        reason = f"would take {length} bytes, but protobuf messages hold at most {INT_MAX}; write HDF5 instead"
        raise SolverStateError(os.fspath(path), reason)
    with atomic_write(path) as temporary_path, open(temporary_path, "wb") as file:
        write_pieces(file, pieces)


def write_solverstate_hdf5(path: str | os.PathLike[str], state: SolverState) -> None:
    """Write an HDF5 solver state that Caffe can restore.

    Parameters
    ----------
    path : str or path-like
        Caffe takes it for HDF5 only if it ends in ``.h5``.
    state : SolverState

    Notes
    -----
    ``SGDSolver::SnapshotSolverStateToHDF5`` in ``src/caffe/solvers/sgd_solver.cpp``.
    """
    with (
        atomic_write(path) as temporary_path,
        create_hdf5(os.fspath(path), temporary_path, SolverStateError) as root,
    ):
        for name, number in (("iter", state.iter), ("current_step", state.current_step)):
            root.create_dataset(name, data=np.array([number], "<i4"), track_times=False)
        if state.learned_net is not None:
            # Caffe reads as many bytes as the type is long into a buffer and takes them for a C string.
            text = state.learned_net.encode("utf-8", "surrogateescape") + b"\0"
            dtype = h5py.h5t.C_S1.copy()
            dtype.set_size(len(text))
            space = h5py.h5s.create(h5py.h5s.SCALAR)
            properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            properties.set_obj_track_times(False)
            dataset = h5py.h5d.create(root.id, b"learned_net", dtype, space, properties)
            dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array(text, f"S{len(text)}"), dtype)
        history = root.create_group("history")
        for index, blob in enumerate(state.history):
            write_array(history, str(index), blob.data)


def _read_binary(file: MappedFile) -> SolverState:
    """Open a binary solver state."""
    numbers = {_CURRENT_STEP: 0}
    learned_net = None
    history: list[ParamArray] = []
    unknown: list[str] = []
    where = ""
    try:
        for field in wire.fields(file.data, 0, file.size):
            where = ""
            if field.number in _WIRE and field.wire != _WIRE[field.number]:
                raise WireError(f"has a field {field.number} that is not a solver state's; is it a mean image?")
            if field.number in (_ITER, _CURRENT_STEP):
                numbers[field.number] = int32(field.value)
            elif field.number == _LEARNED_NET:
                # A path may have any bytes; this is how Python hands them to the file system.
                learned_net = file.data[field.begin : field.end].decode("utf-8", "surrogateescape")
            elif field.number == _HISTORY:
                where = f"history blob {len(history)} "
                history.append(read_blob(file, field.begin, field.end, unknown))
            else:
                unknown.append(f"field {field.number} of SolverState (byte {field.start})")
    except WireError as damage:
        raise SolverStateError(file.path, _explain(file, f"{where}{damage}")) from damage
    if _ITER not in numbers:
        raise SolverStateError(file.path, _explain(file, "does not say how many iterations were done"))
    return SolverState(
        iter=numbers[_ITER],
        current_step=numbers[_CURRENT_STEP],
        learned_net=learned_net,
        history=tuple(history),
        path=file.path,
        format="binary",
        unknown=tuple(unknown),
        mapping=file,
    )


def _read_hdf5(file: MappedFile) -> SolverState:
    """Open an HDF5 solver state."""
    with open_hdf5(file) as root:
        missing = [name for name in ("iter", "current_step", "history") if name not in root]
        if missing:
            hint = "; it looks like a caffemodel" if "data" in root else ""
            raise SolverStateError(file.path, f"lacks {missing[0]!r}{hint}")
        history = open_group(file, root, "history")
        strangers = sorted(name for name in history if not name.isdigit())
        arrays = []
        for index in range(len(history) - len(strangers)):
            if str(index) not in history:
                raise SolverStateError(file.path, f"lacks history blob {index}")
            arrays.append(read_array(file, history, str(index)))
        return SolverState(
            iter=_read_integer(file, root, "iter"),
            current_step=_read_integer(file, root, "current_step"),
            learned_net=_read_string(file, root, "learned_net") if "learned_net" in root else None,
            history=tuple(ParamArray(array.shape, array) for array in arrays),
            path=file.path,
            format="hdf5",
            unknown=tuple(f"/history/{name}" for name in strangers),
            mapping=file,
        )


def _read_integer(file: MappedFile, root: Group, name: str) -> int:
    """Return a dataset of a single integer."""
    return int(_read_single(file, root, name, "iu", "integer"))


def _read_string(file: MappedFile, root: Group, name: str) -> str:
    """Return a dataset of a single string of fixed length, which is all that Caffe writes."""
    value = bytes(_read_single(file, root, name, "S", "string of fixed length"))
    return value.split(b"\0")[0].decode("utf-8", "surrogateescape")


def _read_single(file: MappedFile, root: Group, name: str, kinds: str, what: str) -> Any:
    """Return the one element of a dataset, an array of one or a scalar."""
    dataset = open_array(file, root, name)
    if dataset.shape not in ((), (1,)):
        raise SolverStateError(file.path, f"{name!r} is not a single {what}")
    if dataset.dtype.kind not in kinds or dataset.dtype.itemsize > file.size:
        raise SolverStateError(file.path, f"{name!r} is not a single {what}, but {dataset.dtype}")
    return dataset.read().reshape(-1)[0]


def _explain(file: MappedFile, trouble: str) -> str:
    """Return a reason that says what the file looks like, where that can be told."""
    looks_like = sniff.describe(file.data)
    if looks_like:
        return f"is not a solver state; it looks like {looks_like}"
    if file.data[0] == 0x0A:
        return f"is not a solver state; it looks like a caffemodel ({trouble})"
    return trouble
