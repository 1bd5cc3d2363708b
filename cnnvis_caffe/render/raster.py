"""A scene as PNG or as pixels."""

from __future__ import annotations

import math

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.render.cairo_library import cairo
from cnnvis_caffe.render.cairo_painter import CairoPainter
from cnnvis_caffe.render.png import encode_png
from cnnvis_caffe.scene.shapes import Scene

#: What cairo can hold in one direction.
MOST_PIXELS = 32767


def scene_pixels(scene: Scene, *, scale: float = 1.0) -> np.ndarray:
    """Paint a scene.

    Parameters
    ----------
    scene : Scene
    scale : float
        Pixels for one scene unit, above 0. It is also the zoom that decides on the level of detail.

    Returns
    -------
    ndarray of shape (ceil(height * scale), ceil(width * scale), 3), uint8
        RGB.

    Raises
    ------
    CnnvisError
        If the picture would be larger than cairo can paint.
    MissingDependencyError
        If cairo is not installed.
    """
    width, height = (max(1, math.ceil(length * scale - 1e-6)) for length in (scene.width, scene.height))
    if max(width, height) > MOST_PIXELS:
        raise CnnvisError(
            f"the picture would be {width} x {height} pixels, and at most {MOST_PIXELS} can be painted in one "
            f"direction; take a smaller --scale, or write an SVG"
        )
    surface = cairo().ImageSurface(cairo().FORMAT_RGB24, width, height)
    CairoPainter(surface, scale, zoom=scale, is_raster=True).paint(scene)
    surface.flush()
    data = np.frombuffer(surface.get_data(), np.uint8).reshape(height, surface.get_stride() // 4, 4)
    return np.ascontiguousarray(data[:, :width, 2::-1])


def scene_png(scene: Scene, *, scale: float = 1.0) -> bytes:
    """Paint a scene and return the PNG file; see `scene_pixels`."""
    return encode_png(scene_pixels(scene, scale=scale), level=6)
