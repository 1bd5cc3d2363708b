"""ROIPooling: the maxima of regions of an image, cut into bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers import regions

#: Values that are compared at once; more regions are taken in turns.
_AT_ONCE = 2**24


class ROIPooling(Layer):
    """From images (N, C, H, W) and regions (R, 5) to (R, C, pooled_h, pooled_w); 0 for a bin without a place.

    Notes
    -----
    Follows `src/caffe/layers/roi_pooling_layer.cpp` of Fast R-CNN's Caffe. A region is the number of its image and its
    corners x1, y1, x2, y2 in pixels, both inside; times `spatial_scale` they are rounded to places of the blob.
    """

    fork = "Fast R-CNN"
    fork_settings = ("roi_pooling_param",)
    n_bottoms = (2, 2)
    can_be_in_place = False
    can_be_recorded = False  # regions differ in number and size

    def allows_force_backward(self, index: int) -> bool:
        """Regions have no gradient."""
        return index == 0

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the number of bins."""
        param = self.param.roi_pooling_param
        self.sizes = param.pooled_h, param.pooled_w
        if min(self.sizes) < 1:
            raise self.error(f"roi_pooling_param: pooled_h and pooled_w must be at least 1, got {self.sizes}")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """One item for each region."""
        regions.check_regions(self, *bottoms)
        tops[0].reshape(bottoms[1].shape[0], bottoms[0].shape[1], *self.sizes)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Take the maxima, and keep where they are."""
        x, boxes = bottoms[0].value, bottoms[1].value.reshape(-1, 5)
        _, channels, height, width = x.shape
        image = regions.image_index(self, bottoms[0], boxes)
        corners = regions.rounded(boxes[:, 1:] * self.param.roi_pooling_param.spatial_scale)
        x1, y1, x2, y2 = corners.unbind(1)
        # Boxes that are turned inside out count as one place.
        rows = regions.bins(y1, (y2 - y1 + 1).clamp(min=1), self.sizes[0], height)
        columns = regions.bins(x1, (x2 - x1 + 1).clamp(min=1), self.sizes[1], width)
        step = max(1, _AT_ONCE // max(1, channels * height * width))
        values, places = [], []
        for start in range(0, len(boxes), step):
            part = slice(start, start + step)
            found = _maxima(x[image[part]], [end[part] for end in rows], [end[part] for end in columns])
            values.append(found[0])
            places.append(found[1])
        self._image, self._places = image, torch.cat(places)
        tops[0].value = torch.cat(values)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Add each gradient to the place of its maximum."""
        if not propagate_down[0]:
            return
        n, channels, height, width = bottoms[0].shape
        dy, places = tops[0].grad, self._places
        number = torch.arange(channels, device=dy.device)
        plane = self._image[:, None] * channels + number  # (R, C)
        index = (plane[:, :, None, None] * (height * width) + places.clamp(min=0)).reshape(-1)
        total = torch.zeros(n * channels * height * width, dtype=dy.dtype, device=dy.device)
        total.index_add_(0, index, (dy * (places >= 0)).reshape(-1))
        bottoms[0].grad = total.view(bottoms[0].shape)


def _maxima(x: Any, rows: Sequence[Any], columns: Sequence[Any]) -> tuple[Any, Any]:
    """Maxima of bins, and their places counted along rows; 0 and -1 for a bin without a place.

    Along columns first, then along rows: of equal values the first counts, as if places were gone through in order.
    """
    height, width = x.shape[2:]
    lowest = torch.finfo(x.dtype).min
    by_column, at_column = [], []
    for is_inside in _inside(columns, width):
        value, place = torch.where(is_inside[:, None, None, :], x, lowest).max(3)
        by_column.append(value)
        at_column.append(place)
    values, places = torch.stack(by_column, 3), torch.stack(at_column, 3)  # (r, C, H, columns)
    result, where = [], []
    for is_inside in _inside(rows, height):
        value, row = torch.where(is_inside[:, None, :, None], values, lowest).max(2)
        result.append(value)
        where.append(row * width + places.gather(2, row[:, :, None, :])[:, :, 0])
    has_place = ((rows[1] > rows[0])[:, :, None] & (columns[1] > columns[0])[:, None, :])[:, None]
    return (
        torch.where(has_place, torch.stack(result, 2), 0),
        torch.where(has_place, torch.stack(where, 2), -1),
    )


def _inside(ends: Sequence[Any], length: int) -> Any:
    """For each bin, which positions of an axis lie in it: (R, length)."""
    position = torch.arange(length, device=ends[0].device)
    first, last = (end[:, :, None] for end in ends)
    return ((position >= first) & (position < last)).unbind(1)
