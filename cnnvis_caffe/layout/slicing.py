"""Which cuts divide a rectangle among a sequence of areas so that each gets a good shape.

A rectangle is cut from edge to edge, its parts again, and so on; each part belongs to consecutive members of the
sequence and has their share of the area. All such divisions are compared by dynamic programming over the intervals of
the sequence and over the rectangle's shape, on a grid of logarithms of width by height: cutting a rectangle only
shifts that logarithm. The work grows with the cube of the length, so long sequences are divided in levels: within
short groups, and then the groups as wholes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: The grid of shapes: logarithms of width by height.
STEP = 0.12
N_SHAPES = 49
SHAPES = (np.arange(N_SHAPES) - N_SHAPES // 2) * STEP
#: Tables are padded so that a shifted look beyond the grid finds what is too expensive.
PADDING = N_SHAPES
#: From here on a shape costs more than the area that it wastes: no filling can make up for it.
WORST_EXCESS = 0.2


@dataclass(frozen=True)
class Cut:
    """A node of a slicing tree.

    Attributes
    ----------
    first, second : int
        Nodes; both -1 for a leaf.
    is_stacked : bool
        The first above the second; otherwise side by side.
    member : int
        Of a leaf: its index in the areas; -1 otherwise.
    """

    first: int
    second: int
    is_stacked: bool
    member: int


@dataclass(frozen=True, eq=False)
class _Intervals:
    """Costs by interval and shape of a batch of sequences of equal length."""

    costs: np.ndarray  # (batch, m, m + 1, PADDING + shapes + PADDING), of members i to j - 1
    sizes: np.ndarray  # (batch, m, m + 1), logarithms of their areas in steps of the grid

    def of(self, sequence: int, length: int) -> np.ndarray:
        """Costs of the whole of a sequence, by shape."""
        return self.costs[sequence, 0, length, PADDING : PADDING + N_SHAPES]

    def cut(self, sequence: int, start: int, stop: int, shape: int) -> tuple[int, bool, int, int]:
        """Where to cut an interval, whether the parts are stacked, and their shapes."""
        middle = np.arange(start + 1, stop)
        sizes = self.sizes[sequence]
        first = _shift(sizes[start, middle] - sizes[start, stop])
        second = _shift(sizes[middle, stop] - sizes[start, stop])
        # Side by side, parts become narrower than the whole; stacked, wider.
        at_first = PADDING + shape + np.concatenate([first, -first])
        at_second = PADDING + shape + np.concatenate([second, -second])
        table = self.costs[sequence]
        both = np.concatenate([middle, middle])
        best = int((table[start, both, at_first] + table[both, stop, at_second]).argmin())
        upper, lower = (min(max(int(at[best]) - PADDING, 0), N_SHAPES - 1) for at in (at_first, at_second))
        return int(both[best]), best >= len(middle), upper, lower


def leaf_costs(areas: np.ndarray, log_aspects: np.ndarray, tolerance: float) -> np.ndarray:
    """What it costs to give members rectangles of all shapes: about the area that cannot be used.

    Parameters
    ----------
    areas, log_aspects : ndarray of equal shape
    tolerance : float
        By how much the logarithm of a shape may differ from the aspect at no cost, nearly.

    Returns
    -------
    ndarray of that shape and (N_SHAPES,), float32
    """
    distortion = np.abs(SHAPES - log_aspects[..., None])
    excess = np.maximum(distortion - tolerance, 0)
    cost = 1 - np.exp(-excess) + 2 * np.maximum(excess - WORST_EXCESS, 0) + 0.05 * np.minimum(distortion, 1.0) ** 2
    return (areas[..., None] * cost).astype(np.float32)


def slice_sequences(areas: np.ndarray, costs: np.ndarray) -> _Intervals:
    """Find the best cuts of all intervals of a batch of sequences, for all shapes.

    Parameters
    ----------
    areas : ndarray of shape (batch, m)
        Above 0.
    costs : ndarray of shape (batch, m, N_SHAPES), float32
        Of the single members.
    """
    batch, m = areas.shape
    width = N_SHAPES + 2 * PADDING
    table = np.full((batch, m, m + 1, width), 10 * areas.sum(), np.float32)
    sums = np.concatenate([np.zeros((batch, 1)), np.cumsum(areas, axis=1)], axis=1)
    inner = slice(PADDING, PADDING + N_SHAPES)
    one = np.arange(m)
    table[:, one, one + 1, inner] = costs
    # Costs from any place in the table on, and where those of an interval begin.
    flat = table.reshape(-1)
    onwards = np.lib.stride_tricks.as_strided(flat, (flat.size - N_SHAPES + 1, N_SHAPES), flat.strides * 2)
    begins = np.arange(batch * m * (m + 1)).reshape(batch, m, m + 1) * width + PADDING
    with np.errstate(invalid="ignore", divide="ignore"):
        sizes = np.log(sums[:, None, :] - sums[:, :-1, None]) / STEP  # of intervals, in steps of the grid
    for length in range(2, m + 1):
        start = np.arange(m - length + 1)
        middle = start[:, None] + np.arange(1, length)
        first, second = (slice(None), start[:, None], middle), (slice(None), middle, start[:, None] + length)
        whole = sizes[:, start, start + length][:, :, None]
        shift_first = _shift(sizes[first] - whole)
        shift_second = _shift(sizes[second] - whole)
        at_first = np.concatenate([begins[first] + shift_first, begins[first] - shift_first], axis=2)
        at_second = np.concatenate([begins[second] + shift_second, begins[second] - shift_second], axis=2)
        cost = onwards[at_first]
        cost += onwards[at_second]
        table[:, start, start + length, inner] = cost.min(axis=2)
    return _Intervals(table, sizes)


def _shift(steps: np.ndarray) -> np.ndarray:
    """By how many steps of the grid a part's shape differs from the whole's."""
    return np.maximum(np.rint(steps), -PADDING).astype(np.int64)


class Slicing:
    """Best divisions of rectangles among areas in nested groups.

    Parameters
    ----------
    areas, log_aspects : ndarray of shape (n,)
    groups : sequence of ndarray
        Members of each group, in order; together all members.
    levels : sequence of sequence of (int, int)
        For each further level which groups of the level before, from the first to behind the last, make one group.
        The last level has one group.
    tolerance : float

    Attributes
    ----------
    costs : ndarray of shape (N_SHAPES,), float64
        Share of the whole area that is about wasted, by shape.
    """

    def __init__(
        self,
        areas: np.ndarray,
        log_aspects: np.ndarray,
        groups: Sequence[np.ndarray],
        levels: Sequence[Sequence[tuple[int, int]]],
        tolerance: float,
    ) -> None:
        self._groups = [group.tolist() for group in groups]
        self._levels = levels
        batch, m = len(groups), max(map(len, groups))
        padded_areas, padded_aspects = np.ones((batch, m)), np.zeros((batch, m))
        for i, group in enumerate(groups):
            padded_areas[i, : len(group)] = areas[group]
            padded_aspects[i, : len(group)] = log_aspects[group]
        self._tables = [slice_sequences(padded_areas, leaf_costs(padded_areas, padded_aspects, tolerance))]
        sums = np.array([areas[group].sum() for group in groups])
        costs = np.stack([self._tables[0].of(i, len(group)) for i, group in enumerate(groups)])
        for parts in levels:
            batch, m = len(parts), max(stop - start for start, stop in parts)
            level_areas = np.ones((batch, m))
            level_costs = np.zeros((batch, m, N_SHAPES), np.float32)
            for i, (start, stop) in enumerate(parts):
                level_areas[i, : stop - start] = sums[start:stop]
                level_costs[i, : stop - start] = costs[start:stop]
            self._tables.append(slice_sequences(level_areas, level_costs))
            sums = np.array([sums[start:stop].sum() for start, stop in parts])
            costs = np.stack([self._tables[-1].of(i, stop - start) for i, (start, stop) in enumerate(parts)])
        self.costs = costs[0].astype(np.float64) / float(areas.sum())

    def tree(self, shape: int) -> list[Cut]:
        """Return the slicing tree for a shape, given as index in the grid; parts before wholes, the root last."""
        cuts: list[Cut] = []
        level = len(self._levels)
        self._add(cuts, level, 0, 0, self._length(level, 0), shape)
        return cuts

    def _length(self, level: int, group: int) -> int:
        """Count the members of a group."""
        if level == 0:
            return len(self._groups[group])
        start, stop = self._levels[level - 1][group]
        return stop - start

    def _add(self, cuts: list[Cut], level: int, group: int, start: int, stop: int, shape: int) -> int:
        """Add the tree of an interval of a group; return its root."""
        if stop - start == 1:
            if level == 0:
                cuts.append(Cut(-1, -1, False, self._groups[group][start]))
                return len(cuts) - 1
            below = self._levels[level - 1][group][0] + start
            return self._add(cuts, level - 1, below, 0, self._length(level - 1, below), shape)
        middle, is_stacked, first_shape, second_shape = self._tables[level].cut(group, start, stop, shape)
        first = self._add(cuts, level, group, start, middle, first_shape)
        second = self._add(cuts, level, group, middle, stop, second_shape)
        cuts.append(Cut(first, second, is_stacked, -1))
        return len(cuts) - 1
