"""What layers that treat every value by itself have in common."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Elementwise(Layer):
    """One bottom, one top of the same shape (`NeuronLayer` in Caffe)."""

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape."""
        tops[0].reshape(*bottoms[0].shape)
