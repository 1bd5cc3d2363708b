"""PriorBox: the boxes that SSD starts from, some at each place of a blob."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class PriorBox(Layer):
    """From the shapes of a blob and of the images to (1, 2, boxes * 4): corners as shares of the image, and variances.

    Notes
    -----
    Follows `src/caffe/layers/prior_box_layer.cpp` of SSD's Caffe. Nothing depends on values.
    """

    fork = "SSD"
    fork_settings = ("prior_box_param",)
    n_bottoms = (2, 2)
    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Work out the sizes of the boxes of a place."""
        param = self.param.prior_box_param
        for name in ("min_size", "max_size", "aspect_ratio"):
            odd = [number for number in getattr(param, name) if not 0 < number < math.inf]
            if odd:
                raise self.error(f"prior_box_param.{name} must be above 0 and finite, got {odd[0]}")
        # Caffe quirk: SSD's cuts sizes to whole numbers when it uses them.
        least, most = ([int(size) for size in sizes] for sizes in (param.min_size, param.max_size))
        if not least or min(least) < 1:
            raise self.error(f"prior_box_param.min_size must be given and at least 1, got {list(param.min_size)}")
        if most and (len(most) != len(least) or any(b <= a for a, b in zip(param.min_size, param.max_size))):
            raise self.error(
                f"prior_box_param.max_size {list(param.max_size)} must have as many values as "
                f"min_size {list(param.min_size)}, each of them larger"
            )
        ratios = [1.0]
        for ratio in param.aspect_ratio:
            for one in (ratio, 1 / ratio) if param.flip else (ratio,):
                if all(abs(one - other) >= 1e-6 for other in ratios):
                    ratios.append(one)
        sizes: list[tuple[float, float]] = []
        for number, size in enumerate(least):
            sizes.append((size, size))
            if most:
                sizes.append((math.sqrt(size * most[number]),) * 2)
            sizes += [(size * math.sqrt(ratio), size / math.sqrt(ratio)) for ratio in ratios[1:]]
        self.sizes = np.array(sizes, np.float32)
        variance = list(param.variance) or [0.1]
        if len(variance) not in (1, 4) or min(variance) <= 0:
            raise self.error(f"prior_box_param.variance must be 1 or 4 numbers above 0, got {variance}")
        self.variance = np.resize(np.array(variance, np.float32), 4)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Count the boxes."""
        if any(len(bottom.shape) != 4 for bottom in bottoms):
            found = ", ".join(f"{bottom.name!r} {bottom.shape}" for bottom in bottoms)
            raise self.shape_error(f"bottoms need 4 axes, found {found}")
        height, width = bottoms[0].shape[2:]
        tops[0].reshape(1, 2, height * width * len(self.sizes) * 4)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Write the boxes, which depend on shapes alone."""
        param = self.param.prior_box_param
        places = np.array(bottoms[0].shape[2:])
        image = np.array(
            [param.img_h or param.img_size or bottoms[1].shape[2], param.img_w or param.img_size or bottoms[1].shape[3]]
        )
        given = param.step_h or param.step, param.step_w or param.step
        step = [given[axis] or np.float32(image[axis]) / np.float32(places[axis]) for axis in (0, 1)]
        centres = [((np.arange(places[axis]) + param.offset) * step[axis]).astype(np.float32) for axis in (0, 1)]
        y, x = (grid[..., None] for grid in np.meshgrid(*centres, indexing="ij"))
        half_width, half_height = (self.sizes / 2.0).T
        boxes = np.stack([x - half_width, y - half_height, x + half_width, y + half_height], -1)
        boxes = boxes / np.array([image[1], image[0]] * 2)
        if param.clip:
            boxes = boxes.clip(0, 1)
        tops[0].data[0, 0] = boxes.reshape(-1)
        tops[0].data[0, 1] = np.broadcast_to(self.variance, boxes.shape).reshape(-1)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Only shapes count: the gradient is 0."""
        for bottom, wanted in zip(bottoms, propagate_down):
            if wanted:
                bottom.clear_diff()
