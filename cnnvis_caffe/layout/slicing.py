"""Divides a rectangle among a sequence of areas by cuts that give each a good shape.

A rectangle is cut from edge to edge, its parts again, and so on; each part belongs to consecutive members of the
sequence and has their share of the area. All such divisions are compared by dynamic programming over the intervals of
the sequence and over the rectangle's shape, on a grid of logarithms of width by height: cutting a rectangle only
shifts that logarithm. The work grows with the cube of the length, so long sequences are divided in levels: within
short groups, and then the groups as wholes. Many rectangles are divided at once: the operations are few and large.
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


#: Sequences are padded to the next of these lengths, so that few sizes of tables are needed.
LENGTHS = (4, 8, 12, 16, 20)


@dataclass(frozen=True, eq=False)
class Plan:
    """Members of a rectangle in nested groups.

    Attributes
    ----------
    groups : sequence of ndarray
        Members of each group, in order; together all members.
    levels : sequence of sequence of (int, int)
        For each further level which groups of the level before, from the first to behind the last, make one group.
        The last level has one group.
    """

    groups: Sequence[np.ndarray]
    levels: Sequence[Sequence[tuple[int, int]]]


@dataclass(frozen=True, eq=False)
class Forest:
    """Slicing trees of many rectangles, generation after generation from the roots on; n nodes.

    Attributes
    ----------
    rectangle : ndarray of shape (n,), int64
        Whose node it is; the first nodes are the roots, in the order of the rectangles.
    first, second : ndarray of shape (n,), int64
        The nodes' parts; -1 for leaves.
    is_stacked : ndarray of shape (n,), bool
        The first above the second; otherwise side by side.
    member : ndarray of shape (n,), int64
        Of a leaf: its number among the members of all rectangles; -1 otherwise.
    generations : tuple of (int, int)
        First node of each generation, and the one behind its last.
    """

    rectangle: np.ndarray
    first: np.ndarray
    second: np.ndarray
    is_stacked: np.ndarray
    member: np.ndarray
    generations: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class _Intervals:
    """Costs by interval and shape of a batch of sequences of equal length."""

    costs: np.ndarray  # (batch, m, m + 1, PADDING + shapes + PADDING), of members i to j - 1
    sizes: np.ndarray  # (batch, m, m + 1), logarithms of their areas in steps of the grid

    def of(self, lengths: np.ndarray) -> np.ndarray:
        """Costs of the whole of each sequence, by shape."""
        return self.costs[np.arange(len(lengths)), 0, lengths, PADDING : PADDING + N_SHAPES]

    def cut(
        self, row: np.ndarray, start: np.ndarray, stop: np.ndarray, shape: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Where to cut some intervals, whether the parts are stacked, and their shapes."""
        row, start, stop = row[:, None], start[:, None], stop[:, None]
        middle = start + 1 + np.arange(int((stop - start).max()) - 1)
        middle = np.where(middle < stop, middle, start + 1)  # shorter ones look at their first place again
        whole = self.sizes[row, start, stop]
        first = _shift(self.sizes[row, start, middle] - whole)
        second = _shift(self.sizes[row, middle, stop] - whole)
        # Side by side, parts become narrower than the whole; stacked, wider.
        at_first = PADDING + shape[:, None] + np.concatenate([first, -first], axis=1)
        at_second = PADDING + shape[:, None] + np.concatenate([second, -second], axis=1)
        both = np.concatenate([middle, middle], axis=1)
        best = (self.costs[row, start, both, at_first] + self.costs[row, both, stop, at_second]).argmin(axis=1)
        chosen = np.arange(len(best)), best
        shapes = [np.clip(at[chosen] - PADDING, 0, N_SHAPES - 1) for at in (at_first, at_second)]
        return both[chosen], best >= middle.shape[1], shapes[0], shapes[1]


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


class Slicings:
    """Best divisions of many rectangles, each among areas in nested groups.

    Parameters
    ----------
    areas, log_aspects : sequence of ndarray of shape (n,)
        Of each rectangle's members.
    plans : sequence of Plan
        One for each.
    tolerance : float

    Attributes
    ----------
    costs : list of ndarray of shape (N_SHAPES,), float64
        For each rectangle the share of its area that is about wasted, by shape.
    """

    def __init__(
        self,
        areas: Sequence[np.ndarray],
        log_aspects: Sequence[np.ndarray],
        plans: Sequence[Plan],
        tolerance: float,
    ) -> None:
        begins = np.cumsum([0, *map(len, areas)])
        self._members = np.concatenate([group + at for plan, at in zip(plans, begins) for group in plan.groups])
        sums = np.concatenate(areas)[self._members]
        costs = leaf_costs(sums, np.concatenate(log_aspects)[self._members], tolerance)
        self._tables: list[_Intervals] = []
        # Of all groups, level after level: the first of its parts, which are groups of the level below or members.
        self._first, self._length = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._table, self._row = np.zeros(0, np.int64), np.zeros(0, np.int64)
        lengths = np.array([len(group) for plan in plans for group in plan.groups], np.int64)
        self._n_lowest = len(lengths)
        sums, costs = self._add_level(np.cumsum(lengths) - lengths, lengths, sums, costs, 0)
        below, begin = np.cumsum([0, *(len(plan.groups) for plan in plans)])[:-1], 0
        self._roots = below.copy()
        for level in range(max(len(plan.levels) for plan in plans)):
            mine = [number for number, plan in enumerate(plans) if len(plan.levels) > level]
            parts = [np.array(plans[number].levels[level], np.int64) for number in mine]
            first = np.concatenate([part[:, 0] + below[number] for number, part in zip(mine, parts)])
            lengths = np.concatenate([part[:, 1] - part[:, 0] for part in parts])
            next_begin = len(self._first)
            sums, costs = self._add_level(first, lengths, sums, costs, begin)
            begin = next_begin
            below[mine] = begin + np.cumsum([0, *map(len, parts)])[:-1]
            self._roots[mine] = below[mine]
        wholes = [self._tables[self._table[root]] for root in self._roots]
        self.costs = [
            table.costs[self._row[root], 0, self._length[root], PADDING : PADDING + N_SHAPES].astype(np.float64)
            / float(area.sum())
            for table, root, area in zip(wholes, self._roots, areas)
        ]

    def _add_level(
        self, first: np.ndarray, length: np.ndarray, sums: np.ndarray, costs: np.ndarray, begin: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Divide the groups of a level; their areas and costs by shape. What is divided counts from `begin` on."""
        inside = first - begin
        n = len(first)
        table, row = np.zeros(n, np.int64), np.zeros(n, np.int64)
        group_costs = np.zeros((n, N_SHAPES), np.float32)
        padded = np.array([next((most for most in LENGTHS if most >= one), one) for one in length.tolist()])
        for m in np.unique(padded).tolist():
            mine = np.flatnonzero(padded == m)
            is_member = np.arange(m) < length[mine, None]
            at = inside[mine, None] + np.where(is_member, np.arange(m), 0)
            intervals = slice_sequences(
                np.where(is_member, sums[at], 1.0), np.where(is_member[:, :, None], costs[at], np.float32(0))
            )
            table[mine], row[mine] = len(self._tables), np.arange(len(mine))
            group_costs[mine] = intervals.of(length[mine])
            self._tables.append(intervals)
        self._first, self._length = np.append(self._first, first), np.append(self._length, length)
        self._table, self._row = np.append(self._table, table), np.append(self._row, row)
        ends = np.column_stack([inside, inside + length]).reshape(-1)
        return np.add.reduceat(np.append(sums, 0.0), ends)[::2], group_costs

    def trees(self, shapes: np.ndarray) -> Forest:
        """Return the slicing trees for shapes, one for each rectangle, given as indices in the grid."""
        rectangle, group, shape = np.arange(len(self._roots)), self._roots, np.asarray(shapes, np.int64)
        start, stop = np.zeros(len(group), np.int64), self._length[group]
        found: list[tuple[np.ndarray, ...]] = []
        generations: list[tuple[int, int]] = []
        n = 0
        while len(group):
            while True:
                # What is alone in a group is a group itself.
                is_alone = (stop - start == 1) & (group >= self._n_lowest)
                if not is_alone.any():
                    break
                group = np.where(is_alone, self._first[group] + start, group)
                start, stop = np.where(is_alone, 0, start), np.where(is_alone, self._length[group], stop)
            is_leaf = stop - start == 1
            member = np.full(len(group), -1)
            member[is_leaf] = self._members[self._first[group[is_leaf]] + start[is_leaf]]
            generations.append((n, n + len(group)))
            n += len(group)
            whole = np.flatnonzero(~is_leaf)
            first, second, is_stacked = np.full(len(group), -1), np.full(len(group), -1), np.zeros(len(group), bool)
            first[whole], second[whole] = n + np.arange(len(whole)), n + len(whole) + np.arange(len(whole))
            middle, is_stacked[whole], upper, lower = self._cut(group[whole], start[whole], stop[whole], shape[whole])
            found.append((rectangle, first, second, is_stacked, member))
            rectangle, group = np.tile(rectangle[whole], 2), np.tile(group[whole], 2)
            start, stop = np.concatenate([start[whole], middle]), np.concatenate([middle, stop[whole]])
            shape = np.concatenate([upper, lower])
        columns = [np.concatenate(parts) for parts in zip(*found)]
        return Forest(columns[0], columns[1], columns[2], columns[3], columns[4], tuple(generations))

    def _cut(
        self, group: np.ndarray, start: np.ndarray, stop: np.ndarray, shape: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Cut intervals of groups; where, whether the parts are stacked, and their shapes."""
        middle, is_stacked = np.zeros(len(group), np.int64), np.zeros(len(group), bool)
        upper, lower = np.zeros(len(group), np.int64), np.zeros(len(group), np.int64)
        for number in np.unique(self._table[group]).tolist():
            mine = np.flatnonzero(self._table[group] == number)
            row = self._row[group[mine]]
            cuts = self._tables[number].cut(row, start[mine], stop[mine], shape[mine])
            middle[mine], is_stacked[mine], upper[mine], lower[mine] = cuts
        return middle, is_stacked, upper, lower
