"""Clip: values limited to a range."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class Clip(Elementwise):
    """y = max(min, min(x, max)).

    Notes
    -----
    Follows `src/caffe/layers/clip_layer.cpp`. Without clip_param both limits are 0. If `min` is above `max`, all
    values become `min`.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the limits."""
        self.low = self.param.clip_param.min
        self.high = self.param.clip_param.max

    def in_place_quirk(self, backward: bool) -> str | None:
        """Backward asks whether the output is within the limits."""
        return "in-place Clip lets the gradient of clipped values pass" if backward else None

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Limit."""
        y = bottoms[0].value.clamp(max=self.high)
        # Caffe quirk: NaN becomes the lower limit, which fmax does too.
        tops[0].value = torch.fmax(y, y.new_full((), self.low))

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Pass the gradient within the limits, both included."""
        if propagate_down[0]:
            x = bottoms[0].value
            bottoms[0].grad = tops[0].grad * ((x >= self.low) & (x <= self.high))
