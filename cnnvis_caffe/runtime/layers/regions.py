"""Regions of interest: what ROIPooling and PSROIPooling have in common."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


def check_regions(layer: Layer, image: Blob, regions: Blob) -> None:
    """Refuse other shapes than (N, C, H, W) for the images and (R, 5) for the regions."""
    if len(image.shape) != 4:
        raise layer.shape_error(f"bottom {image.name!r} has shape {image.shape}; 4 axes are needed")
    if not regions.shape or regions.count != regions.shape[0] * 5:
        raise layer.shape_error(
            f"bottom {regions.name!r} has shape {regions.shape}; a region is 5 numbers: image, x1, y1, x2, y2"
        )


def image_index(layer: Layer, image: Blob, regions: Any) -> Any:
    """Return the image of each region as int64, in range."""
    index = regions[:, 0].to(torch.int64)
    return index.clamp(0, image.shape[0] - 1)


def rounded(values: Any) -> Any:
    """Round halves away from zero, as C does."""
    return values.sign() * (values.abs() + 0.5).floor()


def bins(start: Any, size: Any, n_bins: int, length: int) -> tuple[Any, Any]:
    """Cut the extents of regions along an axis into bins that overlap by what both share.

    Parameters
    ----------
    start, size : tensor of shape (R,), float32
        In positions of the blob.
    n_bins : int
    length : int
        Of the axis.

    Returns
    -------
    tensor of shape (R, n_bins), int64, twice
        First position and the one behind the last, both inside the axis.
    """
    number = torch.arange(n_bins, dtype=size.dtype, device=size.device)
    bin_size = (size / n_bins)[:, None]
    first = (number * bin_size + start[:, None]).floor()
    last = ((number + 1) * bin_size + start[:, None]).ceil()
    return first.clamp(0, length).to(torch.int64), last.clamp(0, length).to(torch.int64)
