"""SPP: pooling in a pyramid of grids, for a fixed number of outputs from images of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer, is_train
from cnnvis_caffe.runtime.layers import pool as pools
from cnnvis_caffe.runtime.layers.pool import Pool


class SPP(Layer):
    """Pools into 1, 4, 16, ... bins and joins the results of all levels.

    Notes
    -----
    He et al. 2014; follows `src/caffe/layers/spp_layer.cpp`.
    """

    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the height of the pyramid."""
        self.height: int = self.param.spp_param.pyramid_height
        self.method: int = self.param.spp_param.pool
        if self.height < 1:
            raise self.error(f"spp_param.pyramid_height must be at least 1, got {self.height}")
        self.places: list[Any] = []

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Choose the windows of each level for the size of the image."""
        shape = self.image_shape(bottoms[0])
        self.levels = [self._level(2**level, shape) for level in range(self.height)]
        n_bins = [math.prod(level.sizes(shape[2:])) for level in self.levels]
        if self.height == 1:
            # Caffe quirk: a pyramid of one level is not flattened.
            tops[0].reshape(*shape[:2], *self.levels[0].sizes(shape[2:]))
        else:
            tops[0].reshape(shape[0], shape[1] * sum(n_bins))
        self.n_bins = n_bins

    def _level(self, bins: int, shape: Sequence[int]) -> Pool:
        """Windows that cover an image with `bins` bins along each axis."""
        height, width = shape[2:]
        kernel = math.ceil(height / bins), math.ceil(width / bins)
        pad = (kernel[0] * bins - height + 1) // 2, (kernel[1] * bins - width + 1) // 2
        if any(pad) and self.method == schema.SPPParameter.STOCHASTIC:
            raise self.shape_error(
                f"an image of {height}x{width} cannot be cut into {bins}x{bins} bins without padding, which is for MAX "
                "and AVE pooling only"
            )
        if any(p >= k for p, k in zip(pad, kernel)):
            raise self.shape_error(
                f"an image of {shape[2]}x{shape[3]} cannot be cut into {bins}x{bins} bins: windows of {kernel} would "
                f"need a padding of {pad}; lower spp_param.pyramid_height"
            )
        return Pool(kernel, kernel, pad)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Pool at every level."""
        if not bottoms[0].count:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {bottoms[0].shape}: nothing to compute")
        x = bottoms[0].value
        pooled, self.places = [], []
        for level in self.levels:
            y, places = self._pool(x, level)
            pooled.append(y.flatten(1))
            self.places.append(places)
        tops[0].value = torch.cat(pooled, 1).view(tops[0].shape)

    def _pool(self, x: Any, level: Pool) -> tuple[Any, Any]:
        """Pool one level by the chosen method."""
        if self.method == schema.SPPParameter.MAX:
            return pools.max_pool_with_places(x, level)
        if self.method == schema.SPPParameter.AVE:
            return pools.average_pool(x, level), None
        return pools.stochastic_pool(x, level, is_train(self))

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Sum the gradients of all levels."""
        if not propagate_down[0]:
            return
        x = bottoms[0].value
        if len(self.places) != len(self.levels):
            raise self.error("backward needs a forward pass before it")
        parts = tops[0].grad.reshape(len(x), -1).split([x.shape[1] * n for n in self.n_bins], dim=1)
        total = torch.zeros_like(x)
        for level, places, part in zip(self.levels, self.places, parts):
            dy = part.reshape(*x.shape[:2], *level.sizes(x.shape[2:]))
            if self.method == schema.SPPParameter.AVE:
                total += pools.average_pool_backward(dy, x, level)
            elif self.method == schema.SPPParameter.MAX:
                total += pools.max_pool_backward(self, dy, x, places, level)
            else:
                total += pools.scatter(dy, pools.checked_places(self, places, dy).index, x.shape)
        bottoms[0].grad = total
