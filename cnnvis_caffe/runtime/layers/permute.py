"""Permute: the axes of a blob in another order."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Permute(Layer):
    """Takes the axes in the order of `permute_param.order`, then those that it leaves out, in their own order.

    Notes
    -----
    Follows `src/caffe/layers/permute_layer.cpp` of SSD's Caffe.
    """

    fork = "SSD"
    fork_settings = ("permute_param",)
    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Complete and check the order."""
        order = list(self.param.permute_param.order)
        n_axes = len(bottoms[0].shape)
        if len(set(order)) < len(order) or any(axis >= n_axes for axis in order):
            raise self.error(
                f"permute_param.order {order} must name axes of blob {bottoms[0].name!r} of shape {bottoms[0].shape}, "
                f"0 to {n_axes - 1}, each at most once"
            )
        self.order = [*order, *(axis for axis in range(n_axes) if axis not in order)]
        self.back = [self.order.index(axis) for axis in range(n_axes)]

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Put the lengths in order."""
        tops[0].reshape(*(bottoms[0].shape[axis] for axis in self.order))

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Put the axes in order."""
        tops[0].value = bottoms[0].value.permute(self.order).contiguous()

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Put them back."""
        if propagate_down[0]:
            bottoms[0].grad = tops[0].grad.permute(self.back).contiguous()
