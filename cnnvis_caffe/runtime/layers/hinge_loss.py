"""HingeLoss: one-against-all margins, as support vector machines have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import Loss
from cnnvis_caffe.runtime.layers.whole_numbers import whole_numbers


class HingeLoss(Loss):
    """loss = sum(max(0, 1 - s x)^p) / N, s = 1 for the labelled class and -1 for the others, p = 1 or 2.

    Notes
    -----
    Follows `src/caffe/layers/hinge_loss_layer.cpp`.
    """

    def _label_positions(self, bottoms: Sequence[Blob]) -> Any:
        """Where each item's labelled class lies, as a column of indices into (n_items, n_classes)."""
        scores, labels = bottoms
        n_items = self.n_items(scores)
        n_classes = scores.count // n_items
        numbers = whole_numbers(self, labels, n_classes, "label", "the number of classes")
        return numbers.reshape(-1)[:n_items, None]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum the margins."""
        scores = bottoms[0]
        positions = self._label_positions(bottoms)
        n_items = len(positions)
        margins = scores.value.reshape(n_items, -1).clone()
        margins.scatter_(1, positions, -margins.gather(1, positions))
        margins += 1
        # Not clamp: a margin that is NaN counts as 0 in Caffe.
        margins = torch.where(margins > 0, margins, torch.zeros_like(margins))
        is_l1 = self.param.hinge_loss_param.norm == schema.HingeLossParameter.L1
        tops[0].value = (margins if is_l1 else margins.square()).sum() / n_items
        # Caffe quirk: the margins are kept in the bottom's diff.
        scores.grad = margins.view(scores.shape)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Turn the margins that lie in the bottom's diff into the gradient."""
        self.refuse_gradients(propagate_down, "labels")
        if not propagate_down[0]:
            return
        scores = bottoms[0]
        positions = self._label_positions(bottoms)
        n_items = len(positions)
        # Caffe quirk: a second backward takes the first one's gradient for margins, and signs flip.
        dx = scores.grad.reshape(n_items, -1).clone()
        dx.scatter_(1, positions, -dx.gather(1, positions))
        weight = tops[0].grad
        if self.param.hinge_loss_param.norm == schema.HingeLossParameter.L1:
            dx = dx.sign_().mul_(weight / n_items)
        else:
            dx.mul_(weight * 2 / n_items)
        scores.grad = dx.view(scores.shape)
