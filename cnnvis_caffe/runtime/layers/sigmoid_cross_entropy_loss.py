"""SigmoidCrossEntropyLoss: independent yes-or-no questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import LabelledLoss


class SigmoidCrossEntropyLoss(LabelledLoss):
    """loss = -sum(t * log(s) + (1 - t) * log(1 - s)) / normalizer with s = sigmoid(x).

    Notes
    -----
    Follows `src/caffe/layers/sigmoid_cross_entropy_loss_layer.cpp`. Targets t may have any value.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read loss_param."""
        # Caffe quirk: the default is the batch size here, not the number of valid targets as in other losses.
        self.setup_labels(schema.LossParameter.BATCH_SIZE)
        self._sigmoid = Blob(name=f"{self.name} sigmoid")
        self._normalizer: Any = 1

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that there is a target for each value."""
        super().reshape(bottoms, tops)
        scores, targets = bottoms
        if scores.count != targets.count:
            raise self.shape_error(
                f"bottom {scores.name!r} of shape {scores.shape} and {targets.name!r} of shape "
                f"{targets.shape} must have the same number of values"
            )
        self.n_outer = scores.shape[0]
        self.n_inner = scores.count // max(1, self.n_outer)
        self._sigmoid.reshape(*scores.shape)

    def _counted(self, targets: Any) -> Any:
        """Which targets count; None where all do."""
        # Caffe quirk: targets are cut to whole numbers for this, so ignore_label 0 also ignores 0.7.
        return None if self.ignored is None else targets.long() != self.ignored

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum over all targets that count."""
        x = bottoms[0].value
        targets = bottoms[1].value.reshape(x.shape)
        self._sigmoid.value = torch.sigmoid(x)
        # Written as in Caffe, so that infinities end the same way.
        positive = (x >= 0).to(x.dtype)
        losses = torch.log(1 + torch.exp(x - 2 * x * positive)) - x * (targets - positive)
        counted = self._counted(targets)
        if counted is not None:
            losses.masked_fill_(~counted, 0)
        self._normalizer = self.normalizer(counted)
        tops[0].value = losses.sum() / self._normalizer

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give sigmoid(x) minus target, divided as the last forward did."""
        self.refuse_gradients(propagate_down, "targets")
        if not propagate_down[0]:
            return
        targets = bottoms[1].value.reshape(bottoms[0].shape)
        dx = self._sigmoid.value - targets
        counted = self._counted(targets)
        if counted is not None:
            dx.masked_fill_(~counted, 0)
        bottoms[0].grad = dx.mul_(tops[0].grad / self._normalizer)
