"""RMSProp: rates that follow the size of recent gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.solvers import tensor_lists
from cnnvis_caffe.runtime.solvers.learnable_group import LearnableGroup
from cnnvis_caffe.runtime.solvers.solver import Solver


class RMSPropSolver(Solver):
    """h = rms_decay h + (1 - rms_decay) g^2; w -= rate g / (sqrt(h) + delta).

    Notes
    -----
    Follows `src/caffe/solvers/rmsprop_solver.cpp`.
    """

    type = "RMSProp"

    def _check_param(self) -> None:
        """Refuse momentum, and decays that do not decay."""
        super()._check_param()
        if self.param.momentum != 0:
            raise NetError(f"{self.path}: RMSProp works without momentum, got {self.param.momentum:g}; leave it out")
        if not 0 <= self.param.rms_decay < 1:
            raise NetError(f"{self.path}: rms_decay must be at least 0 and below 1, got {self.param.rms_decay:g}")

    def compute_update(self, group: LearnableGroup, rate: Any) -> None:
        """Turn gradients into updates."""
        decay = np.float32(self.param.rms_decay)
        (h,) = group.memories
        scratch = group.scratch()
        tensor_lists.set_to_square(scratch, group.grads)
        tensor_lists.scale_and_add(h, float(decay), float(np.float32(1) - decay), scratch)
        tensor_lists.set_to_root(scratch, h, self.param.delta)
        torch._foreach_div_(group.grads, scratch)
        tensor_lists.scale(group.grads, rate)
