"""Input: blobs that are filled from outside."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Input(Layer):
    """Holds what a caller puts into it.

    Notes
    -----
    Follows `src/caffe/layers/input_layer.cpp`. Without a shape its tops have none until somebody reshapes them.
    """

    n_bottoms = (0, 0)
    n_tops = (1, None)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the tops the shapes of input_param."""
        shapes = self.param.input_param.shape
        if len(shapes) not in (0, 1, len(tops)):
            raise self.error(f"has {len(shapes)} shapes for {len(tops)} tops; 0, 1 or {len(tops)} are allowed")
        for index, top in enumerate(tops if shapes else ()):
            top.reshape(*shapes[0 if len(shapes) == 1 else index].dim)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Leave the shapes to the caller."""

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Leave the values to the caller."""

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Has nothing below it."""
