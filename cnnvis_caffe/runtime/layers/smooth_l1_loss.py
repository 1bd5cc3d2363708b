"""SmoothL1Loss: quadratic for small differences, linear for large ones."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import Loss


class SmoothL1Loss(Loss):
    """loss = sum(outside * f(inside * (a - b))) / N.

    f(d) is 0.5 (sigma d)^2 where |d| is below 1 / sigma^2, and |d| - 0.5 / sigma^2 above.

    Notes
    -----
    Follows `src/caffe/layers/smooth_l1_loss_layer.cu` of Faster R-CNN's Caffe. The weights inside (third bottom) and
    outside (fourth) may be left out; SSD's and Fast R-CNN's layers have the third one only.
    """

    fork = "Fast R-CNN"
    fork_settings = ("smooth_l1_loss_param",)
    n_bottoms = (2, 4)

    def allows_force_backward(self, index: int) -> bool:
        """Weights get no gradient."""
        return index < 2

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that all bottoms have as many values."""
        super().reshape(bottoms, tops)
        for bottom in bottoms[1:]:
            if bottom.count != bottoms[0].count:
                raise self.shape_error(
                    f"bottom {bottom.name!r} of shape {bottom.shape} must have as many values as {bottoms[0].name!r} "
                    f"of shape {bottoms[0].shape}"
                )

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum over all differences."""
        sigma2 = self.param.smooth_l1_loss_param.sigma**2
        a, *others = (bottom.value.reshape(bottoms[0].shape) for bottom in bottoms)
        difference = a - others[0] if len(others) < 2 else (a - others[0]) * others[1]
        size = difference.abs()
        is_small = size < 1 / sigma2
        loss = torch.where(is_small, 0.5 * sigma2 * difference.square(), size - 0.5 / sigma2)
        tops[0].value = (loss * others[2] if len(others) == 3 else loss).sum() / bottoms[0].shape[0]
        self._slope = torch.where(is_small, sigma2 * difference, difference.sign())

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the slope, with either sign."""
        slope = self._slope
        for weights in bottoms[2:]:
            slope = slope * weights.value.reshape(bottoms[0].shape)
        for bottom, sign, wanted in zip(bottoms[:2], (1, -1), propagate_down):
            if wanted:
                bottom.grad = (slope * (sign * tops[0].grad / bottoms[0].shape[0])).reshape(bottom.shape)
