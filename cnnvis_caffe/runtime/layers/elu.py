"""ELU: exponential linear units."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class ELU(Elementwise):
    """y = x above 0, alpha * (exp(x) - 1) elsewhere.

    Notes
    -----
    Follows `src/caffe/layers/elu_layer.cpp`.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read alpha."""
        self.alpha = self.param.elu_param.alpha

    def in_place_quirk(self, backward: bool) -> str | None:
        """With alpha below 0, outputs no longer tell the sign of the inputs."""
        if backward and self.alpha < 0:
            return "in-place ELU with alpha below 0 lets the whole gradient of negative inputs pass"
        return None

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Bend the negative side."""
        bottom, top = bottoms[0], tops[0]
        elu = torch.nn.functional.elu_ if top is bottom else torch.nn.functional.elu
        top.value = elu(bottom.value, self.alpha)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Pass the gradient above 0, times y + alpha elsewhere."""
        if propagate_down[0]:
            x, y, dy = bottoms[0].value, tops[0].value, tops[0].grad
            passed = torch.ops.aten.threshold_backward(dy, x, 0)  # where x > 0; much faster than torch.where
            bottoms[0].grad = torch.addcmul(passed, dy - passed, y + self.alpha)
