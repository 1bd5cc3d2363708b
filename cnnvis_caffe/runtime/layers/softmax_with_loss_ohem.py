"""SoftmaxWithLossOHEM: softmax loss that also shows the loss of each region."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import LabelledLoss
from cnnvis_caffe.runtime.layers.softmax_with_loss import SMALLEST_PROBABILITY


class SoftmaxWithLossOHEM(LabelledLoss):
    """loss = -sum(log(softmax(x)[label])) / normalizer; tops are the loss, the softmax, and the loss of each label.

    Notes
    -----
    Follows `src/caffe/layers/softmax_loss_ohem_layer.cpp` of R-FCN's Caffe, whose `loss_param` also has
    `normalization: PRE_FIXED` with `pre_fixed_normalizer`. The third top has the shape of the labels, and 0 where a
    label is ignored. Only the first top has a gradient.
    """

    fork = "R-FCN"
    fork_settings = ("loss_param.pre_fixed_normalizer",)
    n_tops = (1, 3)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read loss_param."""
        self.setup_labels()

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find the classes."""
        super().reshape(bottoms, tops)
        self.reshape_labels(bottoms, self.param.softmax_param.axis)
        for top, bottom in zip(tops[1:], bottoms):
            top.reshape(*bottom.shape)
        self.flat_shape = self.n_outer, self.n_classes, self.n_inner

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum the losses, and show each."""
        self._probabilities = torch.softmax(bottoms[0].value.reshape(self.flat_shape), 1)
        labels, counted = self.labels(bottoms[1])
        picked = self._probabilities.gather(1, labels[:, None])[:, 0]
        losses = picked.clamp(min=SMALLEST_PROBABILITY).log().neg()
        if counted is not None:
            losses = losses.masked_fill(~counted, 0)
        self._normalizer = self.normalizer(counted)
        tops[0].value = losses.sum() / self._normalizer
        for top, value in zip(tops[1:], (self._probabilities, losses)):
            top.value = value.reshape(top.shape).clone()

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give probability minus 1 for the right class, probability for the others."""
        self.refuse_gradients(propagate_down, "labels")
        if not propagate_down[0]:
            return
        labels, counted = self.labels(bottoms[1])
        right = torch.zeros_like(self._probabilities).scatter_(1, labels[:, None], 1)
        dx = self._probabilities - right
        if counted is not None:
            dx = dx.masked_fill(~counted[:, None], 0)
        bottoms[0].grad = (dx * (tops[0].grad / self._normalizer)).reshape(bottoms[0].shape)
