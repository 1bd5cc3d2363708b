"""The smallest rectangle for a slicing tree whose leaves are soft, and the leaves' places in it.

A leaf has a least area and a range of shapes, so the least height that it needs is a falling convex function of the
width that it gets. Stacked parts add their heights, parts side by side their widths; so every node of the tree has
such a function, its shape curve, and the root's tells all that is possible (Stockmeyer 1983, for soft leaves).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.layout.slicing import Forest

#: Points that a shape curve keeps.
N_POINTS = 20
_STEPS = np.linspace(0.0, 1.0, 100)
#: Shapes of a leaf that are looked at.
N_LEAF_POINTS = 7
#: Steps of the search for how far rectangles may grow.
N_HALVINGS = 14

#: Widths, ascending, and the heights that they need, never rising.
Curve = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Curves:
    """Shape curves of many nodes.

    Attributes
    ----------
    widths, heights : ndarray of shape (n, N_POINTS), float64
        Behind a curve's last point widths are infinite.
    counts : ndarray of shape (n,), int64
        Points of each.
    """

    widths: np.ndarray
    heights: np.ndarray
    counts: np.ndarray

    def one(self, number: int) -> Curve:
        """Return one curve."""
        count = int(self.counts[number])
        return self.widths[number, :count], self.heights[number, :count]

    def some(self, numbers: np.ndarray) -> Curves:
        """Return some curves."""
        return Curves(self.widths[numbers], self.heights[numbers], self.counts[numbers])

    def turned(self, which: np.ndarray) -> Curves:
        """Return the same curves, some with widths and heights exchanged."""
        widths, heights = self.widths.copy(), self.heights.copy()
        rows = np.flatnonzero(which)
        back = self.counts[rows, None] - 1 - np.arange(N_POINTS)
        widths[rows] = np.where(back >= 0, self.heights[rows[:, None], back], np.inf)
        heights[rows] = self.widths[rows[:, None], np.maximum(back, 0)]
        return Curves(widths, heights, self.counts)

    def at(self, widths: np.ndarray) -> np.ndarray:
        """Return the heights that widths need, (n, k) each: what NumPy's `interp` does, for all curves at once."""
        row, last = np.arange(len(self.counts))[:, None], self.counts[:, None] - 1
        most = int(self.counts.max())
        place = np.count_nonzero(self.widths[:, None, :most] <= widths[:, :, None], axis=2) - 1
        before = np.clip(place, 0, np.maximum(last - 1, 0))
        after = np.minimum(before + 1, last)
        x, y = self.widths[row, before], self.heights[row, before]
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = (self.heights[row, after] - y) / (self.widths[row, after] - x)
            found = slope * (widths - x) + y
        found = np.where(place < 0, self.heights[:, :1], found)
        return np.where(place >= last, self.heights[row, last], found)


def shape_curves(
    forest: Forest, areas: np.ndarray, aspects: np.ndarray, tolerance: float, wanted: np.ndarray
) -> Curves:
    """Shape curves of all nodes of some trees.

    Parameters
    ----------
    forest : Forest
    areas, aspects : ndarray of shape (n,)
        Least areas of all members, and their widths by heights.
    tolerance : float
        By how much the logarithm of a leaf's shape may differ from that of its aspect.
    wanted : ndarray of bool
        By tree.
    """
    n = len(forest.first)
    curves = Curves(np.full((n, N_POINTS), np.inf), np.zeros((n, N_POINTS)), np.zeros(n, np.int64))
    shapes = np.exp(np.linspace(-tolerance, tolerance, N_LEAF_POINTS))
    leaves = np.flatnonzero((forest.member >= 0) & wanted[forest.rectangle])
    member = forest.member[leaves]
    widths = np.sqrt(areas[member, None] * aspects[member, None] * shapes)
    curves.widths[leaves, :N_LEAF_POINTS] = widths
    curves.heights[leaves, :N_LEAF_POINTS] = areas[member, None] / widths
    curves.counts[leaves] = N_LEAF_POINTS
    for start, stop in reversed(forest.generations):
        nodes = _wholes(forest, start, stop, wanted)
        if not len(nodes):
            continue
        # Side by side is one above the other, turned.
        is_turned = ~forest.is_stacked[nodes]
        parts = [curves.some(part[nodes]).turned(is_turned) for part in (forest.first, forest.second)]
        found = _stack(*parts).turned(is_turned)
        curves.widths[nodes], curves.heights[nodes], curves.counts[nodes] = found.widths, found.heights, found.counts
    return curves


def _wholes(forest: Forest, start: int, stop: int, wanted: np.ndarray) -> np.ndarray:
    """Nodes of a generation that have parts, of the trees that are wanted."""
    nodes = np.arange(start, stop)
    return nodes[(forest.first[nodes] >= 0) & wanted[forest.rectangle[nodes]]]


def _stack(first: Curves, second: Curves) -> Curves:
    """Shape curves of pairs of parts of equal width, one above the other."""
    low = np.maximum(first.widths[:, :1], second.widths[:, :1])
    ends = [np.take_along_axis(one.widths, one.counts[:, None] - 1, axis=1) for one in (first, second)]
    high = np.maximum(*ends)
    both = np.sort(np.concatenate([first.widths, second.widths], axis=1), axis=1)
    n_below = (both < low).sum(axis=1)
    counts = first.counts + second.counts - n_below
    places = np.minimum(n_below[:, None] + np.arange(N_POINTS), 2 * N_POINTS - 1)
    are_many = counts > N_POINTS
    widths = np.where(are_many[:, None], low + (high - low) * _SPREAD, np.take_along_axis(both, places, axis=1))
    return Curves(widths, first.at(widths) + second.at(widths), np.minimum(counts, N_POINTS))


_SPREAD = np.linspace(0.0, 1.0, N_POINTS) ** 1.5  # curves bend most where they are narrow


def smallest_box(curve: Curve, shape_range: tuple[float, float]) -> tuple[float, float]:
    """Width and height of the smallest rectangle on or above a curve whose shape is allowed."""
    widths = _equal_ratios(curve[0][0], curve[0][-1])
    heights = np.interp(widths, *curve)
    # What is too slim or too flat is padded.
    widths = np.maximum(widths, heights * shape_range[0])
    heights = np.maximum(heights, widths / shape_range[1])
    best = int(np.argmin(widths * heights))
    return float(widths[best]), float(heights[best])


def box_of_width(curve: Curve, width: float, area: float) -> tuple[float, float]:
    """Width and height of a rectangle on a curve, near a width unless that would waste too much.

    Parameters
    ----------
    curve : Curve
    width : float
    area : float
        Of all leaves.
    """
    widths = np.append(_equal_ratios(curve[0][0], curve[0][-1]), np.clip(width, curve[0][0], curve[0][-1]))
    heights = np.interp(widths, *curve)
    best = int(np.argmin(2 * np.abs(np.log(widths / width)) + 3 * (widths * heights / area - 1)))
    return float(widths[best]), float(heights[best])



def _equal_ratios(first: float, last: float) -> np.ndarray:
    """What NumPy's `geomspace` gives for 100 numbers above 0, in a tenth of the time."""
    found = first * (last / first) ** _STEPS
    found[-1] = last
    return found


def divide(forest: Forest, curves: Curves, boxes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Divide rectangles among the leaves of their trees, each part getting its share of what is left over.

    Parameters
    ----------
    forest : Forest
    curves : Curves
        Of its nodes.
    boxes : ndarray of shape (n_trees, 2)
        Widths and heights.
    wanted : ndarray of bool
        By tree; the others' leaves get nothing.

    Returns
    -------
    ndarray of shape (n_members, 4), float64
        x, y, width and height of the cells, which cover the rectangles.
    """
    cells = np.zeros((len(forest.first), 4))
    cells[: len(boxes), 2:] = boxes
    for start, stop in forest.generations:
        nodes = _wholes(forest, start, stop, wanted)
        if not len(nodes):
            continue
        is_turned = ~forest.is_stacked[nodes]
        x, y, width, height = cells[nodes].T
        across, along = np.where(is_turned, height, width), np.where(is_turned, width, height)
        needs = [
            curves.some(part[nodes]).turned(is_turned).at(across[:, None])[:, 0]
            for part in (forest.first, forest.second)
        ]
        part = along * needs[0] / (needs[0] + needs[1])
        cells[forest.first[nodes]] = np.column_stack(
            [x, y, np.where(is_turned, part, width), np.where(is_turned, height, part)]
        )
        cells[forest.second[nodes]] = np.column_stack(
            [
                np.where(is_turned, x + part, x),
                np.where(is_turned, y, y + part),
                np.where(is_turned, width - part, width),
                np.where(is_turned, height, height - part),
            ]
        )
    leaves = np.flatnonzero(forest.member >= 0)
    found = np.zeros((len(leaves), 4))
    found[forest.member[leaves]] = cells[leaves]
    return found


def fill_cells(
    cells: np.ndarray, areas: np.ndarray, aspects: np.ndarray, tolerance: float, wanted_waste: float, max_error: float
) -> np.ndarray:
    """Put a rectangle of allowed shape into the middle of each cell.

    Parameters
    ----------
    cells : ndarray of shape (n, 4)
    areas : ndarray of shape (n,)
        Least areas, which fit.
    aspects : ndarray of shape (n,)
    tolerance : float
        As in `shape_curves`.
    wanted_waste : float
        Rectangles grow beyond their areas, all by the same factor as far as their cells permit, until at most this
        share of the cells is not covered,
    max_error : float
        or until some area differs from proportional by this share.

    Returns
    -------
    ndarray of shape (n, 4), float64
    """
    widths, heights = cells[:, 2], cells[:, 3]
    stretch = np.exp(tolerance)
    widest = np.minimum(widths, heights * aspects * stretch)
    highest = np.minimum(heights, widths / aspects * stretch)
    room = widest * highest
    whole = float((widths * heights).sum())
    # All grow by the same factor or as far as they can: the least and the most that one does tell the largest error.
    least, most, wanted = float((room / areas).min()), float((room / areas).max()), float(areas.sum())
    low, high = 1.0, 1.5
    for _ in range(N_HALVINGS):
        factor = (low + high) / 2
        drawn = float(np.minimum(room, factor * areas).sum())
        error = max(min(most, factor) * wanted / drawn - 1, 1 - min(least, factor) * wanted / drawn)
        if 1 - drawn / whole <= wanted_waste or error >= max_error:
            high = factor
        else:
            low = factor
    used = np.minimum(room, low * areas)
    drawn = np.clip(np.sqrt(used * aspects), used / highest, widest)
    return np.column_stack(
        [cells[:, 0] + (widths - drawn) / 2, cells[:, 1] + (heights - used / drawn) / 2, drawn, used / drawn]
    )


def area_error(drawn: np.ndarray, wanted: np.ndarray) -> float:
    """By how much areas differ from proportional ones of the same sum, at most, as a share."""
    growth = drawn / wanted
    return float(np.abs(growth * (wanted.sum() / drawn.sum()) - 1).max())
