"""Upsample: values put back to where a max pooling took them from, or repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.whole_numbers import whole_numbers


class Upsample(Layer):
    """Puts each value of the first bottom to its place, which the second has; without a second, repeats it.

    Notes
    -----
    Follows `src/caffe/layers/upsample_layer.cpp` of SegNet's Caffe, where the second bottom is the second top of a max
    pooling; and that of YOLOv3's, which repeats each value `scale` times in both directions. Where several values
    have one place, the last counts, and each of them gets the gradient of the place.
    """

    fork = "SegNet"
    fork_settings = ("upsample_param",)
    n_bottoms = (1, 2)
    can_be_in_place = False

    def allows_force_backward(self, index: int) -> bool:
        """Places have no gradient."""
        return index == 0

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the scales."""
        param = self.param.upsample_param
        has_scales = param.HasField("scale_h") and param.HasField("scale_w")
        both = param.stride if param.HasField("stride") else param.scale
        self.scales = (param.scale_h, param.scale_w) if has_scales else (both, both)
        if min(self.scales) < 1:
            raise self.error(f"upsample_param: scales must be at least 1, got {self.scales}")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Work the size out."""
        shape, param = bottoms[0].shape, self.param.upsample_param
        if len(shape) != 4 or any(bottom.shape != shape for bottom in bottoms):
            found = " and ".join(f"{bottom.name!r} {bottom.shape}" for bottom in bottoms)
            raise self.shape_error(f"needs bottoms of one shape with 4 axes, found {found}")
        if param.HasField("upsample_h") and param.HasField("upsample_w"):
            sizes = [param.upsample_h, param.upsample_w]
        else:
            sizes = [length * scale for length, scale in zip(shape[2:], self.scales)]
            sizes = [size - cut for size, cut in zip(sizes, (param.pad_out_h, param.pad_out_w))]
        tops[0].reshape(*shape[:2], *sizes)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Put the values to their places."""
        x = bottoms[0].value
        n, c, height, width = tops[0].shape
        if len(bottoms) == 1:
            repeated = x.repeat_interleave(self.scales[0], 2).repeat_interleave(self.scales[1], 3)
            tops[0].value = repeated[:, :, :height, :width].contiguous()
            return
        y = torch.zeros(n, c, height * width, dtype=x.dtype, device=x.device)
        tops[0].value = y.scatter_(2, self._places(bottoms[1], height * width), x.reshape(n, c, -1)).view(tops[0].shape)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Fetch the gradients from the places, or sum those of the copies."""
        if not propagate_down[0]:
            return
        dy, (n, c, height, width) = tops[0].grad, tops[0].shape
        if len(bottoms) == 1:
            bottom_height, bottom_width = bottoms[0].shape[2:]
            (sh, sw) = self.scales
            missing = (0, bottom_width * sw - width, 0, bottom_height * sh - height)
            whole = torch.nn.functional.pad(dy, missing)
            bottoms[0].grad = whole.reshape(n, c, bottom_height, sh, bottom_width, sw).sum((3, 5))
        else:
            places = self._places(bottoms[1], height * width)
            bottoms[0].grad = dy.reshape(n, c, -1).gather(2, places).view(bottoms[0].shape)

    def _places(self, blob: Blob, n_places: int) -> Any:
        """Where the values go, in range."""
        places = whole_numbers(self, blob, n_places, "place", "the number of places of the top")
        return places.reshape(*blob.shape[:2], -1)
