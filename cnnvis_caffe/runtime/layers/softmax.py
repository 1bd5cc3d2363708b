"""Softmax along one axis."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class Softmax(Elementwise):
    """y = exp(x) / sum(exp(x)) along `axis`.

    Notes
    -----
    Follows `src/caffe/layers/softmax_layer.cpp`.
    """

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape, which must have the axis."""
        self.softmax_axis = self.axis(bottoms[0], self.param.softmax_param.axis)
        super().reshape(bottoms, tops)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Normalise the exponentials."""
        tops[0].value = torch.softmax(bottoms[0].value, self.softmax_axis)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give y * (dy - sum(dy * y)), whether or not it was asked for."""
        # Caffe quirk: ignores propagate_down.
        dy, y = tops[0].grad, tops[0].value
        total = (dy * y).sum(self.softmax_axis, keepdim=True)
        bottoms[0].grad = (dy - total).mul_(y)
