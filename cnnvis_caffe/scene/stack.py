"""Scenes one above the other: the picture and, under it, the chart of debugging information."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnnvis_caffe.scene.shapes import Path, Scene, Shape


def moved(shape: Shape, x: float, y: float) -> Shape:
    """Return a shape somewhere else."""
    if isinstance(shape, Path):
        return replace(shape, points=shape.points + np.array([x, y]))
    return replace(shape, x=shape.x + x, y=shape.y + y)


def stack(upper: Scene, lower: Scene, *, left: float = 0.0) -> Scene:
    """Put one scene under another; names must differ between them.

    Parameters
    ----------
    upper, lower : Scene
    left : float
        How far the lower one is moved to the right.
    """
    below = tuple(moved(shape, left, upper.height) for shape in lower.shapes)
    return replace(
        upper,
        width=max(upper.width, left + lower.width),
        height=upper.height + lower.height,
        shapes=upper.shapes + below,
        description=" ".join(text for text in (upper.description, lower.description) if text),
        notes=upper.notes + lower.notes,
    )
