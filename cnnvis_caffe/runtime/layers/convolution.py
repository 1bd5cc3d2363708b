"""Convolution: cross-correlation with shared weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.convolution_base import ConvolutionBase
from cnnvis_caffe.runtime.layers.packed_weights import PackedWeights


class Convolution(ConvolutionBase):
    """y[o] = b[o] + sum over i of w[o, i] * x[i], over windows of the bottom.

    Notes
    -----
    Follows `src/caffe/layers/conv_layer.cpp`. Weights have shape (num_output, channels / group, *kernel).
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the windows; make weights and bias."""
        super().setup(bottoms, tops)
        self._packed = PackedWeights()

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the tops their shapes."""
        super().reshape(bottoms, tops)
        w = self.windows
        # How far the last window reaches beyond the padding, for each spatial axis.
        self._overhang = [max(0, e - (size + 2 * p)) for e, size, p in zip(w.extent, self.bottom_shape[2:], w.pad)]

    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weights."""
        return (self.n_out, self.n_channels // self.group, *self.windows.kernel)

    def output_sizes(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Spatial sizes of the top for those of the bottom."""
        return self.windows.convolved(sizes)

    def convolve(self, x: Any, weight: Any, bias: Any) -> Any:
        """Convolve one tensor of shape (batch, channels, *spatial)."""
        w = self.windows
        on_cpu = x.device.type == "cpu" and not backend.is_narrow()
        if len(w.kernel) == 2 and on_cpu and min(w.dilation) and not any(self._overhang):
            arguments = list(w.pad), list(w.stride), list(w.dilation), self.group
            packed = self._packed.get(
                self,
                self.blobs[0],
                x.shape,
                lambda: torch.ops.mkldnn._reorder_convolution_weight(weight, *arguments, list(x.shape)),
            )
            if packed is not None:
                return torch.ops.mkldnn._convolution_pointwise(x, packed, bias, *arguments, "none", [], "")
        return super().convolve(x, weight, bias)

    def padded(self, x: Any) -> Any:
        """Let a window that is larger than the padded bottom hang over its end, onto zeros."""
        if not any(self._overhang):
            return x
        return torch.nn.functional.pad(x, [n for extra in reversed(self._overhang) for n in (0, extra)])

    def unpadded(self, dx: Any, x: Any) -> Any:
        """Cut off the gradient of those zeros."""
        for axis, size in enumerate(x.shape[2:], start=2):
            dx = dx.narrow(axis, 0, size)
        return dx
