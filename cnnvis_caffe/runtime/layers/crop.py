"""Crop: a part of one blob, in the size of another."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Crop(Layer):
    """Cuts the first bottom to the second one's lengths, from `axis` on and beginning at `offset`.

    Notes
    -----
    Follows `src/caffe/layers/crop_layer.cpp`. The second bottom gives its shape only and never gets a
    gradient.
    """

    n_bottoms = (2, 2)
    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check the number of offsets."""
        self._offsets(bottoms[0])

    def _offsets(self, bottom: Blob) -> list[int]:
        """Where the part begins, for each axis from `axis` on."""
        param = self.param.crop_param
        n_cropped = len(bottom.shape) - self.axis(bottom, param.axis)
        offsets = list(param.offset)
        if len(offsets) not in (0, 1, n_cropped):
            raise self.error(
                f"crop_param has {len(offsets)} offset for {n_cropped} axes from axis {param.axis} of blob "
                f"{bottom.name!r} of shape {bottom.shape}; give none, one, or {n_cropped}"
            )
        return offsets if len(offsets) > 1 else (offsets or [0]) * n_cropped

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find the part and check that it lies within the bottom."""
        source, reference = bottoms
        axis = self.axis(source, self.param.crop_param.axis)
        if len(reference.shape) < len(source.shape):
            raise self.shape_error(
                f"bottom {reference.name!r} of shape {reference.shape} has fewer axes than {source.name!r} "
                f"of shape {source.shape}, which is to be cut to its size"
            )
        part = [slice(0, length) for length in source.shape[:axis]]
        for index, offset in enumerate(self._offsets(source), axis):
            length = reference.shape[index]
            if offset + length > source.shape[index]:
                raise self.shape_error(
                    f"axis {index} of bottom {source.name!r} has length {source.shape[index]}: {length} "
                    f"values from offset {offset} on do not fit; reduce the offset or the size of "
                    f"{reference.name!r}"
                )
            part.append(slice(offset, offset + length))
        self.part = tuple(part)
        tops[0].reshape(*(piece.stop - piece.start for piece in part))

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Cut."""
        tops[0].value = bottoms[0].value[self.part].clone()

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Surround the gradient with zeros."""
        if propagate_down[0]:
            dx = torch.zeros_like(bottoms[0].value)
            dx[self.part] = tops[0].grad
            bottoms[0].grad = dx
