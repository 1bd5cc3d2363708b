"""Transpose: the axes of a blob in another order, as CRNN's Caffe writes it."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.permute import Permute


class Transpose(Permute):
    """Takes the axes in the order of `transpose_param.dim`, which names each of them.

    Notes
    -----
    Follows `src/caffe/layers/transpose_layer.cpp` of CRNN's Caffe.
    """

    fork = "CRNN"
    fork_settings = ("transpose_param",)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check the order."""
        self.order = list(self.param.transpose_param.dim)
        n_axes = len(bottoms[0].shape)
        if sorted(self.order) != list(range(n_axes)):
            raise self.error(
                f"transpose_param.dim {self.order} must name each axis of blob {bottoms[0].name!r} of shape "
                f"{bottoms[0].shape} once, 0 to {n_axes - 1}"
            )
        self.back = [self.order.index(axis) for axis in range(n_axes)]
