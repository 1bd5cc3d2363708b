"""SGD: gradient descent with momentum."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.runtime.solvers import tensor_lists
from cnnvis_caffe.runtime.solvers.learnable_group import LearnableGroup
from cnnvis_caffe.runtime.solvers.solver import Solver


class SGDSolver(Solver):
    """h = momentum h + rate g; w -= h.

    Notes
    -----
    Follows `src/caffe/solvers/sgd_solver.cpp`. The rate is inside h, so that after a step of the rate old gradients
    still count with the rate of their time.
    """

    type = "SGD"

    def compute_update(self, group: LearnableGroup, rate: Any) -> None:
        """Turn gradients into updates."""
        (h,) = group.memories
        tensor_lists.scale_and_add(h, self.param.momentum, rate, group.grads)
        tensor_lists.copy(group.grads, h)
