"""Normalize: vectors of length 1, times a scale that is learned."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Normalize(Layer):
    """y = scale * x / sqrt(sum(x^2) + eps), with the sum over the channels of a place or over a whole image.

    Notes
    -----
    Follows `src/caffe/layers/normalize_layer.cpp` of SSD's Caffe. The scale has shape () or (channels,).
    """

    fork = "SSD"
    fork_settings = ("norm_param",)
    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the scale."""
        param = self.param.norm_param
        if len(bottoms[0].shape) < 2:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {bottoms[0].shape}; it needs 2 or more axes")
        channels = bottoms[0].shape[1]
        shape = () if param.channel_shared else (channels,)
        ones = schema.FillerParameter(type="constant", value=1)
        self.make_params((shape, param.scale_filler if param.HasField("scale_filler") else ones))
        if self.blobs[0].count != (1 if param.channel_shared else channels):
            raise self.shape_error(f"came with {self.blobs[0].count} scales for {channels} channels")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape."""
        shape, param = bottoms[0].shape, self.param.norm_param
        self.by_place = not param.across_spatial
        self.axes = [1] if self.by_place else list(range(1, len(shape)))
        self.aligned = (-1, *[1] * (len(shape) - 2))
        tops[0].reshape(*shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Divide by the length, and scale."""
        x = bottoms[0].value
        self._norm = (x.square().sum(self.axes, keepdim=True) + self.param.norm_param.eps).sqrt()
        tops[0].value = x / self._norm * self.blobs[0].value.reshape(self.aligned)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the part of the gradient across the vector; add to that of the scale."""
        x, dy = bottoms[0].value, tops[0].grad
        unit = x / self._norm
        if self.param_propagate_down[0]:
            kept = [] if self.param.norm_param.channel_shared else [1]
            total = (unit * dy).sum([axis for axis in range(dy.dim()) if axis not in kept])
            self.blobs[0].add_grad(total.reshape(self.blobs[0].shape))
        if propagate_down[0]:
            # Caffe quirk: SSD's multiplies with the scales at the end, which is right only where they are all the same.
            along = (unit * dy).sum(self.axes, keepdim=True)
            bottoms[0].grad = (dy - unit * along) / self._norm * self.blobs[0].value.reshape(self.aligned)
