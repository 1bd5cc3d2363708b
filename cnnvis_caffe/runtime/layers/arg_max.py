"""ArgMax: where the largest values are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class ArgMax(Layer):
    """Indices, values or both of the `top_k` largest values along an axis, or of each item; no backward pass.

    Notes
    -----
    Follows `src/caffe/layers/argmax_layer.cpp`. With `axis`, that axis becomes `top_k` long and holds values if
    `out_max_val`, else indices. Without, the top has shape (N, 1, top_k, 1...), at least three axes, or with
    `out_max_val` (N, 2, top_k, 1...) with indices, then values. Where values are NaN, Caffe's order is undefined.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read what is wanted."""
        param = self.param.argmax_param
        self.top_k = param.top_k
        self.axis_given = self.axis(bottoms[0], param.axis) if param.HasField("axis") else None
        if self.top_k < 1:
            raise self.error(f"argmax_param.top_k must be at least 1, got {self.top_k}")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Shape the top as the class says."""
        bottom = bottoms[0]
        if self.axis_given is None:
            self.axis(bottom, 0)  # there must be one
            length = bottom.count // bottom.shape[0]
            n_blocks = 2 if self.param.argmax_param.out_max_val else 1
            shape = (bottom.shape[0], n_blocks, self.top_k) + (1,) * (len(bottom.shape) - 3)
        else:
            length = bottom.shape[self.axis(bottom, self.axis_given)]
            shape = bottom.shape[: self.axis_given] + (self.top_k,) + bottom.shape[self.axis_given + 1 :]
        if self.top_k > length:
            raise self.error(f"argmax_param.top_k is {self.top_k}, but there are only {length} values to choose from")
        tops[0].reshape(*shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find the largest."""
        x, out_max_val = bottoms[0].value, self.param.argmax_param.out_max_val
        if self.axis_given is None:
            values, indices = _largest(x.reshape(x.shape[0], -1), 1, self.top_k)
            result = torch.cat([indices, values], 1) if out_max_val else indices
        else:
            values, indices = _largest(x, self.axis_given, self.top_k)
            result = values if out_max_val else indices
        tops[0].value = result.reshape(tops[0].shape)


def _largest(x: Any, axis: int, k: int) -> tuple[Any, Any]:
    """The k largest values along an axis in descending order, and their indices as floats."""
    # Caffe quirk: of equal values, the one with the larger index comes first.
    x = x.flip(axis)
    if k == 1:
        values, indices = x.max(axis, keepdim=True)
    else:
        values, indices = torch.sort(x, dim=axis, descending=True, stable=True)
        values, indices = values.narrow(axis, 0, k).clone(), indices.narrow(axis, 0, k)
    return values, (x.shape[axis] - 1 - indices).to(x.dtype)
