"""Exp: powers of a base."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.elementwise import Elementwise, scaled


class Exp(Elementwise):
    """y = base ** (shift + scale * x), where base -1 means e.

    Notes
    -----
    Follows `src/caffe/layers/exp_layer.cpp`.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Fold base, scale and shift into two factors."""
        param = self.param.exp_param
        log_of_base = log_base(self, param.base)
        shift = np.float32(param.shift)
        self.inner_scale = float(log_of_base * np.float32(param.scale))
        with np.errstate(over="ignore", under="ignore"):
            power = np.exp(shift) if param.base == -1 else np.power(np.float32(param.base), shift)
        self.outer_scale = float(power)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Take the power."""
        bottom, top = bottoms[0], tops[0]
        if self.inner_scale == 1:
            y = torch.exp(bottom.value)
        else:
            y = scaled(bottom.value, self.inner_scale).exp_()
        if self.outer_scale != 1:
            y = y.mul_(self.outer_scale) if self.outer_scale else y.zero_()
        top.value = y

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Multiply the gradient by the output and the inner factor."""
        if propagate_down[0]:
            dx = tops[0].grad * tops[0].value
            bottoms[0].grad = scaled(dx, self.inner_scale) if self.inner_scale != 1 else dx


def log_base(layer: Layer, base: float) -> np.float32:
    """Natural logarithm of the base of an Exp or Log layer, which must be finite."""
    if base == -1:
        return np.float32(1)
    if not 0 < base < float("inf"):
        raise layer.error(f"base must be above 0 and finite, or -1 for e, got {base}")
    return np.log(np.float32(base))
