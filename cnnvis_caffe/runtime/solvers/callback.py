"""Callbacks: a solver tells those who watch it train."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.solvers.solver import Solver
    from cnnvis_caffe.runtime.solvers.testing import TestResult


class Callback:
    """Base of those who watch a solver; each method may be left as it is.

    Notes
    -----
    The first two are those of `Solver::Callback` in `include/caffe/solver.hpp`.
    """

    def on_start(self, solver: Solver) -> None:
        """Before the forward pass of an iteration; `solver.displays` says whether it is one that is displayed."""

    def on_gradients_ready(self, solver: Solver) -> None:
        """After the backward pass: the diffs of the parameters are gradients, summed over `iter_size` passes."""

    def on_updated(self, solver: Solver) -> None:
        """After the update: the diffs of the parameters are what was subtracted, and `solver.iter` has moved on."""

    def on_tested(self, solver: Solver, result: TestResult) -> None:
        """After a pass over a test net."""

    def on_snapshot(self, solver: Solver, path: str) -> None:
        """After a snapshot; `path` is that of the solver state."""
