"""Nesterov: momentum that looks ahead."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnvis_caffe.runtime.solvers import tensor_lists
from cnnvis_caffe.runtime.solvers.learnable_group import LearnableGroup
from cnnvis_caffe.runtime.solvers.solver import Solver


class NesterovSolver(Solver):
    """h' = momentum h + rate g; w -= (1 + momentum) h' - momentum h.

    Notes
    -----
    Follows `src/caffe/solvers/nesterov_solver.cpp`.
    """

    type = "Nesterov"

    def compute_update(self, group: LearnableGroup, rate: Any) -> None:
        """Turn gradients into updates."""
        momentum = self.param.momentum
        (h,) = group.memories
        update = group.scratch()
        tensor_lists.copy(update, h)
        tensor_lists.scale_and_add(h, momentum, rate, group.grads)
        tensor_lists.scale_and_add(update, -momentum, float(np.float32(1) + np.float32(momentum)), h)
        tensor_lists.copy(group.grads, update)
