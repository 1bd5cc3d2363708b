"""Swish: values weighted by their own sigmoid."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise, scaled


class Swish(Elementwise):
    """y = x * sigmoid(beta * x).

    Notes
    -----
    Follows `src/caffe/layers/swish_layer.cpp`.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read beta."""
        self.beta = self.param.swish_param.beta

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Weigh, and keep the weights."""
        bottom, top = bottoms[0], tops[0]
        x = bottom.value
        self._sigmoid = torch.sigmoid(x) if self.beta == 1 else scaled(x, self.beta).sigmoid_()
        top.value = x.mul_(self._sigmoid) if top is bottom else x * self._sigmoid

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Multiply the gradient by beta * y + sigmoid * (1 - beta * y)."""
        if propagate_down[0]:
            beta_y = tops[0].value * self.beta
            bottoms[0].grad = torch.addcmul(beta_y, self._sigmoid, 1 - beta_y).mul_(tops[0].grad)
