"""Reverse: a blob from its end to its beginning along one axis."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Reverse(Layer):
    """Turns the order along `reverse_param.axis` round.

    Notes
    -----
    Follows `src/caffe/layers/reverse_layer.cpp` of the Caffe versions that read text with bidirectional LSTMs.
    """

    fork = "CRNN"
    fork_settings = ("reverse_param",)
    can_be_in_place = False

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find the axis."""
        self.along = self.axis(bottoms[0], self.param.reverse_param.axis, "reverse_param.axis")
        tops[0].reshape(*bottoms[0].shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Turn round."""
        tops[0].value = bottoms[0].value.flip(self.along)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Turn back."""
        if propagate_down[0]:
            bottoms[0].grad = tops[0].grad.flip(self.along)
