"""Solvers as pycaffe knows them."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import Any, ClassVar

from cnnvis_caffe.formats.prototxt import read_solver
from cnnvis_caffe.pycaffe.pycaffe import Net, NetVec
from cnnvis_caffe.runtime import net_weights
from cnnvis_caffe.runtime import solvers as runtime
from cnnvis_caffe.runtime.solvers.callback import Callback


class Solver:
    """What all solvers have in common; made by its subclasses or by `get_solver`.

    Attributes
    ----------
    net : Net
        The net that learns.
    test_nets : NetVec
        They use the weights of `net` from their first test on.
    """

    _type: ClassVar[str] = ""

    def __init__(self, solver_file: str) -> None:
        if not self._type:
            raise RuntimeError("Solver is the base of the solvers; make an SGDSolver, or call get_solver")
        solver = read_solver(os.fspath(solver_file), allow_unknown=False)
        # The type in the file does not count here, as in pycaffe.
        # Whoever writes a script means the layers that it comes with, too.
        self._setup(runtime.SOLVER_TYPES[self._type](solver, allow_python_layers=True))

    def _setup(self, solver: runtime.Solver) -> None:
        """Give a solver of the runtime pycaffe's face."""
        self.runtime_solver = solver
        self.net = Net.from_runtime(solver.net)
        self.test_nets = NetVec.on([Net.from_runtime(net) for net in solver.test_nets])

    @property
    def iter(self) -> int:
        """Number of updates made."""
        return self.runtime_solver.iter

    @property
    def lr(self) -> float:
        """Learning rate of this iteration; under the policy multistep, looking at it may take a step, as in Caffe."""
        return self.runtime_solver.lr

    @property
    def param(self) -> Any:
        """The solver's parameters (a SolverParameter); `base_lr` may be set while training."""
        return self.runtime_solver.param

    def step(self, iters: int) -> None:
        """Make some iterations, with the tests and snapshots that fall due."""
        self.runtime_solver.step(operator.index(iters))

    def solve(self, resume_file: str | None = None) -> None:
        """Train until `max_iter`, from a solver state if one is given."""
        self.runtime_solver.solve(None if resume_file is None else os.fspath(resume_file))

    def restore(self, state_file: str) -> None:
        """Go on from a solver state and the weights that it names."""
        self.runtime_solver.restore(os.fspath(state_file))

    def snapshot(self) -> None:
        """Write the weights and the solver state."""
        self.runtime_solver.snapshot()

    def apply_update(self) -> None:
        """Update the parameters by their diffs; counts as an iteration."""
        self.runtime_solver.apply_update()

    def share_weights(self, net: Net) -> None:
        """Let another net use the weights of the net that learns."""
        net_weights.share_with(net.runtime_net, self.runtime_solver.net)

    def add_callback(self, on_start: Callable[[], Any], on_gradients_ready: Callable[[], Any]) -> None:
        """Call two functions in each iteration: before the forward pass, and before the update."""
        self.runtime_solver.callbacks.append(_Functions(on_start, on_gradients_ready))


class SGDSolver(Solver):
    """Gradient descent with momentum.

    Parameters
    ----------
    solver_file : str
        A solver prototxt; its `type` does not count.
    """

    _type = "SGD"


class NesterovSolver(SGDSolver):
    """Nesterov's momentum; made as `SGDSolver` is."""

    _type = "Nesterov"


class AdaGradSolver(SGDSolver):
    """AdaGrad; made as `SGDSolver` is."""

    _type = "AdaGrad"


class RMSPropSolver(SGDSolver):
    """RMSProp; made as `SGDSolver` is."""

    _type = "RMSProp"


class AdaDeltaSolver(SGDSolver):
    """AdaDelta; made as `SGDSolver` is."""

    _type = "AdaDelta"


class AdamSolver(SGDSolver):
    """Adam; made as `SGDSolver` is."""

    _type = "Adam"


_FACES = {
    face._type: face for face in (SGDSolver, NesterovSolver, AdaGradSolver, RMSPropSolver, AdaDeltaSolver, AdamSolver)
}


def get_solver(solver_file: str) -> Solver:
    """Make the solver that a prototxt describes, of the type that it names.

    Parameters
    ----------
    solver_file : str

    Returns
    -------
    Solver
        Of the subclass for that type.
    """
    file = read_solver(os.fspath(solver_file), allow_unknown=False)
    solver = runtime.create_solver(file, allow_python_layers=True)
    face_class = _FACES[solver.type]
    face = face_class.__new__(face_class)
    face._setup(solver)
    return face


class _Functions(Callback):
    """Two functions without arguments, as pycaffe has them."""

    def __init__(self, on_start: Callable[[], Any], on_gradients_ready: Callable[[], Any]) -> None:
        self._on_start, self._on_gradients_ready = on_start, on_gradients_ready

    def on_start(self, solver: runtime.Solver) -> None:
        """Call the first."""
        self._on_start()

    def on_gradients_ready(self, solver: runtime.Solver) -> None:
        """Call the second."""
        self._on_gradients_ready()
