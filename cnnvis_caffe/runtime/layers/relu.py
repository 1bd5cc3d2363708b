"""ReLU, and leaky ReLU with a negative slope."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class ReLU(Elementwise):
    """y = max(x, 0) + negative_slope * min(x, 0).

    Notes
    -----
    Follows `src/caffe/layers/relu_layer.cpp`, but for minus infinity: with slope 0 Caffe gives NaN (0 times infinity),
    this layer 0.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the slope."""
        self.negative_slope = self.param.relu_param.negative_slope

    def in_place_quirk(self, backward: bool) -> str | None:
        """With a negative slope below zero, outputs no longer tell the sign of the inputs."""
        if backward and self.negative_slope < 0:
            return "in-place ReLU with negative_slope below 0 lets the whole gradient of negative inputs pass"
        return None

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Rectify."""
        bottom, top = bottoms[0], tops[0]
        rectify = torch.relu_ if top is bottom else torch.relu
        if self.negative_slope:
            leaky = torch.nn.functional.leaky_relu_ if top is bottom else torch.nn.functional.leaky_relu
            top.value = leaky(bottom.value, self.negative_slope)
        else:
            top.value = rectify(bottom.value)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Pass the gradient where the bottom is above 0, times the slope elsewhere."""
        if propagate_down[0]:
            # In place the bottom holds the output: the same signs unless the slope is negative.
            x = bottoms[0].value
            dx = torch.ops.aten.leaky_relu_backward(tops[0].grad, x, self.negative_slope, False)
            # NaN is neither above 0 nor at most 0: no gradient passes it.
            bottoms[0].grad = dx.mul_(x == x) if self.negative_slope else dx
