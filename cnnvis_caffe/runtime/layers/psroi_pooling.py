"""PSROIPooling: the means of regions cut into bins, each bin from channels of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers import regions


class PSROIPooling(Layer):
    """From images (N, output_dim * group_size^2, H, W) and regions (R, 5) to (R, output_dim, group_size, group_size).

    Notes
    -----
    Follows `src/caffe/layers/psroi_pooling_layer.cu` of R-FCN's Caffe. Bin (i, j) of output c is the mean over channel
    (c * group_size + i) * group_size + j; 0 where it has no place.
    """

    fork = "R-FCN"
    fork_settings = ("psroi_pooling_param",)
    n_bottoms = (2, 2)
    can_be_in_place = False

    def allows_force_backward(self, index: int) -> bool:
        """Regions have no gradient."""
        return index == 0

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the numbers of outputs and bins."""
        param = self.param.psroi_pooling_param
        self.scale, self.n_out, self.size = param.spatial_scale, param.output_dim, param.group_size
        if self.n_out < 1 or self.size < 1 or self.scale <= 0:
            raise self.error("psroi_pooling_param needs spatial_scale, output_dim and group_size above 0")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """One item for each region."""
        regions.check_regions(self, *bottoms)
        wanted = self.n_out * self.size**2
        if bottoms[0].shape[1] != wanted:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} of shape {bottoms[0].shape} has {bottoms[0].shape[1]} channels; "
                f"output_dim {self.n_out} and group_size {self.size} need {wanted}"
            )
        tops[0].reshape(bottoms[1].shape[0], self.n_out, self.size, self.size)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Take differences of sums from the corner on, in double precision."""
        x = bottoms[0].value.double()
        padded = torch.nn.functional.pad(x.cumsum(2).cumsum(3), (1, 0, 1, 0))
        plane, corners, area = self._bins(bottoms)
        total = sum(sign * padded.flatten(0, 1)[plane, row, column] for sign, row, column in corners)
        tops[0].value = torch.where(area > 0, total / area.clamp(min=1), 0).to(bottoms[0].value.dtype)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Spread each gradient over its bin, by differences that are summed up."""
        if not propagate_down[0]:
            return
        n, channels, height, width = bottoms[0].shape
        plane, corners, area = self._bins(bottoms)
        dy = tops[0].grad.double() * (area > 0) / area.clamp(min=1)
        steps = torch.zeros(n * channels, height + 1, width + 1, dtype=torch.float64, device=dy.device)
        for sign, row, column in corners:
            places = torch.broadcast_tensors(plane, row, column)
            steps.index_put_(places, sign * dy, accumulate=True)
        spread = steps.cumsum(1).cumsum(2)[:, :height, :width]
        bottoms[0].grad = spread.reshape(bottoms[0].shape).to(tops[0].grad.dtype)

    def _bins(self, bottoms: Sequence[Blob]) -> tuple[Any, list[tuple[int, Any, Any]], Any]:
        """The plane that each output reads, the corners of its bin with their signs, and its number of places."""
        image, boxes = bottoms[0], bottoms[1].value.reshape(-1, 5)
        _, channels, height, width = image.shape
        x1, y1 = (regions.rounded(boxes[:, column]) * self.scale for column in (1, 2))
        x2, y2 = ((regions.rounded(boxes[:, column]) + 1) * self.scale for column in (3, 4))
        top, bottom = regions.bins(y1, (y2 - y1).clamp(min=0.1), self.size, height)
        left, right = regions.bins(x1, (x2 - x1).clamp(min=0.1), self.size, width)
        top, bottom = (end[:, None, :, None] for end in (top, bottom))
        left, right = (end[:, None, None, :] for end in (left, right))
        bottom, right = bottom.maximum(top), right.maximum(left)
        channel = torch.arange(channels, device=boxes.device).view(1, self.n_out, self.size, self.size)
        plane = regions.image_index(self, image, boxes)[:, None, None, None] * channels + channel
        corners = [(1, top, left), (-1, top, right), (-1, bottom, left), (1, bottom, right)]
        return plane, corners, (bottom - top) * (right - left)
