"""PReLU: rectifiers whose slope on the negative side is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise, kept_value

DEFAULT_SLOPE = 0.25


class PReLU(Elementwise):
    """y = max(x, 0) + slope * min(x, 0), with a slope for each channel or, if `channel_shared`, one for all.

    Notes
    -----
    Follows `src/caffe/layers/prelu_layer.cpp`. The slopes have shape (channels,) or ().
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the slopes."""
        param = self.param.prelu_param
        self.shared = param.channel_shared
        self._check_axes(bottoms[0])
        channels = bottoms[0].shape[1]
        default = schema.FillerParameter(type="constant", value=DEFAULT_SLOPE)
        shape = () if self.shared else (channels,)
        self.make_params((shape, param.filler if param.HasField("filler") else default))
        wanted = 1 if self.shared else channels
        if self.blobs[0].count != wanted:
            raise self.shape_error(f"came with {self.blobs[0].count} slopes, needs {wanted}")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape."""
        self._check_axes(bottoms[0])
        channels = bottoms[0].shape[1]
        if not self.shared and channels != self.blobs[0].count:
            raise self.shape_error(f"has slopes for {self.blobs[0].count} channels, the bottom has {channels}")
        super().reshape(bottoms, tops)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Rectify."""
        # In place, backward still needs what is overwritten here.
        self._x = kept_value(bottoms[0]) if tops[0] is bottoms[0] else None
        x = bottoms[0].value if self._x is None else self._x
        tops[0].value = torch.prelu(x, self.blobs[0].value.reshape(-1))

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Add to the gradients of the slopes; give that of the bottom."""
        x = bottoms[0].value if self._x is None else self._x
        dy = tops[0].grad
        if self.param_propagate_down[0]:
            kept_axes = () if self.shared else (1,)
            axes = [axis for axis in range(x.dim()) if axis not in kept_axes]
            total = (dy * x.clamp(max=0)).sum(axes)
            self.blobs[0].add_grad(total.reshape(self.blobs[0].shape))
        if propagate_down[0]:
            passed = torch.ops.aten.threshold_backward(dy, x, 0)  # where x > 0; much faster than torch.where
            # NaN is neither above 0 nor at most 0: no gradient passes it.
            bottoms[0].grad = torch.addcmul(passed, dy - passed, self._slopes(x)).mul_(x == x)

    def _slopes(self, x: Any) -> Any:
        """The slopes in a shape that broadcasts over the bottom."""
        return self.blobs[0].value.reshape(-1, *[1] * (x.dim() - 2))

    def _check_axes(self, bottom: Blob) -> None:
        """Refuse blobs without channels, and those that the old accessors do not know."""
        if not 2 <= len(bottom.shape) <= 4:
            raise self.shape_error(f"bottom {bottom.name!r} has shape {bottom.shape}; 2 to 4 axes are allowed")
