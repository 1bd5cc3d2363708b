"""The smallest rectangle for a slicing tree whose leaves are soft, and the leaves' places in it.

A leaf has a least area and a range of shapes, so the least height that it needs is a falling convex function of the
width that it gets. Stacked parts add their heights, parts side by side their widths; so every node of the tree has
such a function, its shape curve, and the root's tells all that is possible (Stockmeyer 1983, for soft leaves).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.layout.slicing import Cut

#: Points that a shape curve keeps.
N_POINTS = 20
#: Steps of the search for how far rectangles may grow.
N_HALVINGS = 14

#: Widths, ascending, and the heights that they need, never rising.
Curve = tuple[np.ndarray, np.ndarray]


def shape_curves(tree: Sequence[Cut], areas: np.ndarray, aspects: np.ndarray, tolerance: float) -> list[Curve]:
    """Shape curves of all nodes of a tree.

    Parameters
    ----------
    tree : sequence of Cut
        Parts before wholes.
    areas, aspects : ndarray of shape (n,)
        Least areas of the leaves, and their widths by heights.
    tolerance : float
        By how much the logarithm of a leaf's shape may differ from that of its aspect.

    Returns
    -------
    list of (widths, heights)
    """
    shapes = np.exp(np.linspace(-tolerance, tolerance, 7))
    leaf_widths = np.sqrt(areas[:, None] * aspects[:, None] * shapes)
    leaf_heights = areas[:, None] / leaf_widths
    curves: list[Curve] = []
    for cut in tree:
        if cut.member >= 0:
            curves.append((leaf_widths[cut.member], leaf_heights[cut.member]))
        elif cut.is_stacked:
            curves.append(_stack(curves[cut.first], curves[cut.second]))
        else:
            (widths, heights), (other_widths, other_heights) = curves[cut.first], curves[cut.second]
            heights, widths = _stack((heights[::-1], widths[::-1]), (other_heights[::-1], other_widths[::-1]))
            curves.append((widths[::-1], heights[::-1]))
    return curves


def _stack(first: Curve, second: Curve) -> Curve:
    """Shape curve of two parts of equal width, one above the other."""
    low, high = max(first[0][0], second[0][0]), max(first[0][-1], second[0][-1])
    widths = np.sort(np.concatenate([first[0], second[0]]))
    widths = widths[widths.searchsorted(low) :]
    if len(widths) > N_POINTS:
        widths = low + (high - low) * _SPREAD
    return widths, np.interp(widths, *first) + np.interp(widths, *second)


_SPREAD = np.linspace(0.0, 1.0, N_POINTS) ** 1.5  # curves bend most where they are narrow


def smallest_box(curve: Curve, shape_range: tuple[float, float]) -> tuple[float, float]:
    """Width and height of the smallest rectangle on or above a curve whose shape is allowed."""
    widths = np.geomspace(curve[0][0], curve[0][-1], 100)
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
    widths = np.append(np.geomspace(curve[0][0], curve[0][-1], 100), np.clip(width, curve[0][0], curve[0][-1]))
    heights = np.interp(widths, *curve)
    best = int(np.argmin(2 * np.abs(np.log(widths / width)) + 3 * (widths * heights / area - 1)))
    return float(widths[best]), float(heights[best])


def divide(tree: Sequence[Cut], curves: Sequence[Curve], box: tuple[float, float], n_leaves: int) -> np.ndarray:
    """Divide a rectangle among the leaves, each part getting its share of what is left over.

    Returns
    -------
    ndarray of shape (n_leaves, 4), float64
        x, y, width and height of the cells, which cover the rectangle.
    """
    cells = np.zeros((n_leaves, 4))
    pending = [(len(tree) - 1, 0.0, 0.0, box[0], box[1])]
    while pending:
        node, x, y, width, height = pending.pop()
        cut = tree[node]
        if cut.member >= 0:
            cells[cut.member] = x, y, width, height
            continue
        first, second = curves[cut.first], curves[cut.second]
        if cut.is_stacked:
            upper, lower = np.interp(width, *first), np.interp(width, *second)
            part = float(height * upper / (upper + lower))
            pending += [(cut.first, x, y, width, part), (cut.second, x, y + part, width, height - part)]
        else:
            left = np.interp(height, first[1][::-1], first[0][::-1])
            right = np.interp(height, second[1][::-1], second[0][::-1])
            part = float(width * left / (left + right))
            pending += [(cut.first, x, y, part, height), (cut.second, x + part, y, width - part, height)]
    return cells


def fill_cells(
    cells: np.ndarray, areas: np.ndarray, aspects: np.ndarray, tolerance: float, wanted_waste: float, max_error: float
) -> np.ndarray:
    """Put a rectangle of allowed shape into the middle of each cell.

    Parameters
    ----------
    cells : ndarray of shape (n, 4)
    areas : ndarray of shape (n,)
        Least areas, which fit.
    aspects, tolerance
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
