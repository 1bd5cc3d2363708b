"""Im2col: the windows of a convolution, one under the other as channels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.windows import FORK_SETTINGS, check_rank, read_windows


class Im2col(Layer):
    """Lays out every window of the bottom as a column of channels in the order (channel, *kernel).

    Notes
    -----
    Follows `src/caffe/layers/im2col_layer.cpp`.
    """

    can_be_in_place = False
    fork_settings = FORK_SETTINGS

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the windows."""
        self.windows = read_windows(self, bottoms[0])
        if not self.windows.kernel:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} of shape {bottoms[0].shape} has no axis behind axis {self.windows.axis}"
            )

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Multiply the channels by the size of a window."""
        check_rank(self, self.windows, bottoms[0])
        shape, axis = bottoms[0].shape, self.windows.axis
        self.sizes = self.windows.convolved(shape[axis + 1 :])
        if any(size < 0 for size in self.sizes):
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} of shape {shape} is too small for windows of {self.windows.extent} "
                f"with padding {self.windows.pad}"
            )
        self.bottom_shape = (math.prod(shape[:axis]), *shape[axis:])
        tops[0].reshape(*shape[:axis], shape[axis] * math.prod(self.windows.kernel), *self.sizes)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Copy every tap of the windows as one block."""
        if not tops[0].count:
            return  # an empty batch, or a bottom that has become too small for a window
        w = self.windows
        x = bottoms[0].value.reshape(self.bottom_shape)
        padded = x.new_zeros(self._padded_shape())
        self._inside(padded).copy_(x)
        columns = [self._tap(padded, tap) for tap in itertools.product(*map(range, w.kernel))]
        tops[0].value = torch.stack(columns, dim=2).reshape(tops[0].shape)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Add up all taps that show the same pixel."""
        # Caffe quirk: ignores propagate_down.
        if not tops[0].count:
            bottoms[0].clear_diff()
            return
        w = self.windows
        batch, channels = self.bottom_shape[:2]
        dy = tops[0].grad.reshape(batch, channels, math.prod(w.kernel), *self.sizes)
        padded = dy.new_zeros(self._padded_shape())
        for index, tap in enumerate(itertools.product(*map(range, w.kernel))):
            self._tap(padded, tap).add_(dy[:, :, index])
        bottoms[0].grad = self._inside(padded).reshape(bottoms[0].shape).clone()

    def _padded_shape(self) -> tuple[int, ...]:
        """Shape of the bottom with its padding, and with room for a window that hangs over the end."""
        w = self.windows
        needed = [(o - 1) * s + e for o, s, e in zip(self.sizes, w.stride, w.extent)]
        sizes = [max(n, size + 2 * p) for n, size, p in zip(needed, self.bottom_shape[2:], w.pad)]
        return (*self.bottom_shape[:2], *sizes)

    def _inside(self, padded: Any) -> Any:
        """The bottom's own part of its padded form."""
        for axis, (size, pad) in enumerate(zip(self.bottom_shape[2:], self.windows.pad), start=2):
            padded = padded.narrow(axis, pad, size)
        return padded

    def _tap(self, padded: Any, tap: tuple[int, ...]) -> Any:
        """What one tap of the window sees, for all windows at once."""
        w = self.windows
        where = [slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, w.dilation, self.sizes, w.stride)]
        return padded[(slice(None), slice(None), *where)]
