"""Silence: swallows blobs that nobody wants to see."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Silence(Layer):
    """Keeps its bottoms from becoming outputs of the net.

    Notes
    -----
    Follows `src/caffe/layers/silence_layer.cpp`.
    """

    n_bottoms = (1, None)
    n_tops = (0, 0)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Has no tops to shape."""

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Do nothing."""

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give gradients of zero."""
        for bottom, wanted in zip(bottoms, propagate_down):
            if wanted:
                bottom.clear_diff()
