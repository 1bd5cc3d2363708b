"""TanH: the hyperbolic tangent."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class TanH(Elementwise):
    """y = tanh(x).

    Notes
    -----
    Follows `src/caffe/layers/tanh_layer.cpp`.
    """

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Squash to between -1 and 1."""
        tanh = torch.tanh_ if tops[0] is bottoms[0] else torch.tanh
        tops[0].value = tanh(bottoms[0].value)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Multiply the gradient by 1 - y * y."""
        if propagate_down[0]:
            bottoms[0].grad = torch.ops.aten.tanh_backward(tops[0].grad, tops[0].value)
