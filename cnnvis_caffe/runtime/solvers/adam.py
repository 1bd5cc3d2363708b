"""Adam: means of gradients and of their squares, corrected for their start at zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.solvers import tensor_lists
from cnnvis_caffe.runtime.solvers.learnable_group import LearnableGroup
from cnnvis_caffe.runtime.solvers.solver import Solver

_F4, _F8 = np.float32, np.float64


class AdamSolver(Solver):
    """m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + delta).

    Notes
    -----
    Follows `src/caffe/solvers/adam_solver.cpp`. b1 is `momentum`, b2 `momentum2`, t counts iterations from 1.
    """

    type = "Adam"
    n_histories = 2

    def step_size(self, rate: float, lr_mult: float) -> float:
        """Correct the rate for the start of the means at zero."""
        b1, b2 = _F8(_F4(self.param.momentum)), _F8(_F4(self.param.momentum2))
        t = self.iter + 1
        with np.errstate(all="ignore"):
            correction = _F4(np.sqrt(1 - b2**t) / (1 - b1**t))
        return float(_F4(super().step_size(rate, lr_mult)) * correction)

    def compute_update(self, group: LearnableGroup, rate: Any) -> None:
        """Turn gradients into updates."""
        b1, b2 = _F4(self.param.momentum), _F4(self.param.momentum2)
        m, v = group.memories
        scratch = group.scratch()
        tensor_lists.scale_and_add(m, float(b1), float(_F4(1) - b1), group.grads)
        tensor_lists.set_to_square(scratch, group.grads)
        tensor_lists.scale_and_add(v, float(b2), float(_F4(1) - b2), scratch)
        tensor_lists.set_to_root(scratch, v, self.param.delta)
        tensor_lists.copy(group.grads, m)
        torch._foreach_div_(group.grads, scratch)
        tensor_lists.scale(group.grads, rate)
