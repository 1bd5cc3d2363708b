"""AdaDelta: rates from the sizes of recent gradients and recent updates."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.solvers import tensor_lists
from cnnvis_caffe.runtime.solvers.learnable_group import LearnableGroup
from cnnvis_caffe.runtime.solvers.solver import Solver


class AdaDeltaSolver(Solver):
    """h = m h + (1 - m) g^2; u = g sqrt((k + delta) / (h + delta)); k = m k + (1 - m) u^2; w -= rate u.

    Notes
    -----
    Follows `src/caffe/solvers/adadelta_solver.cpp`. m is `momentum`.
    """

    type = "AdaDelta"
    n_histories = 2

    def compute_update(self, group: LearnableGroup, rate: Any) -> None:
        """Turn gradients into updates."""
        delta, decay = self.param.delta, self.param.momentum
        rest = float(np.float32(1) - np.float32(decay))
        h, k = group.memories
        ratio, divisor = group.scratch(0), group.scratch(1)
        tensor_lists.set_to_square(ratio, group.grads)
        tensor_lists.scale_and_add(h, decay, rest, ratio)
        for target, memory in ((ratio, k), (divisor, h)):
            tensor_lists.copy(target, memory)
            torch._foreach_add_(target, delta)
        torch._foreach_div_(ratio, divisor)
        torch._foreach_sqrt_(ratio)
        torch._foreach_mul_(group.grads, ratio)
        tensor_lists.set_to_square(ratio, group.grads)
        tensor_lists.scale_and_add(k, decay, rest, ratio)
        tensor_lists.scale(group.grads, rate)
