"""The base of layers that treat every value by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.memory import TENSOR


class Elementwise(Layer):
    """One bottom, one top of the same shape (`NeuronLayer` in Caffe)."""

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape."""
        tops[0].reshape(*bottoms[0].shape)


def kept_value(blob: Blob) -> Any:
    """Return a blob's values as a tensor that stays as it is when the blob is given another tensor.

    Layers use it for what they need in backward although they work in place. A copy is made only where the tensor is
    also the buffer that people look at, which is written again when they next look.
    """
    value = blob.value
    return value if blob._data.where == TENSOR else value.clone()


def scaled(tensor: Any, factor: float) -> Any:
    """Return a new tensor, `factor` times as large.

    Caffe quirk: OpenBLAS takes a factor of zero to mean "set to zero", so that infinity and NaN disappear too.
    """
    return tensor * factor if factor else tensor.new_zeros(tensor.shape)
