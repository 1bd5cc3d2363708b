"""Parameter: a learned blob that other layers read."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Parameter(Layer):
    """Shows its parameter, all zero at first, as its top.

    Notes
    -----
    Follows `include/caffe/layers/parameter_layer.hpp`.
    """

    n_bottoms = (0, 0)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the parameter."""
        shape = tuple(self.param.parameter_param.shape.dim)
        self.make_params((shape, None))
        tops[0].reshape(*shape)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Nothing can change."""

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Share values and gradients."""
        # Caffe quirk: as the top's gradient *is* the parameter's, its reader overwrites it instead of adding to it.
        tops[0].share_data(self.blobs[0])
        tops[0].share_diff(self.blobs[0])

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Nothing is left to do."""
