"""EuclideanLoss: half the squared distance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import Loss


class EuclideanLoss(Loss):
    """loss = sum((a - b)^2) / (2 N).

    Notes
    -----
    Follows `src/caffe/layers/euclidean_loss_layer.cpp`. Both bottoms get gradients.
    """

    def allows_force_backward(self, index: int) -> bool:
        """Both bottoms are alike."""
        return True

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make room for the differences, which backward needs."""
        self._difference = Blob(name=f"{self.name} difference")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that items have the same number of values; their shapes may differ."""
        super().reshape(bottoms, tops)
        a, b = bottoms
        if math.prod(a.shape[1:]) != math.prod(b.shape[1:]):
            raise self.shape_error(
                f"items of bottom {a.name!r} of shape {a.shape} and {b.name!r} of shape {b.shape} must have "
                "the same number of values"
            )
        self._difference.reshape(*a.shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum the squares."""
        a, b = bottoms
        difference = a.value - b.value.reshape(a.shape)
        self._difference.value = difference
        tops[0].value = difference.square().sum() / self.n_items(a) / 2

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the difference, with either sign."""
        for bottom, sign, wanted in zip(bottoms, (1, -1), propagate_down):
            if wanted:
                scale = sign * tops[0].grad / self.n_items(bottom)
                bottom.grad = (scale * self._difference.value).reshape(bottom.shape)
