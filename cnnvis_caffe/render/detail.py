"""Level of detail: which shapes of a scene are painted at a zoom."""

from __future__ import annotations

from collections.abc import Iterator

from cnnvis_caffe.scene.shapes import Scene, Shape


def shapes_at(scene: Scene, zoom: float) -> Iterator[Shape]:
    """Yield the shapes that are painted at a zoom (pixels for one scene unit), in painting order."""
    return (shape for shape in scene.shapes if shape.min_zoom <= zoom < shape.max_zoom)
