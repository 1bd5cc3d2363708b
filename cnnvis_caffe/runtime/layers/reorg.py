"""Reorg: places of a blob turned into channels, or back, in YOLO's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Reorg(Layer):
    """Makes (N, C, H, W) into (N, C * stride^2, H / stride, W / stride), or back with `reverse`.

    Notes
    -----
    Follows `src/caffe/layers/reorg_layer.cpp` of the Caffe versions of YOLOv2. The order is that of darknet, which
    reads the bottom as if it had C / stride^2 channels of the larger size: it is a permutation, but not the one that
    its name promises. Backward is the permutation back; the forks' own passes on what it finds in an unused buffer.
    """

    fork = "YOLO"
    fork_settings = ("reorg_param",)
    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read stride and direction."""
        param = self.param.reorg_param
        if not param.stride:
            raise self.error("reorg_param.stride must be given and at least 1")
        self.stride, self.reverse = param.stride, param.reverse

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Work the shape out."""
        shape, s = bottoms[0].shape, self.stride
        if len(shape) != 4 or shape[1] % (s * s) or not self.reverse and (shape[2] % s or shape[3] % s):
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} has shape {shape}; channels must be divisible by {s * s}"
                + ("" if self.reverse else f", height and width by {s}")
            )
        n, c, h, w = shape
        tops[0].reshape(*((n, c // (s * s), h * s, w * s) if self.reverse else (n, c * s * s, h // s, w // s)))

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Permute."""
        tops[0].value = self._permuted(bottoms[0].value, bottoms[0].shape, self.reverse).reshape(tops[0].shape)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Permute back."""
        if propagate_down[0]:
            dy = self._permuted(tops[0].grad, bottoms[0].shape, not self.reverse)
            bottoms[0].grad = dy.reshape(bottoms[0].shape)

    def _permuted(self, x: Any, shape: Sequence[int], is_reverse: bool) -> Any:
        """The values of a blob between (N, C, H, W) and (N, C / stride^2, H * stride, W * stride)."""
        n, c, h, w = shape
        s, fewer = self.stride, c // (self.stride * self.stride)
        if is_reverse:
            return x.reshape(n, s, s, fewer, h, w).permute(0, 3, 4, 1, 5, 2)
        return x.reshape(n, fewer, h, s, w, s).permute(0, 3, 5, 1, 2, 4)
