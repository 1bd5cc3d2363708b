"""Embed: a row of a table for each index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.whole_numbers import whole_numbers


class Embed(Layer):
    """y[..., :] = W[x[...], :] + b.

    Notes
    -----
    Follows `src/caffe/layers/embed_layer.cpp`. The weights have shape (input_dim, num_output), the bias
    (num_output,); indices are cut to whole numbers.
    """

    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the table and the bias."""
        param = self.param.embed_param
        for field in ("num_output", "input_dim"):
            if getattr(param, field) < 1:
                raise self.error(f"embed_param.{field} must be at least 1, got {getattr(param, field)}")
        self.n_out, self.n_rows = param.num_output, param.input_dim
        bias = [((self.n_out,), param.bias_filler)] if param.bias_term else []
        self.make_params(((self.n_rows, self.n_out), param.weight_filler), *bias)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Add an axis."""
        tops[0].reshape(*bottoms[0].shape, self.n_out)

    def _rows(self, bottom: Blob) -> Any:
        """The row of the table that each value stands for, all in range."""
        return whole_numbers(self, bottom, self.n_rows, "index", "embed_param.input_dim").reshape(-1)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Look up and add."""
        y = self.blobs[0].value.index_select(0, self._rows(bottoms[0]))
        if self.param.embed_param.bias_term:
            y += self.blobs[1].value
        tops[0].value = y.view(tops[0].shape)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Add to the gradients of the rows that were looked up, and of the bias."""
        if propagate_down[0]:
            raise self.error("the indices have no gradient; set propagate_down: false or force_backward: false")
        dy = tops[0].grad.reshape(-1, self.n_out)
        if self.param_propagate_down[0]:
            # In place: a table for many words is much larger than the batch.
            table_grad = self.blobs[0].grad
            self.blobs[0].grad = table_grad.index_add_(0, self._rows(bottoms[0]), dy)
        if self.param.embed_param.bias_term and self.param_propagate_down[1]:
            self.blobs[1].add_grad(dy.sum(0))
