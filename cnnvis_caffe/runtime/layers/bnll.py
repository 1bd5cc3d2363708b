"""BNLL: binomial normal log likelihood, a smooth rectifier."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class BNLL(Elementwise):
    """y = log(1 + exp(x)).

    Notes
    -----
    Follows `src/caffe/layers/bnll_layer.cpp`.
    """

    def in_place_quirk(self, backward: bool) -> str | None:
        """Backward needs the overwritten input."""
        return "in-place BNLL takes its gradient at the output instead of the input" if backward else None

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Rectify smoothly."""
        tops[0].value = torch.nn.functional.softplus(bottoms[0].value)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Pass the share exp(x) / (1 + exp(x)) of the gradient."""
        if propagate_down[0]:
            bottoms[0].grad = tops[0].grad * torch.sigmoid(bottoms[0].value)
