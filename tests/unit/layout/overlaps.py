"""What must not happen in a picture, found by looking at everything."""

from __future__ import annotations

import numpy as np


def overlapping(rects: np.ndarray, tolerance: float = 1e-6) -> list[tuple[int, int]]:
    """Pairs of rectangles x, y, width, height that overlap."""
    x, y, w, h = rects.T
    over_x = np.minimum((x + w)[:, None], x + w) - np.maximum(x[:, None], x)
    over_y = np.minimum((y + h)[:, None], y + h) - np.maximum(y[:, None], y)
    return [tuple(pair) for pair in np.argwhere(np.triu((over_x > tolerance) & (over_y > tolerance), 1)).tolist()]


def samples(points: np.ndarray, n: int = 24) -> np.ndarray:
    """Points on a curve of cubic Bezier pieces."""
    t = np.linspace(0, 1, n)[:, None]
    pieces = [points[i : i + 4] for i in range(0, len(points) - 1, 3)]
    return np.concatenate(
        [(1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d for a, b, c, d in pieces]
    )


def inside(points: np.ndarray, rect: np.ndarray, margin: float = 1e-6) -> np.ndarray:
    """Which points lie inside a rectangle, not only on its edge."""
    x, y, w, h = rect
    return (
        (points[:, 0] > x + margin)
        & (points[:, 0] < x + w - margin)
        & (points[:, 1] > y + margin)
        & (points[:, 1] < y + h - margin)
    )
