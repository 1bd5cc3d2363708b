"""Solvers: nets that are trained as Caffe trains them. One file for each type of solver."""

from __future__ import annotations

import difflib

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.records.network_file import SolverFile
from cnnvis_caffe.runtime.solvers.adadelta import AdaDeltaSolver
from cnnvis_caffe.runtime.solvers.adagrad import AdaGradSolver
from cnnvis_caffe.runtime.solvers.adam import AdamSolver
from cnnvis_caffe.runtime.solvers.nesterov import NesterovSolver
from cnnvis_caffe.runtime.solvers.rmsprop import RMSPropSolver
from cnnvis_caffe.runtime.solvers.sgd import SGDSolver
from cnnvis_caffe.runtime.solvers.solver import Action, Solver

__all__ = ["SOLVER_TYPES", "Action", "Solver", "create_solver"]

_CLASSES = (SGDSolver, NesterovSolver, AdaGradSolver, RMSPropSolver, AdaDeltaSolver, AdamSolver)

#: Solver classes by the names that the field `type` of a solver prototxt has for them.
SOLVER_TYPES: dict[str, type[Solver]] = {solver.type: solver for solver in _CLASSES}


def create_solver(solver: SolverFile, *, allow_python_layers: bool = False) -> Solver:
    """Make a solver of the type that its file names.

    Parameters
    ----------
    solver : SolverFile
    allow_python_layers : bool, default=False
        Whether the code of the nets' Python layers may be run.

    Returns
    -------
    Solver

    Raises
    ------
    NetError
        If there is no such type, or the solver or its nets are not as Caffe allows them.
    """
    name = solver.message.type
    if name not in SOLVER_TYPES:
        near = difflib.get_close_matches(name, SOLVER_TYPES, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise NetError(f"{solver.path}: solver type {name!r} is unknown{hint} (types: {', '.join(SOLVER_TYPES)})")
    return SOLVER_TYPES[name](solver, allow_python_layers=allow_python_layers)
