"""Shortest paths through all points: exact for few, improved by local search for many."""

from __future__ import annotations

import functools
import random
from collections import deque

import numpy as np

#: Up to so many points the path is exact.
LARGEST_EXACT = 12
#: Nearest other points that a move may join a point to.
N_NEAR = 8
#: Random changes that the local search tries to recover from: so many, and one more for each point, but at most.
LEAST_KICKS, MOST_KICKS = 80, 300


def exact_path(distances: np.ndarray) -> np.ndarray:
    """Shortest path by dynamic programming over the sets of points visited, and the last of them (Held and Karp 1962).

    Parameters
    ----------
    distances : ndarray of shape (n, n)
        Symmetric; n at most `LARGEST_EXACT`, since time and memory grow with 2^n.

    Returns
    -------
    ndarray of shape (n,), int64
    """
    n = len(distances)
    lengths = np.full((1 << n, n), np.inf)
    before = np.zeros((1 << n, n), np.int64)
    lengths[1 << np.arange(n), np.arange(n)] = 0
    for visited in _sets_by_size(n)[2:]:
        for last in range(n):
            here = visited[(visited >> last) & 1 == 1]
            through = lengths[here ^ (1 << last)] + distances[:, last]
            before[here, last] = through.argmin(axis=1)
            lengths[here, last] = through.min(axis=1)
    visited_all = (1 << n) - 1
    path = [int(lengths[visited_all].argmin())]
    while len(path) < n:
        last = path[-1]
        path.append(int(before[visited_all, last]))
        visited_all ^= 1 << last
    return np.array(path, np.int64)


@functools.lru_cache(maxsize=16)
def _sets_by_size(n: int) -> list[np.ndarray]:
    """All sets of n points as bits, by their number of points."""
    sets = np.arange(1 << n)
    sizes = sum((sets >> point) & 1 for point in range(n))
    return [sets[sizes == size] for size in range(n + 1)]


def improved_path(distances: np.ndarray, path: np.ndarray, *, n_kicks: int | None = None) -> np.ndarray:
    """Shorten a path by turning stretches round and by moving short ones elsewhere; never longer afterwards.

    Parameters
    ----------
    distances : ndarray of shape (n, n)
        Symmetric, n above 3.
    path : ndarray of shape (n,), int64
    n_kicks : int, optional
        Random changes; by default as many as are worth it.

    Returns
    -------
    ndarray of shape (n,), int64

    Notes
    -----
    2-opt and Or-opt moves with lists of near points, then the same again after small random changes, of which those
    that help are kept. The random numbers are always the same.
    """
    search = _Search(distances, path)
    search.settle(range(search.n))
    for _ in range(min(LEAST_KICKS + len(path), MOST_KICKS) if n_kicks is None else n_kicks):
        search.kick()
    return search.path()


class _Search:
    """A round tour through all points and a stop that is at no distance to any: where the path begins and ends."""

    def __init__(self, distances: np.ndarray, path: np.ndarray) -> None:
        n = len(path)
        self.n = n + 1
        whole = np.zeros((n + 1, n + 1))
        whole[:n, :n] = distances
        self.distances: list[list[float]] = whole.tolist()
        np.fill_diagonal(whole, np.inf)
        near = np.argsort(whole, axis=1, kind="stable")[:, : N_NEAR + 1]
        self.near: list[list[int]] = near.tolist()
        self.tour: list[int] = [n, *path.tolist()]
        self.place = [0] * (n + 1)
        self._note(0, n + 1)
        self.smallest = 1e-9 * max(float(distances.max()), 1e-300)
        self.random = random.Random(0)

    def path(self) -> np.ndarray:
        """Return the tour, cut at the stop."""
        start = self.place[self.n - 1]
        return np.array(self.tour[start + 1 :] + self.tour[:start], np.int64)

    def settle(self, points: range | list[int]) -> float:
        """Move until nothing near the points, and near what was moved, gets shorter; return what was gained."""
        waiting = deque(points)
        is_waiting = [False] * self.n
        for point in waiting:
            is_waiting[point] = True
        gained = 0.0
        while waiting:
            point = waiting.popleft()
            is_waiting[point] = False
            while True:
                gain, touched = self._turn(point)
                if not touched:
                    gain, touched = self._move(point)
                if not touched:
                    break
                gained += gain
                for other in touched:
                    if not is_waiting[other]:
                        is_waiting[other] = True
                        waiting.append(other)
        return gained

    def kick(self) -> None:
        """Exchange two neighbouring stretches, settle, and go back unless that helped."""
        tour, place = list(self.tour), list(self.place)
        length = min(self.n - 1, 50)
        start = self.random.randrange(self.n - length)
        a, b, c = sorted(self.random.sample(range(start + 1, start + length + 1), 3))
        ends = [tour[a - 1], tour[a], tour[b - 1], tour[b], tour[c - 1], tour[c % self.n]]
        distances = self.distances
        lost = (
            distances[ends[0]][ends[3]]
            + distances[ends[4]][ends[1]]
            + distances[ends[2]][ends[5]]
            - distances[ends[0]][ends[1]]
            - distances[ends[2]][ends[3]]
            - distances[ends[4]][ends[5]]
        )
        self.tour[a:c] = tour[b:c] + tour[a:b]
        self._note(a, c)
        if self.settle(ends) < lost + self.smallest:
            self.tour, self.place = tour, place

    def _note(self, start: int, stop: int) -> None:
        """Note the places of what stands from start to stop."""
        place = self.place
        for i, point in enumerate(self.tour[start:stop], start):
            place[point] = i

    def _turn(self, a: int) -> tuple[float, tuple[int, ...]]:
        """Turn a stretch round (2-opt), if that joins the point to a near one and shortens the tour."""
        distances, tour, place, n = self.distances, self.tour, self.place, self.n
        from_a = distances[a]
        for step in (1, -1):
            b = tour[(place[a] + step) % n]
            old = from_a[b]
            from_b = distances[b]
            for c in self.near[a]:
                gain = old - from_a[c]
                if gain <= self.smallest:
                    break
                d = tour[(place[c] + step) % n]
                gain += distances[c][d] - from_b[d]
                if gain > self.smallest and d != a:
                    first, last = (place[b], place[c]) if step == 1 else (place[a], place[d])
                    if first > last:
                        first, last = (place[d], place[a]) if step == 1 else (place[c], place[b])
                    tour[first : last + 1] = tour[first : last + 1][::-1]
                    self._note(first, last + 1)
                    return gain, (a, b, c, d)
        return 0.0, ()

    def _move(self, a: int) -> tuple[float, tuple[int, ...]]:
        """Move the stretch of up to three points that begins at the point (Or-opt) beside a near one."""
        distances, tour, place, n = self.distances, self.tour, self.place, self.n
        at, near, from_a, smallest = place[a], self.near[a], distances[a], self.smallest
        nearest = from_a[near[0]]
        for step in (1, -1):
            before = tour[(at - step) % n]
            from_before = distances[before]
            for length in (1, 2, 3):
                end, after = tour[(at + step * (length - 1)) % n], tour[(at + step * length) % n]
                if after == before:
                    break
                removed = from_before[a] + distances[end][after] - from_before[after]
                if removed - nearest <= smallest:
                    continue
                stretch = [tour[(at + step * i) % n] for i in range(length)]
                for c in near:
                    gain = removed - from_a[c]
                    if gain <= smallest:
                        break
                    if c in stretch:
                        continue
                    for side in (1, -1):
                        d = tour[(place[c] + side) % n]
                        # Beside the gap that the stretch leaves, its other side is what closes it.
                        if d in stretch:
                            d = after if c == before else before
                        total = gain - distances[end][d] + distances[c][d]
                        if total > smallest:
                            self._carry(stretch, c, d)
                            return total, (a, end, before, after, c, d)
        return 0.0, ()

    def _carry(self, stretch: list[int], c: int, d: int) -> None:
        """Take a stretch out and put it between c and d, its first point beside c."""
        rest = [point for point in self.tour if point not in stretch]
        at_c, at_d = rest.index(c), rest.index(d)
        if at_d == (at_c + 1) % len(rest):
            self.tour = rest[: at_c + 1] + stretch + rest[at_c + 1 :]
        else:
            self.tour = rest[: at_d + 1] + stretch[::-1] + rest[at_d + 1 :]
        self._note(0, self.n)
