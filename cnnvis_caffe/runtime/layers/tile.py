"""Tile: copies of a blob along one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Tile(Layer):
    """Repeats the block of axes from `axis` on `tiles` times.

    Notes
    -----
    Follows `src/caffe/layers/tile_layer.cpp`.
    """

    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check the number of tiles, which has no default."""
        self.tiles = self.param.tile_param.tiles
        if self.tiles < 1:
            found = self.tiles if self.param.tile_param.HasField("tiles") else "none"
            raise self.error(f"tile_param.tiles must be given and at least 1, got {found}")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Multiply the length of the axis."""
        shape = list(bottoms[0].shape)
        axis = self.axis(bottoms[0], self.param.tile_param.axis)
        self.n_outer, self.n_inner = math.prod(shape[:axis]), math.prod(shape[axis:])
        shape[axis] *= self.tiles
        tops[0].reshape(*shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Repeat."""
        x = bottoms[0].value.reshape(self.n_outer, 1, self.n_inner)
        tops[0].value = x.repeat(1, self.tiles, 1).view(tops[0].shape)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Sum the gradients of the copies."""
        if propagate_down[0]:
            dy = tops[0].grad.reshape(self.n_outer, self.tiles, self.n_inner)
            bottoms[0].grad = dy.sum(1).view(bottoms[0].shape)
