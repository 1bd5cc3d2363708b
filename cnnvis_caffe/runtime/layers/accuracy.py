"""Accuracy: how often the right class has one of the highest scores."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import LabelledLoss


class Accuracy(LabelledLoss):
    """Share of the items whose true class is among the `top_k` highest; a second top has it class by class.

    Notes
    -----
    Follows `src/caffe/layers/accuracy_layer.cpp`. It is not a loss, but reads labels as the losses do.
    """

    n_tops = (1, 2)
    auto_tops = False
    is_loss = False

    def allows_force_backward(self, index: int) -> bool:
        """Caffe asks, and then refuses in backward."""
        return True

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the parameters."""
        param = self.param.accuracy_param
        self.top_k = param.top_k
        self.ignored = param.ignore_label if param.HasField("ignore_label") else None

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find the classes."""
        self.reshape_labels(bottoms, self.param.accuracy_param.axis)
        if self.top_k > self.n_classes:
            raise self.shape_error(
                f"accuracy_param.top_k is {self.top_k}, but bottom {bottoms[0].name!r} of shape "
                f"{bottoms[0].shape} has {self.n_classes} classes; at most that many are allowed"
            )
        tops[0].reshape()
        if len(tops) > 1:
            tops[1].reshape(self.n_classes)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Count."""
        scores = bottoms[0].value.reshape(self.n_outer, self.n_classes, self.n_inner)
        labels, counted = self.labels(bottoms[1])
        true_scores = scores.gather(1, labels.unsqueeze(1))
        # Caffe quirk: the true class counts itself, ties count as lost, and a true score that is NaN as won.
        n_not_below = (scores >= true_scores).sum(1)
        correct = n_not_below <= self.top_k
        if counted is None:
            counted = torch.ones_like(correct)
        correct = (correct & counted).to(scores.dtype)
        counted = counted.to(scores.dtype)
        tops[0].value = correct.sum() / counted.sum().clamp(min=1)
        if len(tops) > 1:
            flat_labels = labels.reshape(-1)
            n_correct, n_items = scores.new_zeros(2, self.n_classes)
            n_correct.index_add_(0, flat_labels, correct.view(-1))
            n_items.index_add_(0, flat_labels, counted.view(-1))
            tops[1].value = n_correct / n_items.clamp_(min=1)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Refuse, if a gradient is asked for."""
        if any(propagate_down):
            raise self.error(
                "has no gradient; set propagate_down: false for its bottoms, or force_backward: false for the net"
            )
