"""Solver definitions: the old ``solver_type``, and where snapshots go."""

from __future__ import annotations

import os
from typing import Any

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import schema

#: Solver types by the names of the old enum.
TYPES = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}


def upgrade_solver(solver: Any) -> list[str]:
    """Replace ``solver_type`` by ``type``.

    Parameters
    ----------
    solver : SolverParameter
        Upgraded in place.

    Returns
    -------
    list of str
        What changed.

    Raises
    ------
    NetError
        If both are given.

    Notes
    -----
    ``UpgradeSolverType`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    if not solver.HasField("solver_type"):
        return []
    old = schema.SolverParameter.SolverType.Name(solver.solver_type)
    if solver.HasField("type"):
        raise NetError(f"the solver has both type {solver.type!r} and the older solver_type {old}; remove solver_type")
    solver.type = TYPES[old]
    solver.ClearField("solver_type")
    return [f"solver_type: {old} became type: {TYPES[old]!r}"]


def set_snapshot_prefix(solver: Any, path: str) -> list[str]:
    """Fill in where snapshots go, from the name of the solver file.

    Parameters
    ----------
    solver : SolverParameter
        Changed in place.
    path : str
        The solver file. Without a ``snapshot_prefix``, snapshots go beside it under its name; with a prefix
        that is a folder (seen from the working directory), they go there under its name.

    Returns
    -------
    list of str
        What changed.

    Notes
    -----
    ``UpgradeSnapshotPrefixProperty`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    folder, name = os.path.split(path)
    stem = name if name in (".", "..") or "." not in name else name[: name.rindex(".")]
    if not solver.HasField("snapshot_prefix"):
        solver.snapshot_prefix = path[: len(path) - len(name) + len(stem)]
        return [f"snapshot_prefix was not given and became {solver.snapshot_prefix!r}"]
    if os.path.isdir(solver.snapshot_prefix):
        folder = solver.snapshot_prefix
        solver.snapshot_prefix = os.path.join(folder, stem) if stem else folder
        return [f"snapshot_prefix {folder!r} is a folder and became {solver.snapshot_prefix!r}"]
    return []
