"""Sigmoid: the logistic function."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)).

    Notes
    -----
    Follows `src/caffe/layers/sigmoid_layer.cpp`.
    """

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Squash to between 0 and 1."""
        sigmoid = torch.sigmoid_ if tops[0] is bottoms[0] else torch.sigmoid
        tops[0].value = sigmoid(bottoms[0].value)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Multiply the gradient by y * (1 - y)."""
        if propagate_down[0]:
            bottoms[0].grad = torch.ops.aten.sigmoid_backward(tops[0].grad, tops[0].value)
