"""Sampling an image at the pixel centres of another size, as scikit-image did it for Caffe in 2017."""

from __future__ import annotations

from typing import Any

import numpy as np


def resample(image: np.ndarray, height: int, width: int, order: int) -> np.ndarray:
    """Resize an image without smoothing; beyond its border lie zeros.

    Parameters
    ----------
    image : ndarray of float64, shape (old height, old width, ...)
        Image; only its first two axes are resized.
    height, width : int
        New size in pixels.
    order : int
        0 nearest, 1 linear, 3 cubic (Catmull-Rom); 2, 4 and 5 are splines.

    Returns
    -------
    ndarray of float64, shape (height, width, ...)
    """
    if order in _TAPS:
        return _resample_axis(_resample_axis(image, 0, height, order), 1, width, order)
    return _resample_spline(image, height, width, order)


def _positions(old: int, new: int) -> np.ndarray:
    """Return where the centres of `new` pixels lie among the centres of `old` pixels on the same length."""
    return (np.arange(new) + 0.5) * (old / new) - 0.5


# Weights of the pixels around a position, by interpolation order: each takes the distance to the pixel at
# or before it and gives {offset from that pixel: weight}.
_TAPS = {
    0: lambda t: {0: t < 0.5, 1: t >= 0.5},
    1: lambda t: {0: 1 - t, 1: t},
    3: lambda t: {  # Catmull-Rom
        -1: ((-0.5 * t + 1) * t - 0.5) * t,
        0: (1.5 * t - 2.5) * t * t + 1,
        1: ((-1.5 * t + 2) * t + 0.5) * t,
        2: (0.5 * t - 0.5) * t * t,
    },
}


def _resample_axis(image: np.ndarray, axis: int, size: int, order: int) -> np.ndarray:
    """Resize one axis with zeros beyond its ends."""
    old = image.shape[axis]
    positions = _positions(old, size)
    before = np.floor(positions).astype(int)
    column = (-1,) + (1,) * (image.ndim - 1 - axis)
    sampled: Any = 0.0
    for offset, weights in _TAPS[order](positions - before).items():
        pixels = before + offset
        weights = weights * ((pixels >= 0) & (pixels < old))
        sampled = sampled + image.take(pixels.clip(0, old - 1), axis) * weights.reshape(column)
    return sampled


def _resample_spline(image: np.ndarray, height: int, width: int, order: int) -> np.ndarray:
    """Resize the first two axes by splines, with zeros beyond the border."""
    from scipy.ndimage import map_coordinates

    rows, columns = _positions(image.shape[0], height), _positions(image.shape[1], width)
    grid = np.meshgrid(rows, columns, indexing="ij")
    channels = np.moveaxis(image.reshape(*image.shape[:2], -1), 2, 0)
    sampled = [map_coordinates(channel, grid, order=order, mode="constant") for channel in channels]
    return np.stack(sampled, axis=2).reshape(height, width, *image.shape[2:])
