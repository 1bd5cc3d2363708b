"""The base of loss layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.whole_numbers import whole_numbers

#: Smallest probability whose logarithm most losses take, from `include/caffe/layers/loss_layer.hpp`.
LOG_THRESHOLD = 1e-20


class Loss(Layer):
    """Two bottoms with the same number of items, and a single number as top.

    Notes
    -----
    Follows `src/caffe/layers/loss_layer.cpp`.
    """

    n_bottoms = (2, 2)
    auto_tops = True
    is_loss = True
    can_be_in_place = False

    def allows_force_backward(self, index: int) -> bool:
        """Labels get no gradient."""
        return index != 1

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Compare the numbers of items; the loss has no axes."""
        first, second = bottoms[:2]
        if not first.shape or first.shape[:1] != second.shape[:1]:
            raise self.shape_error(
                f"bottom {first.name!r} has shape {first.shape} and {second.name!r} {second.shape}; both "
                "need a first axis of the same length"
            )
        tops[0].reshape()

    def n_items(self, blob: Blob) -> int:
        """Length of a blob's first axis, in a layer that knows blobs of four axes at most."""
        if len(blob.shape) > 4:
            raise self.shape_error(
                f"bottom {blob.name!r} has shape {blob.shape}; this layer takes 4 axes at most: put a "
                "Flatten or Reshape before it"
            )
        return blob.num

    def refuse_gradients(self, propagate_down: Sequence[bool], *what: str) -> None:
        """Raise where a bottom behind the first wants a gradient that does not exist."""
        for name, wanted in zip(what, propagate_down[1:]):
            if wanted:
                raise self.error(f"has no gradient for its {name}; set propagate_down: false for that bottom")


class LabelledLoss(Loss):
    """A loss over classes along one axis, with a label for each place, some of which may be ignored."""

    def setup_labels(self, default_mode: int = schema.LossParameter.VALID) -> None:
        """Read loss_param."""
        param = self.param.loss_param
        self.ignored = param.ignore_label if param.HasField("ignore_label") else None
        if param.HasField("normalization"):
            self.normalization = param.normalization
        elif param.HasField("normalize"):
            self.normalization = schema.LossParameter.VALID if param.normalize else schema.LossParameter.BATCH_SIZE
        else:
            self.normalization = default_mode

    def reshape_labels(self, bottoms: Sequence[Blob], axis: int) -> None:
        """Take the classes to lie along `axis`, and check that there is one label for each place."""
        scores, labels = bottoms[:2]
        self.class_axis = self.axis(scores, axis)
        shape = scores.shape
        self.n_outer = math.prod(shape[: self.class_axis])
        self.n_inner = math.prod(shape[self.class_axis + 1 :])
        self.n_classes = shape[self.class_axis]
        if self.n_outer * self.n_inner != labels.count:
            raise self.shape_error(
                f"{labels.count} labels in bottom {labels.name!r} of shape {labels.shape} for "
                f"{self.n_outer * self.n_inner} predictions in {scores.name!r} of shape {shape} with the "
                f"classes along axis {self.class_axis}; one for each is needed"
            )

    def labels(self, blob: Blob) -> tuple[Any, Any]:
        """Return the labels and which of them count.

        Returns
        -------
        labels : tensor of shape (n_outer, n_inner), int64
            In range: 0 where the label is ignored.
        counted : tensor of the same shape, bool, or None
            None where every label counts.
        """
        labels = whole_numbers(self, blob, self.n_classes, "label", "the number of classes", self.ignored)
        labels = labels.reshape(self.n_outer, self.n_inner)
        if self.ignored is None:
            return labels, None
        counted = labels != self.ignored
        return labels * counted, counted

    def normalizer(self, counted: Any) -> Any:
        """Return what a sum over labels is divided by: a number, or a tensor that is not waited for."""
        if self.normalization == schema.LossParameter.VALID and counted is not None:
            return counted.sum().clamp(min=1)
        n_by_mode = {
            schema.LossParameter.VALID: self.n_outer * self.n_inner,
            schema.LossParameter.FULL: self.n_outer * self.n_inner,
            schema.LossParameter.BATCH_SIZE: self.n_outer,
            schema.LossParameter.PRE_FIXED: self.param.loss_param.pre_fixed_normalizer,  # R-FCN's
            schema.LossParameter.NONE: 1,
        }
        return max(1, n_by_mode[self.normalization])
