"""SmoothL1LossOHEM: smooth L1 loss that also shows the loss of each region."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import LabelledLoss


class SmoothL1LossOHEM(LabelledLoss):
    """loss = sum(f(w * (a - b))) / normalizer, with f(d) = d^2 / 2 where |d| < 1 and |d| - 0.5 elsewhere.

    Notes
    -----
    Follows `src/caffe/layers/smooth_l1_loss_ohem_layer.cu` of R-FCN's Caffe. The weights w (third bottom) may be left
    out. The second top has the sum over the channels, (N, 1, H, W), and no gradient.
    """

    fork = "R-FCN"
    fork_settings = ("loss_param.pre_fixed_normalizer",)
    n_bottoms = (2, 3)
    n_tops = (1, 2)

    def allows_force_backward(self, index: int) -> bool:
        """Weights get no gradient."""
        return index < 2

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read loss_param."""
        self.setup_labels()

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that all bottoms have as many values."""
        super().reshape(bottoms, tops)
        shape = bottoms[0].shape
        for bottom in bottoms[1:]:
            if bottom.count != bottoms[0].count or len(shape) < 2:
                raise self.shape_error(
                    f"bottom {bottom.name!r} of shape {bottom.shape} must have as many values as {bottoms[0].name!r} "
                    f"of shape {shape}, and this at least 2 axes"
                )
        self.n_outer, self.n_inner = shape[0], math.prod(shape[2:])
        height, width = (*shape[2:], 1, 1)[:2]
        if len(tops) > 1:
            tops[1].reshape(shape[0], 1, height, width)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum over all differences, and over those of each region."""
        a, *others = (bottom.value.reshape(bottoms[0].shape) for bottom in bottoms)
        difference = a - others[0] if len(others) < 2 else (a - others[0]) * others[1]
        size = difference.abs()
        loss = torch.where(size < 1, difference.square() / 2, size - 0.5)
        tops[0].value = loss.sum() / self.normalizer(None)
        if len(tops) > 1:
            tops[1].value = loss.sum(1).reshape(tops[1].shape)
        self._slope = difference.clamp(-1, 1)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the slope, with either sign."""
        for bottom, sign, wanted in zip(bottoms[:2], (1, -1), propagate_down):
            if wanted:
                # Caffe quirk: leaves the weights out; they are 0 and 1, and with 0 the slope is 0 already.
                scale = sign * tops[0].grad / self.normalizer(None)
                bottom.grad = (self._slope * scale).reshape(bottom.shape)
