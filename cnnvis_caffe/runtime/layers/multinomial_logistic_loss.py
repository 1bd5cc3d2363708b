"""MultinomialLogisticLoss: the logarithm of the right class's probability; bottoms are probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import LOG_THRESHOLD, Loss
from cnnvis_caffe.runtime.layers.whole_numbers import whole_numbers


class MultinomialLogisticLoss(Loss):
    """loss = -sum(log(max(p[label], 1e-20))) / N.

    Notes
    -----
    Follows `src/caffe/layers/multinomial_logistic_loss_layer.cpp`.
    """

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that each item has one label."""
        super().reshape(bottoms, tops)
        labels = bottoms[1]
        if labels.count != self.n_items(labels):
            raise self.shape_error(
                f"bottom {labels.name!r} has shape {labels.shape}; one label for each item is needed"
            )

    def _label_positions(self, bottoms: Sequence[Blob]) -> Any:
        """Where each item's labelled class lies, as a column of indices into (n_items, n_classes)."""
        probabilities, labels = bottoms
        n_classes = probabilities.count // self.n_items(probabilities)
        return whole_numbers(self, labels, n_classes, "label", "the number of classes").reshape(-1, 1)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum the logarithms."""
        positions = self._label_positions(bottoms)
        n_items = len(positions)
        picked = bottoms[0].value.reshape(n_items, -1).gather(1, positions)
        tops[0].value = -picked.clamp(min=LOG_THRESHOLD).log().sum() / n_items

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give -1 / p for the labelled class, 0 for the others."""
        self.refuse_gradients(propagate_down, "labels")
        if not propagate_down[0]:
            return
        positions = self._label_positions(bottoms)
        n_items = len(positions)
        probabilities = bottoms[0].value.reshape(n_items, -1)
        picked = probabilities.gather(1, positions).clamp_(min=LOG_THRESHOLD)
        dx = torch.zeros_like(probabilities)
        dx.scatter_(1, positions, -tops[0].grad / n_items / picked)
        bottoms[0].grad = dx.view(bottoms[0].shape)
