"""Interp: an image resized by bilinear interpolation."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Interp(Layer):
    """Resizes (N, C, H, W), cropped by negative padding, so that the corners lie on the corners.

    Notes
    -----
    Follows `src/caffe/layers/interp_layer.cpp` of DeepLab's and PSPNet's Caffe. The size is that of `shrink_factor`,
    `zoom_factor`, `height` and `width`, both factors, or a second bottom: the first of these that is given.
    """

    fork = "DeepLab"
    fork_settings = ("interp_param",)
    n_bottoms = (1, 2)
    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check padding and factors."""
        param = self.param.interp_param
        self.begin, self.end = -param.pad_beg, -param.pad_end
        if self.begin < 0 or self.end < 0:
            raise self.error(
                f"interp_param.pad_beg {param.pad_beg} and pad_end {param.pad_end} crop, so that only numbers up to 0 "
                "are allowed"
            )
        for field in ("shrink_factor", "zoom_factor"):
            if getattr(param, field) < 1:
                raise self.error(f"interp_param.{field} must be at least 1, got {getattr(param, field)}")

    def allows_force_backward(self, index: int) -> bool:
        """Of the second bottom only the size counts."""
        return index == 0

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Work the size out."""
        shape = bottoms[0].shape
        cropped = [length - self.begin - self.end for length in shape[2:]]
        if len(shape) != 4 or min(cropped) < 1:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {shape}; nothing is left of it to resize")
        sizes = self._sizes(cropped, bottoms)
        if min(sizes) < 1:
            raise self.shape_error(f"would resize to {sizes[0]}x{sizes[1]}")
        tops[0].reshape(*shape[:2], *sizes)

    def _sizes(self, cropped: Sequence[int], bottoms: Sequence[Blob]) -> list[int]:
        """Height and width of the top."""
        param = self.param.interp_param
        has_shrink, has_zoom = param.HasField("shrink_factor"), param.HasField("zoom_factor")
        if has_shrink != has_zoom or has_shrink and not (param.HasField("height") and param.HasField("width")):
            shrunk = [(length - 1) // param.shrink_factor + 1 for length in cropped]
            return [length + (length - 1) * (param.zoom_factor - 1) for length in shrunk]
        if param.HasField("height") and param.HasField("width"):
            return [param.height, param.width]
        if len(bottoms) == 2:
            return list(bottoms[1].shape[2:4])
        raise self.error("needs a size: zoom_factor, shrink_factor, height and width, or a second bottom")

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Resize."""
        _, _, height, width = bottoms[0].shape
        x = bottoms[0].value[:, :, self.begin : height - self.end, self.begin : width - self.end]
        tops[0].value = torch.nn.functional.interpolate(x, tops[0].shape[2:], mode="bilinear", align_corners=True)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Spread each gradient over the places that it was put together from."""
        if propagate_down[0]:
            n, c, height, width = bottoms[0].shape
            cut = self.begin + self.end
            inner = torch.ops.aten.upsample_bilinear2d_backward(
                tops[0].grad.contiguous(), list(tops[0].shape[2:]), [n, c, height - cut, width - cut], True
            )
            bottoms[0].grad = torch.nn.functional.pad(inner, (self.begin, self.end, self.begin, self.end))
