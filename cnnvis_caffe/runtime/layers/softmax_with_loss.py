"""SoftmaxWithLoss: softmax and the logarithm of the right class's probability in one."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import LabelledLoss

#: FLT_MIN of C: probabilities below it count as this much, so that no item loses more than 87.34.
SMALLEST_PROBABILITY = 2.0**-126


class SoftmaxWithLoss(LabelledLoss):
    """loss = -sum(log(softmax(x)[label])) / normalizer.

    Notes
    -----
    Follows `src/caffe/layers/softmax_loss_layer.cpp`.
    """

    n_tops = (1, 2)
    fork_settings = ("loss_param.pre_fixed_normalizer",)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read loss_param and refuse the second top, which Caffe declares and cannot set up."""
        if len(tops) > 1:
            raise self.error(
                "has 2 tops, which Caffe 1.0 cannot set up; for the probabilities add a layer of type Softmax"
            )
        self.setup_labels()
        self._probabilities = Blob(name=f"{self.name} probabilities")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find the classes."""
        super().reshape(bottoms, tops)
        self.reshape_labels(bottoms, self.param.softmax_param.axis)
        self._probabilities.reshape(*bottoms[0].shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum the losses."""
        probabilities = torch.softmax(bottoms[0].value, self.class_axis)
        self._probabilities.value = probabilities
        labels, counted = self.labels(bottoms[1])
        picked = probabilities.gather(self.class_axis, labels.view(self._label_shape)).view(labels.shape)
        losses = picked.clamp_(min=SMALLEST_PROBABILITY).log_().neg_()
        if counted is not None:
            losses.masked_fill_(~counted, 0)
        tops[0].value = losses.sum() / self.normalizer(counted)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give probability minus 1 for the right class, probability for the others."""
        self.refuse_gradients(propagate_down, "labels")
        if not propagate_down[0]:
            return
        labels, counted = self.labels(bottoms[1])
        dx = self._probabilities.value.clone()
        labels = labels.view(self._label_shape)
        dx.scatter_add_(self.class_axis, labels, dx.new_full((), -1).expand(labels.shape))
        if counted is not None:
            # Set, not multiplied: a NaN at an ignored place becomes 0 in Caffe, too.
            dx.masked_fill_(~counted.view(self._label_shape), 0)
        bottoms[0].grad = dx.mul_(tops[0].grad / self.normalizer(counted))

    @property
    def _label_shape(self) -> tuple[int, ...]:
        """The shape of the scores with a single class."""
        shape = self._probabilities.shape
        return (*shape[: self.class_axis], 1, *shape[self.class_axis + 1 :])
