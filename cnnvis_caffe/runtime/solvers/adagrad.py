"""AdaGrad: rates that shrink with the gradients seen so far."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.solvers import tensor_lists
from cnnvis_caffe.runtime.solvers.learnable_group import LearnableGroup
from cnnvis_caffe.runtime.solvers.solver import Solver


class AdaGradSolver(Solver):
    """h += g^2; w -= rate g / (sqrt(h) + delta).

    Notes
    -----
    Follows `src/caffe/solvers/adagrad_solver.cpp`.
    """

    type = "AdaGrad"

    def _check_param(self) -> None:
        """Refuse momentum."""
        super()._check_param()
        if self.param.momentum != 0:
            raise NetError(f"{self.path}: AdaGrad works without momentum, got {self.param.momentum:g}; leave it out")

    def compute_update(self, group: LearnableGroup, rate: Any) -> None:
        """Turn gradients into updates."""
        (h,) = group.memories
        scratch = group.scratch()
        tensor_lists.set_to_square(scratch, group.grads)
        torch._foreach_add_(h, scratch)
        tensor_lists.set_to_root(scratch, h, self.param.delta)
        torch._foreach_div_(group.grads, scratch)
        tensor_lists.scale(group.grads, rate)
