"""Slice: one blob cut into several along one axis."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Slice(Layer):
    """Cuts its bottom along `axis`; a single top is the bottom under another name, with the same memory.

    Notes
    -----
    Follows `src/caffe/layers/slice_layer.cpp`.
    """

    n_tops = (1, None)
    always_reshape = True  # memory is shared anew before every forward

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that the axis is given once."""
        param = self.param.slice_param
        if param.HasField("axis") and param.HasField("slice_dim"):
            raise self.error(f"slice_param has both axis {param.axis} and slice_dim {param.slice_dim}; give axis only")
        if len(tops) > 1 and bottoms[0] in tops:
            raise self.error("cannot work in place with several tops; give each top a name of its own")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Share the bottom's length along the axis among the tops."""
        bottom = bottoms[0]
        self.slice_axis = self.old_axis(bottom, self.param.slice_param, "slice_dim")
        self.lengths = self._lengths(bottom, len(tops))
        shape = list(bottom.shape)
        for top, length in zip(tops, self.lengths):
            shape[self.slice_axis] = length
            top.reshape(*shape)
        if len(tops) == 1:
            tops[0].share_data(bottom)
            tops[0].share_diff(bottom)

    def _lengths(self, bottom: Blob, n_tops: int) -> list[int]:
        """Length of each top along the axis."""
        total = bottom.shape[self.slice_axis]
        points = list(self.param.slice_param.slice_point)
        if not points:
            if total % n_tops:
                raise self.shape_error(
                    f"axis {self.slice_axis} of blob {bottom.name!r} has length {total}, which {n_tops} "
                    "tops cannot share evenly; give slice_point"
                )
            return [total // n_tops] * n_tops
        if len(points) != n_tops - 1:
            raise self.error(f"has {len(points)} slice_point for {n_tops} tops; {n_tops - 1} are needed")
        borders = [0, *points, total]
        lengths = [end - start for start, end in zip(borders, borders[1:])]
        if min(lengths) < 1:
            raise self.shape_error(
                f"slice_point {points} does not fit axis {self.slice_axis} of blob {bottom.name!r}, which "
                f"has length {total}; the points must increase, from 1 to {total - 1}"
            )
        return lengths

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Cut."""
        if len(tops) > 1:
            for top, part in zip(tops, bottoms[0].value.split(self.lengths, self.slice_axis)):
                top.value = part.clone()

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Join the gradients."""
        if propagate_down[0] and len(tops) > 1:
            bottoms[0].grad = torch.cat([top.grad for top in tops], self.slice_axis)
