"""Bias: an offset along some axes."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.broadcast import aligned_shape, param_shape, summed


class Bias(Layer):
    """y = x + bias, where the bias is learned or is the second bottom.

    Notes
    -----
    Follows `src/caffe/layers/bias_layer.cpp`.
    """

    n_bottoms = (1, 2)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the bias."""
        param = self.param.bias_param
        self.is_learned = len(bottoms) == 1
        if self.is_learned:
            self.make_params((param_shape(self, bottoms[0], param.axis, param.num_axes), param.filler))

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape; see how the bias lies over it."""
        self.aligned = aligned_shape(self, bottoms[0], self._bias(bottoms), self.param.bias_param.axis)
        tops[0].reshape(*bottoms[0].shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Add."""
        bottom, top = bottoms[0], tops[0]
        bias = self._bias(bottoms).value.reshape(self.aligned)
        top.value = bottom.value.add_(bias) if top is bottom else bottom.value + bias

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Copy the gradient; add its sum to that of the bias."""
        bottom, top, bias = bottoms[0], tops[0], self._bias(bottoms)
        if propagate_down[0] and top is not bottom:
            bottom.grad = top.grad.clone()
        if self.param_propagate_down[0] if self.is_learned else propagate_down[1]:
            total = summed(top.grad, self.aligned).reshape(bias.shape)
            if self.is_learned:
                bias.add_grad(total)
            else:
                bias.grad = total

    def _bias(self, bottoms: Sequence[Blob]) -> Blob:
        """The blob that holds the bias."""
        return self.blobs[0] if self.is_learned else bottoms[1]
