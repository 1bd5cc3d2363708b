"""SpatialDropout: random channels of zeros while training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.dropout import Dropout


class SpatialDropout(Dropout):
    """In TRAIN, y = x / (1 - ratio) for a random choice of each image's channels, 0 for the others; in TEST, y = x.

    Notes
    -----
    Follows `src/caffe/layers/spatial_dropout_layer.cpp` of ENet's Caffe.
    """

    fork = "ENet"
    fork_settings = ("spatial_dropout_param",)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the ratio."""
        self.ratio = self.param.spatial_dropout_param.dropout_ratio
        if not 0 < self.ratio < 1:
            raise self.error(f"spatial_dropout_param.dropout_ratio must be between 0 and 1, got {self.ratio}")
        if len(bottoms[0].shape) < 2:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {bottoms[0].shape}; it needs 2 or more axes")
        self.scale = 1 / (1 - self.ratio)

    def _draw(self, x: Any) -> Any:
        """What each channel is multiplied by: 0 or the scale."""
        places = [1] * (x.dim() - 2)
        return super()._draw(x.new_empty(x.shape[:2])).reshape(*x.shape[:2], *places)
