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

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Normalise the exponentials."""
        axis = self.axis(bottoms[0], self.param.softmax_param.axis)
        tops[0].value = torch.softmax(bottoms[0].value, axis)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give y * (dy - sum(dy * y)), whether or not it was asked for."""
        # Caffe quirk: ignores propagate_down.
        axis = self.axis(bottoms[0], self.param.softmax_param.axis)
        y = tops[0].value
        bottoms[0].grad = torch.ops.aten._softmax_backward_data(tops[0].grad, y, axis, y.dtype)
