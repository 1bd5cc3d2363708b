"""Patches of images: what a neuron sees of the images that it responds to most."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnvis_caffe.errors import MissingDependencyError

#: Longest side of a thumbnail, in pixels.
THUMBNAIL_PX = 64
#: What lies outside the image, where a receptive field hangs over its border: plain mid grey, so that nothing of the
#: image seems to go on there.
OUTSIDE = 128
#: A box that is so many times as large as the image is mostly outside.
_LARGE = 4


def cut(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Cut a box out of an image.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        RGB, in the geometry of the network's input.
    box : array_like of 4 int
        y0, x0, y1, x1 in pixels, half open; may lie outside the image, in part or as a whole.

    Returns
    -------
    ndarray of shape (y1 - y0, x1 - x0, 3), uint8
        Grey (`OUTSIDE`) where there is no image. A view of the image if the box lies inside.
    """
    height, width = image.shape[:2]
    y0, x0, y1, x1 = (int(side) for side in box)
    inside = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    if y0 >= 0 and x0 >= 0 and y1 <= height and x1 <= width:
        return inside
    patch = np.full((max(y1 - y0, 0), max(x1 - x0, 0), 3), OUTSIDE, np.uint8)
    top, left = max(-y0, 0), max(-x0, 0)
    patch[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return patch


def thumbnail(image: np.ndarray, box: np.ndarray, size_px: int = THUMBNAIL_PX) -> np.ndarray:
    """Cut a box out of an image and make it small.

    Parameters
    ----------
    image, box
        As for `cut`.
    size_px : int, default=64
        Longest side; smaller patches keep their size.

    Returns
    -------
    ndarray of shape (h, w, 3), uint8
        RGB, with the box's aspect.
    """
    y0, x0, y1, x1 = (int(side) for side in box)
    height, width = max(y1 - y0, 0), max(x1 - x0, 0)
    longest = max(height, width)
    if longest <= size_px or not height * width:
        return cut(image, box).copy()
    small = max(1, round(height * size_px / longest)), max(1, round(width * size_px / longest))
    if height * width > _LARGE * image.shape[0] * image.shape[1]:
        return _small_and_mostly_outside(image, y0, x0, (height, width), small)
    return np.asarray(_opencv().resize(cut(image, box), small[::-1], interpolation=_opencv().INTER_AREA))


def _small_and_mostly_outside(
    image: np.ndarray, y0: int, x0: int, size: tuple[int, int], small: tuple[int, int]
) -> np.ndarray:
    """Mean over the area of each pixel of the small patch; takes time for the image, not for what lies outside."""
    rows = _shares(size[0], small[0], y0, image.shape[0])
    columns = _shares(size[1], small[1], x0, image.shape[1])
    height, width, _ = image.shape
    # One product for each axis: of many small ones each takes longer than its arithmetic.
    across = columns @ (image.astype(np.float32) - OUTSIDE).swapaxes(0, 1).reshape(width, -1)
    means = rows @ across.reshape(len(columns), height, 3).swapaxes(0, 1).reshape(height, -1)
    return np.rint(means + OUTSIDE).clip(0, 255).astype(np.uint8).reshape(len(rows), len(columns), 3)


@functools.lru_cache(maxsize=4096)
def _shares(size: int, n_cells: int, start: int, length: int) -> np.ndarray:
    """Of each of `n_cells` cells of a side of `size` pixels, the share that a pixel of the image has in it."""
    ends = np.arange(n_cells + 1) * (size / n_cells)
    pixels = np.arange(-start, length - start)
    low = np.maximum(ends[:-1, np.newaxis], pixels)
    high = np.minimum(ends[1:, np.newaxis], pixels + 1)
    return np.asarray(np.maximum(high - low, 0) * (n_cells / size), np.float32)


def _opencv() -> Any:
    """OpenCV, or an error that says how to get it."""
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError("opencv-python-headless", "data", "making patches small") from error
    return cv2


def thumbnails(
    images: Mapping[int, np.ndarray], top_image: np.ndarray, top_box: np.ndarray, size_px: int = THUMBNAIL_PX
) -> tuple[np.ndarray, ...]:
    """Make the thumbnails of a node's neurons.

    Parameters
    ----------
    images : mapping of int to ndarray of shape (H, W, 3), uint8
        By image index, RGB.
    top_image : ndarray of shape (n,), int64
        The strongest image of each neuron, -1 where there is none.
    top_box : ndarray of shape (n, 4), int32
    size_px : int, default=64

    Returns
    -------
    tuple of ndarray of shape (h, w, 3), uint8
        One for each neuron; of shape (0, 0, 3) where there is no image.
    """
    nothing = np.zeros((0, 0, 3), np.uint8)
    cache: dict[int, np.ndarray] = {}

    def image(index: int) -> np.ndarray:
        """An image, which the mapping may have to read from a file."""
        if index not in cache:
            cache[index] = images[index]
        return cache[index]

    return tuple(
        thumbnail(image(index), box, size_px) if index >= 0 else nothing
        for index, box in zip(top_image.tolist(), top_box)
    )
