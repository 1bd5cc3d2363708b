"""ContrastiveLoss: pulls similar pairs together and pushes others apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import Loss


class ContrastiveLoss(Loss):
    """loss = sum(y d^2 + (1 - y) max(margin - d, 0)^2) / (2 N), with d the distance within a pair.

    Notes
    -----
    Follows `src/caffe/layers/contrastive_loss_layer.cpp`. `legacy_version` has max(margin - d^2, 0) instead
    of the second term.
    """

    n_bottoms = (3, 3)

    def allows_force_backward(self, index: int) -> bool:
        """Both features get gradients; whether they are similar does not."""
        return index != 2

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the parameters and make room for the differences, which backward needs."""
        self.margin = self.param.contrastive_loss_param.margin
        self.legacy = self.param.contrastive_loss_param.legacy_version
        self._difference = Blob(name=f"{self.name} difference")
        self.shape_at_setup = bottoms[0].shape

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that there are two features and one similarity for each pair."""
        super().reshape(bottoms, tops)
        a, b, similar = bottoms
        n_items = self.n_items(a)
        for blob, n_values in ((a, a.channels), (b, a.channels), (similar, 1)):
            if blob.count != n_items * n_values or self.n_items(blob) != n_items:
                raise self.shape_error(
                    f"bottom {blob.name!r} has shape {blob.shape}; {n_values} values for each of {n_items} "
                    "pairs are needed, without further axes"
                )
        if n_items > math.prod(self.shape_at_setup[:1]) or a.count > math.prod(self.shape_at_setup):
            # Caffe makes room for the differences once, and writes beyond it from then on.
            raise self.shape_error(
                f"bottom {a.name!r} of shape {a.shape} is larger than at set-up, {self.shape_at_setup}, which is "
                "all that Caffe has room for; build the net with its largest batch"
            )
        self._difference.reshape(n_items, a.channels)

    def _similar(self, blob: Blob) -> Any:
        """Which pairs are similar, as a column: those whose number is not 0 when it is cut to a whole one."""
        return (blob.value.long() != 0).reshape(-1, 1)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum over the pairs."""
        n_items = bottoms[0].num
        shape = self._difference.shape
        difference = bottoms[0].value.reshape(shape) - bottoms[1].value.reshape(shape)
        self._difference.value = difference
        squares = difference.square().sum(1, keepdim=True)
        if self.legacy:
            apart = (self.margin - squares).clamp_(min=0)
        else:
            apart = (self.margin - squares.sqrt()).clamp_(min=0).square()
        tops[0].value = torch.where(self._similar(bottoms[2]), squares, apart).sum() / n_items / 2

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the difference, with either sign; for other pairs, as long as they are within the margin."""
        self.refuse_gradients(propagate_down[1:], "similarities")
        if not any(propagate_down):
            return
        difference = self._difference.value
        squares = difference.square().sum(1, keepdim=True)
        if self.legacy:
            left = self.margin - squares
            push = torch.full_like(left, -1)
        else:
            distance = squares.sqrt()
            left = self.margin - distance
            push = -left / (distance + 1e-4)
        pushed = torch.where(left > 0, push * difference, torch.zeros_like(difference))
        direction = torch.where(self._similar(bottoms[2]), difference, pushed)
        for bottom, sign, wanted in zip(bottoms, (1, -1), propagate_down):
            if wanted:
                scale = sign * tops[0].grad / bottom.num
                bottom.grad = (scale * direction).view(bottom.shape)
