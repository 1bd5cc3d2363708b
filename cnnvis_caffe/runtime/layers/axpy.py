"""Axpy: a blob times a factor for each channel, plus another blob."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Axpy(Layer):
    """y = a * x + b with bottoms a (N, C, 1, 1) or (N, C), x and b (N, C, H, W).

    Notes
    -----
    Follows `src/caffe/layers/axpy_layer.cpp` of SENet's Caffe.
    """

    fork = "SENet"
    n_bottoms = (3, 3)
    can_be_in_place = False

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that there is one factor for each channel, and that both blobs have one shape."""
        a, x, b = bottoms
        if a.shape[:2] != x.shape[:2] or a.count != a.shape[0] * a.shape[1] or len(x.shape) != 4:
            raise self.shape_error(
                f"bottom {a.name!r} has shape {a.shape}: blob {x.name!r} of shape {x.shape} needs one factor for each "
                "image and channel"
            )
        if x.shape != b.shape:
            raise self.shape_error(f"bottoms {x.name!r} {x.shape} and {b.name!r} {b.shape} must have one shape")
        tops[0].reshape(*x.shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Multiply and add."""
        a, x, b = (bottom.value for bottom in bottoms)
        tops[0].value = b.addcmul(a.reshape(*x.shape[:2], 1, 1), x)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the gradient of each bottom."""
        dy, x = tops[0].grad, bottoms[1].value
        if propagate_down[0]:
            bottoms[0].grad = (dy * x).sum((2, 3)).reshape(bottoms[0].shape)
        if propagate_down[1]:
            bottoms[1].grad = dy * bottoms[0].value.reshape(*x.shape[:2], 1, 1)
        if propagate_down[2]:
            bottoms[2].grad = dy.clone()
