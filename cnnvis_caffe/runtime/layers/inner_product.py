"""InnerProduct: a fully connected layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.matrix_product import product
from cnnvis_caffe.runtime.layers.packed_weights import PackedWeights


class InnerProduct(Layer):
    """y = x W^T + b, with the axes from `axis` on taken as one.

    Notes
    -----
    Follows `src/caffe/layers/inner_product_layer.cpp`. Weights have shape (num_output, K), or (K, num_output) with
    `transpose`; the bias (num_output,).
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make weights and bias."""
        param = self.param.inner_product_param
        self.n_out = param.num_output
        self.transpose = param.transpose
        if self.n_out < 1:
            raise self.error(f"inner_product_param.num_output must be at least 1, got {self.n_out}")
        axis = self.axis(bottoms[0], param.axis)
        self.n_in = math.prod(bottoms[0].shape[axis:])
        weight = (self.n_in, self.n_out) if self.transpose else (self.n_out, self.n_in)
        wanted: list[tuple[tuple[int, ...], Any]] = [(weight, param.weight_filler)]
        if param.bias_term:
            wanted.append(((self.n_out,), param.bias_filler))
        self.make_params(*wanted)
        # Caffe quirk: parameters written in the net are taken as they come, whatever their shape.
        for blob, (shape, _) in zip(self.blobs, wanted):
            if blob.count != math.prod(shape):
                raise self.shape_error(f"parameter {blob.name} came with shape {blob.shape}, needs {shape}")
        self.weight_shape = weight
        self._packed = PackedWeights()

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Keep the leading axes and replace the rest by num_output."""
        shape = bottoms[0].shape
        axis = self.axis(bottoms[0], self.param.inner_product_param.axis)
        n_in = math.prod(shape[axis:])
        if n_in != self.n_in:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} of shape {shape} gives {n_in} inputs; the weights are for {self.n_in}"
            )
        self.n_rows = math.prod(shape[:axis])
        tops[0].reshape(*shape[:axis], self.n_out)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Multiply and add."""
        x = bottoms[0].value_plain.view(self.n_rows, self.n_in)
        weight = self.blobs[0].value.reshape(self.weight_shape)
        bias = self.blobs[1].value.reshape(-1) if len(self.blobs) > 1 else None
        tops[0].forget_data()
        tops[0].value = self._multiply(x, weight, bias).view(tops[0].shape)

    def _multiply(self, x: Any, weight: Any, bias: Any) -> Any:
        """The product and the bias."""
        if x.device.type == "cpu" and not self.transpose and not backend.is_narrow():
            packed = self._packed.get(
                self, self.blobs[0], self.n_rows, lambda: torch.ops.mkldnn._reorder_linear_weight(weight, self.n_rows)
            )
            if packed is not None:
                return torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")
        return product(x, weight.t() if self.transpose else weight, bias)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Add to the gradients of weights and bias; give that of the bottom."""
        dy = tops[0].grad.reshape(self.n_rows, self.n_out)
        if self.param_propagate_down[0]:
            x = bottoms[0].value_plain.view(self.n_rows, self.n_in)
            self.blobs[0].add_grad(product(x.t(), dy.t()) if self.transpose else product(dy.t(), x.t()))
        if len(self.blobs) > 1 and self.param_propagate_down[1]:
            self.blobs[1].add_grad(dy.sum(0))
        if propagate_down[0]:
            weight = self.blobs[0].value.reshape(self.weight_shape)
            bottoms[0].forget_diff()
            dx = product(dy, weight if self.transpose else weight.t())
            bottoms[0].grad = dx.view(bottoms[0].shape)
