"""Concat: blobs one after another along one axis."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Concat(Layer):
    """Joins its bottoms along `axis`; a single bottom is shown under another name, with the same memory.

    Notes
    -----
    Follows `src/caffe/layers/concat_layer.cpp`.
    """

    n_bottoms = (1, None)
    always_reshape = True  # memory is shared anew before every forward

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that the axis is given once."""
        param = self.param.concat_param
        if param.HasField("axis") and param.HasField("concat_dim"):
            raise self.error(
                f"concat_param has both axis {param.axis} and concat_dim {param.concat_dim}; give axis only"
            )
        if len(bottoms) > 1 and tops[0] in bottoms:
            raise self.error("cannot work in place with several bottoms; give its top a name of its own")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Add the bottoms' lengths along the axis."""
        first, *others = bottoms
        self.concat_axis = self.old_axis(first, self.param.concat_param, "concat_dim")
        shape = list(first.shape)
        for bottom in others:
            if not _same_but_for(self.concat_axis, first.shape, bottom.shape):
                raise self.shape_error(
                    f"bottom {bottom.name!r} has shape {bottom.shape} and {first.name!r} {first.shape}; "
                    f"they may differ along axis {self.concat_axis} only"
                )
            shape[self.concat_axis] += bottom.shape[self.concat_axis]
        tops[0].reshape(*shape)
        if not others:
            tops[0].share_data(first)
            tops[0].share_diff(first)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Join."""
        if len(bottoms) > 1:
            tops[0].value = torch.cat([bottom.value for bottom in bottoms], self.concat_axis)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give each bottom its part of the gradient."""
        if len(bottoms) == 1:
            return
        lengths = [bottom.shape[self.concat_axis] for bottom in bottoms]
        parts = tops[0].grad.split(lengths, self.concat_axis)
        for bottom, part, wanted in zip(bottoms, parts, propagate_down):
            if wanted:
                bottom.grad = part.clone()


def _same_but_for(axis: int, first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Whether two shapes agree in all axes but one."""
    same_rank = len(first) == len(second)
    return same_rank and first[:axis] == second[:axis] and first[axis + 1 :] == second[axis + 1 :]
