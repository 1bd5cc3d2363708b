"""Log: logarithms to a base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise, scaled
from cnnvis_caffe.runtime.layers.exp import log_base


class Log(Elementwise):
    """y = log_base(shift + scale * x), where base -1 means e.

    Notes
    -----
    Follows `src/caffe/layers/log_layer.cpp`.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Fold base and scale into factors."""
        param = self.param.log_param
        log_of_base = log_base(self, param.base)
        if log_of_base == 0:
            raise self.error("base must not be 1, whose logarithm is 0")
        self.scale, self.shift = param.scale, param.shift
        self.base_scale = float(np.float32(1) / log_of_base)
        self.gradient_scale = float(np.float32(param.scale) / log_of_base)

    def in_place_quirk(self, backward: bool) -> str | None:
        """Backward overwrites the gradient before it is used."""
        return "in-place Log gives a gradient that does not depend on the one from above" if backward else None

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Take the logarithm."""
        y = torch.log(self._argument(bottoms[0].value))
        tops[0].value = y.mul_(self.base_scale) if self.base_scale != 1 else y

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Divide the gradient by the argument."""
        if propagate_down[0]:
            derivative = torch.reciprocal(self._argument(bottoms[0].value))
            if self.gradient_scale != 1:
                derivative = scaled(derivative, self.gradient_scale)
            # Caffe quirk: in place the derivative has overwritten the gradient and is multiplied by itself.
            bottoms[0].grad = derivative * (derivative if tops[0] is bottoms[0] else tops[0].grad)

    def _argument(self, x: Any) -> Any:
        """What the logarithm is taken of; maybe `x` itself."""
        if self.scale != 1:
            x = scaled(x, self.scale)
        return x + self.shift if self.shift else x
