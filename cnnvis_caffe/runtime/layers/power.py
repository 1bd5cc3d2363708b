"""Power: a linear function, and a power of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class Power(Elementwise):
    """y = (shift + scale * x) ** power.

    Notes
    -----
    Follows `src/caffe/layers/power_layer.cpp`, with its short cuts, which differ where x is 0 or not finite.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the three numbers."""
        param = self.param.power_param
        self.power, self.scale, self.shift = param.power, param.scale, param.shift
        self.diff_scale = float(np.float32(self.power) * np.float32(self.scale))
        # What y is everywhere if power or scale is 0.
        with np.errstate(all="ignore"):
            self.constant = float(np.power(np.float32(self.shift), np.float32(self.power)))

    def in_place_quirk(self, backward: bool) -> str | None:
        """Backward overwrites the gradient before it is used."""
        if backward and self.diff_scale:
            return "in-place Power gives a gradient that does not depend on the one from above"
        return None

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Take the power."""
        x = bottoms[0].value
        if self.diff_scale == 0:
            tops[0].value = torch.full_like(x, self.constant)
            return
        y = x.mul(self.scale)
        if self.shift:
            y.add_(self.shift)
        tops[0].value = y.pow_(self.power) if self.power != 1 else y

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Multiply the gradient by the derivative."""
        if not propagate_down[0]:
            return
        derivative = self._derivative(bottoms[0].value, tops[0].value)
        if self.diff_scale:
            # Caffe quirk: in place the derivative has overwritten the gradient and is multiplied by itself.
            derivative = derivative * (derivative if tops[0] is bottoms[0] else tops[0].grad)
        bottoms[0].grad = derivative

    def _derivative(self, x: Any, y: Any) -> Any:
        """Caffe's four ways to the derivative."""
        if self.diff_scale == 0 or self.power == 1:
            return torch.full_like(x, self.diff_scale)
        if self.power == 2:
            return (x * (self.diff_scale * self.scale)).add_(self.diff_scale * self.shift)
        if self.shift == 0:
            return (y / x).mul_(self.power)
        return y.div(x.mul(self.scale).add_(self.shift)).mul_(self.diff_scale)
