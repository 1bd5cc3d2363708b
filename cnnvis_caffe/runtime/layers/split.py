"""Split: one blob for several readers."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Split(Layer):
    """Shows its bottom under several names and sums their gradients.

    Notes
    -----
    Follows `src/caffe/layers/split_layer.cpp`. The tops share the bottom's values, not its gradients.
    """

    n_tops = (1, None)
    can_be_in_place = False
    always_reshape = True

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give every top the bottom's shape."""
        for top in tops:
            if (top.shape, top.count) != (bottoms[0].shape, bottoms[0].count):  # a new blob has shape (), but no value
                top.reshape(*bottoms[0].shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Share the values."""
        for top in tops:
            top.share_data(bottoms[0])

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Sum the gradients in the order of the tops."""
        if not propagate_down[0]:
            return
        total = tops[0].grad
        total = total + tops[1].grad if len(tops) > 1 else total.clone()
        for top in tops[2:]:
            total += top.grad
        bottoms[0].grad = total
