"""Threshold: which values are above a limit."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise


class Threshold(Elementwise):
    """y = 1 where x is above the threshold, 0 elsewhere; there is no backward pass.

    Notes
    -----
    Follows `src/caffe/layers/threshold_layer.cpp`.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the threshold."""
        self.threshold = self.param.threshold_param.threshold

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Compare."""
        x = bottoms[0].value
        tops[0].value = (x > self.threshold).to(x.dtype)
