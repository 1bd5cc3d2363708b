"""CenterLoss: how far features lie from the centre of their class, which is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import Loss
from cnnvis_caffe.runtime.layers.whole_numbers import whole_numbers


class CenterLoss(Loss):
    """loss = sum over items of |x - centre of its class|^2 / (2 N).

    Notes
    -----
    Follows `src/caffe/layers/center_loss_layer.cpp` of caffe-face (Wen et al. 2016). The centres have shape
    (num_output, K). Their gradient is not that of the loss: for each class the sum of centre - x over its items, by
    their number plus 1, whatever the weight of the loss.
    """

    fork = "caffe-face"
    fork_settings = ("center_loss_param",)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the centres."""
        param = self.param.center_loss_param
        if param.num_output < 1:
            raise self.error(f"center_loss_param.num_output must be at least 1, got {param.num_output}")
        axis = self.axis(bottoms[0], param.axis, "center_loss_param.axis")
        self.n_classes, self.length = param.num_output, math.prod(bottoms[0].shape[axis:])
        self.make_params(((self.n_classes, self.length), param.center_filler))

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum the squares."""
        labels = self._labels(bottoms[1])
        x = bottoms[0].value.reshape(-1, self.length)
        self._difference = x - self.blobs[0].value[labels]
        tops[0].value = self._difference.square().sum() / x.shape[0] / 2

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the difference; move the centres."""
        self.refuse_gradients(propagate_down, "labels")
        if self.param_propagate_down[0]:
            labels = self._labels(bottoms[1])
            total = torch.zeros_like(self.blobs[0].value).index_add_(0, labels, -self._difference)
            count = torch.zeros(self.n_classes, device=total.device).index_add_(
                0, labels, torch.ones_like(total[0, 0]).expand(len(labels))
            )
            self.blobs[0].add_grad(total / (count + 1)[:, None])
        if propagate_down[0]:
            scale = tops[0].grad / self._difference.shape[0]
            bottoms[0].grad = (scale * self._difference).reshape(bottoms[0].shape)

    def _labels(self, blob: Blob) -> Any:
        """The class of each item, in range."""
        return whole_numbers(self, blob, self.n_classes, "label", "center_loss_param.num_output").reshape(-1)
