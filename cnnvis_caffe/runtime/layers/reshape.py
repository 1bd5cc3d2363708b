"""Reshape: the same values under another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Reshape(Layer):
    """Replaces the axes from `axis` on, or `num_axes` of them, by those of `shape`; nothing is copied.

    Notes
    -----
    Follows `src/caffe/layers/reshape_layer.cpp`. In `shape`, 0 copies the bottom's length at that place, and
    a single -1 stands for what is left.
    """

    can_be_in_place = False
    always_reshape = True  # memory is shared anew before every forward

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the new lengths."""
        self.lengths = list(self.param.reshape_param.shape.dim)
        if self.lengths.count(-1) > 1:
            raise self.error(f"reshape_param.shape {self.lengths} has several -1; at most one is allowed")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Work the shape out and share the memory."""
        bottom = bottoms[0]
        start, end = self._replaced(bottom)
        lengths = self._with_copies(bottom, start)
        if -1 in lengths:
            known = math.prod(bottom.shape[:start]) * math.prod(bottom.shape[end:])
            known *= math.prod(length for length in lengths if length != -1)
            if known < 1 or bottom.count % known:
                raise self.shape_error(
                    f"reshape_param.shape {self.lengths} leaves no whole number for -1: blob "
                    f"{bottom.name!r} of shape {bottom.shape} has {bottom.count} values, the other axes "
                    f"take {known}"
                )
            lengths[lengths.index(-1)] = bottom.count // known
        shape = (*bottom.shape[:start], *lengths, *bottom.shape[end:])
        if math.prod(shape) != bottom.count or min(shape, default=1) < 0:
            raise self.shape_error(
                f"reshape_param.shape {self.lengths} gives shape {shape}, but blob {bottom.name!r} of shape "
                f"{bottom.shape} has {bottom.count} values; the number of values must stay the same"
            )
        tops[0].reshape(*shape)
        tops[0].share_data(bottom)
        tops[0].share_diff(bottom)

    def _replaced(self, bottom: Blob) -> tuple[int, int]:
        """First of the bottom's axes to be replaced, and the one behind the last."""
        param, n_axes = self.param.reshape_param, len(bottom.shape)
        # A negative axis counts the gaps between axes: -1 is behind the last.
        start = param.axis if param.axis >= 0 else n_axes + param.axis + 1
        if not 0 <= start <= n_axes:
            raise self.shape_error(
                f"axis {param.axis} is out of range for blob {bottom.name!r} of shape {bottom.shape}; "
                f"{-n_axes - 1} to {n_axes} is allowed"
            )
        end = n_axes if param.num_axes == -1 else start + param.num_axes
        if not start <= end <= n_axes:
            raise self.shape_error(
                f"num_axes {param.num_axes} is out of range for axis {param.axis} of blob {bottom.name!r} "
                f"of shape {bottom.shape}; 0 to {n_axes - start}, or -1 for all, is allowed"
            )
        return start, end

    def _with_copies(self, bottom: Blob, start: int) -> list[int]:
        """The new lengths, with each 0 replaced by the bottom's length at that place."""
        lengths = list(self.lengths)
        for index, length in enumerate(lengths):
            if length == 0:
                if start + index >= len(bottom.shape):
                    raise self.shape_error(
                        f"reshape_param.shape {self.lengths} has a 0 at place {index}, but blob "
                        f"{bottom.name!r} of shape {bottom.shape} has no axis {start + index} to copy"
                    )
                lengths[index] = bottom.shape[start + index]
        return lengths

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Leave the values where they are."""

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Leave the gradient where it is."""
