"""Boxes and distances of shapes: plain arithmetic, without a window."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Shape, Text


class Box(NamedTuple):
    """A rectangle in scene units."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2


def box_around(corners: np.ndarray) -> Box:
    """Return the box around boxes, (n, 4) float64: x0, y0, x1, y1."""
    x0, y0 = corners[:, :2].min(0).tolist()
    x1, y1 = corners[:, 2:].max(0).tolist()
    return Box(x0, y0, x1 - x0, y1 - y0)


_placed = attrgetter("x", "y", "width", "height")


def bounding_boxes(shapes: Sequence[Shape]) -> np.ndarray:
    """Return `bounding_box` of each shape, (n, 4) float64; patches, nearly all of them, are done together."""
    boxes = np.empty((len(shapes), 4))
    patches: list[int] = []
    others: list[int] = []
    for number, shape in enumerate(shapes):
        (patches if isinstance(shape, (Bitmap, Rectangle)) else others).append(number)
    if patches:
        mine = [shapes[number] for number in patches]
        places = np.array(list(map(_placed, mine)), np.float64)
        half = np.array(
            [
                shape.style.stroke_width / 2 if isinstance(shape, Rectangle) and shape.style.stroke else 0.0
                for shape in mine
            ]
        )[:, None]
        boxes[patches, :2] = places[:, :2] - half
        boxes[patches, 2:] = places[:, :2] + places[:, 2:] + half
    if others:
        boxes[others] = [bounding_box(shapes[number]) for number in others]
    return boxes


def bounding_box(shape: Shape) -> tuple[float, float, float, float]:
    """Return x0, y0, x1, y1 of everything that a shape paints."""
    if isinstance(shape, Path):
        half = shape.style.stroke_width / 2 if shape.style.stroke else 0.0
        x0, y0 = shape.points.min(0)
        x1, y1 = shape.points.max(0)
        return x0 - half, y0 - half, x1 + half, y1 + half
    if isinstance(shape, Text):
        width = text_width(shape.text, shape.size, shape.weight)
        left = {"start": 0.0, "middle": -width / 2, "end": -width}[shape.anchor]
        if shape.angle:
            reach = width + shape.size
            return shape.x - reach, shape.y - reach, shape.x + reach, shape.y + reach
        return shape.x + left, shape.y - shape.size, shape.x + left + width, shape.y + 0.35 * shape.size
    half = shape.style.stroke_width / 2 if isinstance(shape, Rectangle) and shape.style.stroke else 0.0
    return shape.x - half, shape.y - half, shape.x + shape.width + half, shape.y + shape.height + half


def straight_pieces(points: np.ndarray) -> list[bool]:
    """Return which pieces of a curve are straight lines, which Qt paints in a fraction of the time of curves."""
    start, first, second, end = points[:-1:3], points[1::3], points[2::3], points[3::3]
    step = (end - start) / 3
    off = np.abs(first - start - step) + np.abs(end - second - step)
    return (off.max(1) < 1e-6).tolist()


def flatten(points: np.ndarray, steps: int = 12) -> np.ndarray:
    """Return points along a curve of cubic Béziers, (n, 2)."""
    if len(points) < 4:
        return points
    t = np.linspace(0, 1, steps)[:, None]
    pieces = []
    for k in range(0, len(points) - 3, 3):
        a, b, c, d = points[k : k + 4]
        pieces.append((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d)
    return np.concatenate(pieces)


def distance_to_line(points: np.ndarray, x: float, y: float) -> float:
    """Return the distance of a point to a polyline."""
    start, step = points[:-1], np.diff(points, axis=0)
    length = np.maximum((step**2).sum(1), 1e-12)
    along = (((x, y) - start) * step).sum(1) / length
    nearest = start + np.clip(along, 0, 1)[:, None] * step
    return float(np.sqrt(((nearest - (x, y)) ** 2).sum(1).min()))


def encloses(points: np.ndarray, x: float, y: float) -> bool:
    """Return whether a point lies in an outline, (n, 2), whose last point is joined to its first."""
    start, end = points, np.roll(points, -1, axis=0)
    crosses = (start[:, 1] > y) != (end[:, 1] > y)
    (x0, y0), (x1, y1) = start[crosses].T, end[crosses].T
    return bool(np.count_nonzero(x < x0 + (y - y0) / (y1 - y0) * (x1 - x0)) % 2)
