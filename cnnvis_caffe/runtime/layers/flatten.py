"""Flatten: several axes become one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Flatten(Layer):
    """Takes the axes from `axis` to `end_axis`, both included, as one; nothing is copied.

    Notes
    -----
    Follows `src/caffe/layers/flatten_layer.cpp`.
    """

    can_be_in_place = False

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Multiply the lengths of the axes."""
        param, shape = self.param.flatten_param, bottoms[0].shape
        start = self.axis(bottoms[0], param.axis)
        end = self.axis(bottoms[0], param.end_axis, "end_axis") + 1
        if end < start:
            raise self.shape_error(
                f"end_axis {param.end_axis} lies before axis {param.axis} in blob {bottoms[0].name!r} "
                f"of shape {shape}; it must not"
            )
        # With end_axis = axis - 1 nothing is multiplied: an axis of length 1 is put in, as in Caffe.
        tops[0].reshape(*shape[:start], math.prod(shape[start:end]), *shape[end:])

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Share the values."""
        tops[0].share_data(bottoms[0])

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Share the gradient, whether or not it was asked for."""
        # Caffe quirk: ignores propagate_down.
        bottoms[0].share_diff(tops[0])
