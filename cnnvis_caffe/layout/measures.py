"""Measures how good a layout is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.layout.compaction import area_error
from cnnvis_caffe.layout.packing import Packing


@dataclass(frozen=True)
class PackingMeasures:
    """How good a packing is.

    Attributes
    ----------
    waste : float
        Share of the whole that is not covered.
    distortion : float
        Largest difference of a rectangle's width by height from its aspect, as a share of the aspect.
    area_error : float
        Largest difference of an area from proportional, as a share; with the floor for small importances.
    overlap : float
        Area that is covered twice, or lies outside, as a share of the whole.
    neighbour_ratio : float
        Mean distance of neighbours in the hierarchy by that of all pairs; NaN without distances.
    touching_ratio : float
        The same of rectangles that stand side by side or one above the other; NaN where none do.
    """

    waste: float
    distortion: float
    area_error: float
    overlap: float
    neighbour_ratio: float = float("nan")
    touching_ratio: float = float("nan")


def measure_packing(
    packing: Packing,
    areas: np.ndarray,
    aspect: float | np.ndarray = 1.0,
    distances: np.ndarray | None = None,
    *,
    floor: float = 0.02,
) -> PackingMeasures:
    """Measure a packing; areas, aspect, distances and floor are those given to `pack`."""
    areas = np.asarray(areas, np.float64)
    if not len(areas):
        return PackingMeasures(0.0, 0.0, 0.0, 0.0)
    areas = np.maximum(areas, floor * areas.max()) if areas.max() > 0 else np.ones(len(areas))
    x, y, w, h = packing.rects.T
    distortion = float(np.abs(w / h / np.asarray(aspect) - 1).max())
    neighbour_ratio = touching_ratio = float("nan")
    if distances is not None and len(areas) > 1:
        mean = float(distances[np.triu_indices(len(areas), 1)].mean())
        if mean > 0:
            neighbour_ratio = float(distances[packing.order[:-1], packing.order[1:]].mean()) / mean
            touching = distances[tuple(touching_pairs(packing).T)]
            touching_ratio = float(touching.mean()) / mean if len(touching) else touching_ratio
    return PackingMeasures(
        packing.waste, distortion, area_error(w * h, areas), _overlap(packing), neighbour_ratio, touching_ratio
    )


def touching_pairs(packing: Packing) -> np.ndarray:
    """Find the rectangles that stand side by side or one above the other.

    Returns
    -------
    ndarray of shape (m, 2), int64
        Pairs that are at most a twentieth of the whole's smaller side apart, and face each other over at least half
        of the smaller one's side.
    """
    x, y, w, h = packing.rects.T
    near = 0.05 * min(packing.width, packing.height)
    over_x, over_y = _overlaps(x, w), _overlaps(y, h)
    beside = (over_x > -near) & (over_y > 0.5 * np.minimum(h[:, None], h))
    above = (over_y > -near) & (over_x > 0.5 * np.minimum(w[:, None], w))
    return np.argwhere(np.triu(beside | above, 1))


def _overlaps(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """By how much all pairs of intervals overlap; negative where there is a gap."""
    stops = starts + lengths
    return np.minimum(stops[:, None], stops) - np.maximum(starts[:, None], starts)


def _overlap(packing: Packing) -> float:
    """Area that is covered twice or lies outside, as a share of the whole."""
    x, y, w, h = packing.rects.T
    twice = np.triu(np.maximum(_overlaps(x, w), 0) * np.maximum(_overlaps(y, h), 0), 1).sum()
    inside = np.maximum(np.minimum(x + w, packing.width) - np.maximum(x, 0), 0)
    inside = inside * np.maximum(np.minimum(y + h, packing.height) - np.maximum(y, 0), 0)
    whole = packing.width * packing.height
    return float((twice + np.maximum(w * h - inside, 0).sum()) / whole) if whole > 0 else 0.0
