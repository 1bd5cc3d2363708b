"""Deconvolution: a convolution run from its outputs to its inputs."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.layers.convolution_base import ConvolutionBase


class Deconvolution(ConvolutionBase):
    """The transpose of a Convolution with the same windows.

    Notes
    -----
    Follows `src/caffe/layers/deconv_layer.cpp`. Weights have shape (channels, num_output / group, *kernel).
    """

    transposed = True

    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weights."""
        return (self.n_channels, self.n_out // self.group, *self.windows.kernel)

    def output_sizes(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Spatial sizes of the top for those of the bottom."""
        return self.windows.deconvolved(sizes)
