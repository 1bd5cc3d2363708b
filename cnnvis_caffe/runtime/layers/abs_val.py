"""AbsVal: the absolute value."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class AbsVal(Elementwise):
    """y = abs(x).

    Notes
    -----
    Follows `src/caffe/layers/absval_layer.cpp`.
    """

    can_be_in_place = False

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Drop the signs."""
        tops[0].value = torch.abs(bottoms[0].value)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the gradient the sign of the bottom, 0 at 0."""
        if propagate_down[0]:
            bottoms[0].grad = tops[0].grad * torch.sign(bottoms[0].value)
