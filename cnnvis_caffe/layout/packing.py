"""Rectangles whose areas say how important they are, packed so that similar ones are neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist, squareform


@dataclass(frozen=True, eq=False)
class Packing:
    """Rectangles in a rectangle.

    Attributes
    ----------
    rects : ndarray of shape (n, 4), float64
        x, y, width, height from the top left corner, in the order of the areas.
    width, height : float
        Of the whole.
    order : ndarray of shape (n,), int64
        The rectangles as leaves of the hierarchy; consecutive ones are similar.
    scale : float
        Drawn areas are about this times the given areas.
    """

    rects: np.ndarray
    width: float
    height: float
    order: np.ndarray
    scale: float

    @property
    def waste(self) -> float:
        """Share of the whole that no rectangle covers."""
        whole = self.width * self.height
        return 1 - float((self.rects[:, 2] * self.rects[:, 3]).sum()) / whole if whole > 0 else 0.0


def pack(
    areas: np.ndarray,
    features: np.ndarray | None = None,
    aspect: float | np.ndarray = 1.0,
    *,
    distances: np.ndarray | None = None,
    max_waste: float = 0.10,
    shape_range: tuple[float, float] = (0.5, 2.0),
    width: float | None = None,
    floor: float = 0.02,
) -> Packing:
    """Pack rectangles.

    Parameters
    ----------
    areas : ndarray of shape (n,)
        Areas in square pixels, never negative; raised to `floor` times the largest.
    features : ndarray of shape (n, d), optional
        What makes rectangles similar.
    aspect : float or ndarray of shape (n,)
        Width by height.
    distances : ndarray of shape (n, n), optional
        Instead of features.
    max_waste : float
    shape_range : (float, float)
        Width by height of the whole.
    width : float, optional
        Of the whole; the height follows.
    floor : float

    Returns
    -------
    Packing
    """
    areas = np.asarray(areas, np.float64)
    n = len(areas)
    if n == 0:
        return Packing(np.zeros((0, 4)), 0.0, 0.0, np.zeros(0, np.int64), 1.0)
    areas = np.maximum(areas, floor * areas.max()) if areas.max() > 0 else np.ones(n)
    aspects = np.broadcast_to(np.asarray(aspect, np.float64), (n,))
    if distances is not None:
        condensed = squareform(np.asarray(distances, np.float64), checks=False)
    elif features is not None:
        condensed = pdist(np.asarray(features, np.float64))
    else:
        condensed = np.ones(n * (n - 1) // 2)
    order = leaves_list(linkage(condensed, "average")).astype(np.int64) if n > 1 else np.zeros(1, np.int64)
    whole = float(areas.sum()) / 0.75
    total_width = np.sqrt(whole) if width is None else width
    rects = np.zeros((n, 4))
    _slice(order, areas, aspects, (0.0, 0.0, total_width, whole / total_width), rects)
    return Packing(rects, total_width, whole / total_width, order, 1.0)


def _slice(order: np.ndarray, areas: np.ndarray, aspects: np.ndarray, box: tuple, rects: np.ndarray) -> None:
    """Halve a box along its longer side until each rectangle has its own, and stands in its middle."""
    x, y, w, h = box
    if len(order) == 1:
        ratio = aspects[order[0]]
        fit = min(w, h * ratio, np.sqrt(areas[order[0]] * ratio))
        rects[order[0]] = x + (w - fit) / 2, y + (h - fit / ratio) / 2, fit, fit / ratio
        return
    shares = np.cumsum(areas[order])
    middle = int(np.clip(np.searchsorted(shares, shares[-1] / 2), 1, len(order) - 1))
    part = shares[middle - 1] / shares[-1]
    if w >= h:
        first, second = (x, y, w * part, h), (x + w * part, y, w * (1 - part), h)
    else:
        first, second = (x, y, w, h * part), (x, y + h * part, w, h * (1 - part))
    _slice(order[:middle], areas, aspects, first, rects)
    _slice(order[middle:], areas, aspects, second, rects)
