"""Scale: a factor, and if wanted an offset, along some axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.broadcast import aligned_shape, param_shape, summed
from cnnvis_caffe.runtime.layers.elementwise import kept_value


class Scale(Layer):
    """y = scale * x + bias, where the scale is learned or is the second bottom, and the bias is optional.

    Notes
    -----
    Follows `src/caffe/layers/scale_layer.cpp`. Parameters are the scale, if learned, then the bias.
    """

    n_bottoms = (1, 2)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make scale and bias."""
        param = self.param.scale_param
        self.is_learned = len(bottoms) == 1
        if self.is_learned:
            shape = param_shape(self, bottoms[0], param.axis, param.num_axes)
        else:
            shape = bottoms[1].shape
        wanted: list[tuple[tuple[int, ...], Any]] = []
        if self.is_learned:
            default = schema.FillerParameter(type="constant", value=1)
            wanted.append((shape, param.filler if param.HasField("filler") else default))
        if param.bias_term:
            wanted.append((shape, param.bias_filler))
        self.make_params(*wanted)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape; see how scale and bias lie over it."""
        bottom, axis = bottoms[0], self.param.scale_param.axis
        scale = self._scale(bottoms)
        self.aligned = aligned_shape(self, bottom, scale, axis)
        if self.param.scale_param.bias_term:
            self.bias_aligned = aligned_shape(self, bottom, self.blobs[-1], axis)
        self.is_full = scale.count == bottom.count
        # Caffe quirk: where nothing has to be summed over leading axes (a batch of one), the gradient of a learned
        # scale replaces what was there instead of being added to it, unless it is a single number.
        n_outer = math.prod(bottom.shape[: self.axis(bottom, axis)]) if scale.shape else 1
        self.accumulates = self.is_learned and not self.is_full and (n_outer > 1 or scale.count == 1)
        tops[0].reshape(*bottom.shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Multiply and add."""
        bottom, top = bottoms[0], tops[0]
        scale = self._scale(bottoms).value.reshape(self.aligned)
        # In place, the gradient of the scale still needs what is overwritten here.
        wants_scale_gradient = not self.is_learned or self.param_propagate_down[0]
        self._x = kept_value(bottom) if top is bottom and wants_scale_gradient else None
        x = bottom.value if self._x is None else self._x
        out = x if top is bottom and self._x is None else None
        if self.param.scale_param.bias_term:
            bias = self.blobs[-1].value.reshape(self.bias_aligned)
            top.value = torch.addcmul(bias, x, scale, out=out)
        else:
            top.value = torch.mul(x, scale, out=out)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Add to the gradients of bias and scale; give that of the bottom."""
        bottom, in_place = bottoms[0], tops[0] is bottoms[0]
        dy = tops[0].grad
        if self.param.scale_param.bias_term and self.param_propagate_down[-1]:
            self.blobs[-1].add_grad(summed(dy, self.bias_aligned).reshape(self.blobs[-1].shape))
        if self.param_propagate_down[0] if self.is_learned else propagate_down[1]:
            product = dy * (bottom.value if self._x is None else self._x)
            self._give_scale_gradient(self._scale(bottoms), product)
            # Caffe quirk: the product is put where the bottom's gradient goes, even if nobody wants that one; in
            # place, where the input was kept, so that a second backward uses it as input.
            if in_place and not self.is_full:
                self._x = product
            elif not self.is_full and not propagate_down[0]:
                bottom.grad = product
        if propagate_down[0]:
            scale = self._scale(bottoms).value.reshape(self.aligned)
            bottom.grad = dy.mul_(scale) if in_place else dy * scale

    def _scale(self, bottoms: Sequence[Blob]) -> Blob:
        """The blob that holds the scale."""
        return self.blobs[0] if self.is_learned else bottoms[1]

    def _give_scale_gradient(self, scale: Blob, product: Any) -> None:
        """Sum the products over the axes that the scale is repeated along."""
        total = product if self.is_full else summed(product, self.aligned)
        if self.accumulates:
            scale.add_grad(total.reshape(scale.shape))
        else:
            scale.grad = total.reshape(scale.shape)
