"""Snapshots of a solver: written as a whole, and gone on from."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cnnvis_caffe.errors import CnnvisError, DataNotFoundError, NetError, ParamMismatchError, SolverStateError
from cnnvis_caffe.files.temporary import temporary_folder
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.resume import ResumeState, read_resume, write_resume
from cnnvis_caffe.formats.solverstate import read_solverstate, write_solverstate, write_solverstate_hdf5
from cnnvis_caffe.records.solver_state import SolverState
from cnnvis_caffe.records.weights import ParamArray
from cnnvis_caffe.runtime import net_weights
from cnnvis_caffe.runtime.solvers import whereabouts

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.blob import Blob
    from cnnvis_caffe.runtime.solvers.solver import Solver

logger = logging.getLogger(__name__)

_STATE, _RESUME = ".solverstate", ".resume"


def check_prefix(solver: Solver) -> None:
    """Refuse a solver that will not be able to write its snapshots, before it has trained for hours.

    Parameters
    ----------
    solver : Solver

    Raises
    ------
    NetError
        If `snapshot` is given and files with `snapshot_prefix` cannot be written.

    Notes
    -----
    `Solver::CheckSnapshotWritePermissions` in `src/caffe/solver.cpp`.
    """
    param = solver.param
    if not param.snapshot:
        return
    if not param.HasField("snapshot_prefix"):
        raise NetError(f"{solver.path}: snapshot is given, so snapshot_prefix must be given, too")
    folder = os.path.dirname(param.snapshot_prefix) or "."
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise NetError(
            f"{solver.path}: snapshot_prefix {param.snapshot_prefix!r}: cannot write into the folder {folder!r} "
            f"({error.strerror}); it must exist and be writable"
        ) from error


def write(solver: Solver) -> str:
    """Write a snapshot: weights, solver state, and beside them what Caffe's files cannot hold.

    Parameters
    ----------
    solver : Solver

    Returns
    -------
    str
        Path of the solver state.

    Raises
    ------
    SolverStateError
        If a file cannot be written. All files are written elsewhere first: what was there before is untouched then.

    Notes
    -----
    `Solver::Snapshot` in `src/caffe/solver.cpp` and `SGDSolver::SnapshotSolverState` in
    `src/caffe/solvers/sgd_solver.cpp`.
    """
    param = solver.param
    is_hdf5 = param.snapshot_format == schema.SolverParameter.HDF5
    kind, suffix = ("HDF5", ".h5") if is_hdf5 else ("binary proto", "")
    stem = f"{param.snapshot_prefix}_iter_{solver.iter}"
    model, state, resume = f"{stem}.caffemodel{suffix}", f"{stem}{_STATE}{suffix}", f"{stem}{_RESUME}"
    own = whereabouts.collect(_nets(solver), solver.iter)
    all_states = replace(own, others=solver.devices.gather(own))
    if not solver.devices.is_root:
        return state
    try:
        # Of the whole run, so that the next snapshot removes what was left when this one's process was killed.
        with temporary_folder(f"{param.snapshot_prefix}_iter") as staging:

            def staged(path: str) -> str:
                return os.path.join(staging, os.path.basename(path))

            logger.info("Snapshotting to %s file %s", kind, model)
            save = net_weights.save_hdf5 if is_hdf5 else net_weights.save
            save(solver.net, staged(model), diffs=param.snapshot_diff)
            write_resume(staged(resume), all_states)
            logger.info("Snapshotting solver state to %s file %s", kind, state)
            (write_solverstate_hdf5 if is_hdf5 else write_solverstate)(staged(state), _solver_state(solver, model))
            # A solver state is the sign that its snapshot is whole: an old one of the same name goes first, and the
            # new one comes last.
            if os.path.lexists(state):
                os.unlink(state)
            for path in (model, resume, state):
                os.replace(staged(path), path)
    except (OSError, CnnvisError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
        raise SolverStateError(state, f"the snapshot cannot be written: {reason}; earlier ones are whole") from error
    return state


def restore(solver: Solver, path: str) -> None:
    """Bring a solver to where a snapshot was made.

    Parameters
    ----------
    solver : Solver
    path : str
        The solver state, binary or HDF5.

    Raises
    ------
    DataNotFoundError, SolverStateError, CaffemodelError
        If a file is missing or damaged.
    ParamMismatchError
        If the snapshot is that of another net or solver; nothing is changed then.

    Notes
    -----
    `SGDSolver::RestoreSolverStateFromBinaryProto` in `src/caffe/solvers/sgd_solver.cpp`.
    """
    path = os.fspath(path)
    state = read_solverstate(path)
    histories = [blob for row in solver.histories for blob in row]
    _check_histories(solver, state, histories)
    resume = _read_resume(path, state)
    if state.learned_net:
        net_weights.copy_from(solver.net, _find_weights(state.learned_net, path))
    logger.info("SGDSolver: restoring history")
    for blob, array in zip(histories, state.history):
        np.copyto(blob.data, array.data.reshape(blob.shape))
    solver.current_step = state.current_step
    solver.iter = state.iter
    if resume is not None:
        whereabouts.restore(_nets(solver), resume)


def _solver_state(solver: Solver, model: str) -> SolverState:
    """What Caffe's own file holds."""
    histories = [blob for row in solver.histories for blob in row]
    return SolverState(
        iter=solver.iter,
        current_step=solver.current_step,
        learned_net=model,
        history=tuple(ParamArray(blob.shape, blob.data) for blob in histories),
    )


def _nets(solver: Solver) -> dict[str, object]:
    """The nets of a solver under the names that the file gives them."""
    return {"train": solver.net, **{f"test{index}": net for index, net in enumerate(solver.test_nets)}}


def _check_histories(solver: Solver, state: SolverState, histories: list[Blob]) -> None:
    """Refuse the state of another net or solver."""
    found, wanted = len(state.history), len(histories)
    if found != wanted:
        raise ParamMismatchError(
            f"{state.path}: holds {found} history blobs, but the {solver.type} solver of this net needs {wanted}; "
            "resume with the net and the type of solver that it was written by"
        )
    for index, (blob, array) in enumerate(zip(histories, state.history)):
        if array.data.size != blob.count:
            raise ParamMismatchError(
                f"{state.path}: history blob {index} has shape {tuple(array.shape)}, but the parameter of this net "
                f"has {blob.shape}; resume with the net that it was written by"
            )


def _find_weights(learned_net: str, state_path: str) -> str:
    """Path of the weights: as written, or else beside the solver state, where moved snapshots have them."""
    if os.path.exists(learned_net):
        return learned_net
    beside = os.path.join(os.path.dirname(state_path), os.path.basename(learned_net))
    if os.path.exists(beside):
        logger.info("%s is not there; taking %s", learned_net, beside)
        return beside
    raise DataNotFoundError(
        f"{state_path}: its weights {learned_net!r} are not there (seen from {os.getcwd()!r}), "
        "nor do they lie beside it; run in the folder that it was written from, or put them beside it"
    )


def _read_resume(state_path: str, state: SolverState) -> ResumeState | None:
    """Read our own file beside a solver state; without one, warn."""
    stem = state_path[: -len(".h5")] if state_path.endswith(".h5") else state_path
    path = (stem[: -len(_STATE)] if stem.endswith(_STATE) else stem) + _RESUME
    if os.path.exists(path):
        resume = read_resume(path)
        if resume.iter == state.iter:
            return resume
        problem = f"{path} is of iteration {resume.iter}, not {state.iter}"
    else:
        problem = f"there is no {os.path.basename(path)} beside it"
    warnings.warn(
        f"{state_path}: {problem}, so the data begin at their start and random numbers are new, as in Caffe",
        stacklevel=4,
    )
    return None
