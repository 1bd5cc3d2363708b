"""One axis of receptive fields: for every position on an axis of a blob, an interval of input pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnvis_caffe.records.dag import Window

#: Beyond all pixels: an interval that begins here and ends at its negative is empty.
NOWHERE = 2**50
#: Each position of a top sees the same one of the bottom.
_SAME = Window()


@dataclass(frozen=True, eq=False)
class Intervals:
    """Half-open intervals of pixels, one for each position.

    Attributes
    ----------
    first, last : ndarray of int64, shape (n,)
        Pixels from `first` up to, not including, `last`; empty where `last` is not larger.
    shift : int or None
        How far the intervals move from position i to position i + n, for every integer i. None for a table of
        positions 0 to n - 1, beyond which there is nothing.
    """

    first: np.ndarray
    last: np.ndarray
    shift: int | None

    @classmethod
    def pixels(cls, size: int, *, clipped: bool) -> Intervals:
        """Return what the input itself shows: each position its own pixel."""
        first = np.arange(size if clipped else 1, dtype=np.int64)
        return cls(first, first + 1, None if clipped else 1)

    @classmethod
    def constant(cls, first: int, last: int, n: int | None = None) -> Intervals:
        """Return the same interval for every position, or for positions 0 to n - 1."""
        return cls(np.full(n or 1, first, np.int64), np.full(n or 1, last, np.int64), 0 if n is None else None)

    @cached_property
    def has_gaps(self) -> bool:
        """Whether some positions see nothing."""
        return bool((self.last <= self.first).any())

    @property
    def is_constant(self) -> bool:
        """Whether all positions see the same."""
        return self.shift == 0 and len(self.first) == 1

    def at(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return first and last pixel at some positions, an array of any shape."""
        n = len(self.first)
        if self.shift is None:
            inside = (positions >= 0) & (positions < n)
            index = np.where(inside, positions, 0)
            return np.where(inside, self.first[index], NOWHERE), np.where(inside, self.last[index], -NOWHERE)
        times, index = np.divmod(positions, n)
        return self.first[index] + times * self.shift, self.last[index] + times * self.shift

    def hull(self, n: int) -> Intervals:
        """Return, for positions 0 to n - 1, what all positions of a table that ends see together."""
        return Intervals.constant(int(self.first.min()), int(self.last.max()), n)

    def through(self, window: Window, size: int) -> Intervals:
        """Return what the positions of a top see through windows on this axis.

        Parameters
        ----------
        window : Window
        size : int
            Number of positions on the axis of the top.
        """
        if window == _SAME and (self.shift is not None or size == len(self.first)):
            return self
        if window.within is not None or window.period:
            positions = np.arange(size, dtype=np.int64)
            first, last = self.at((positions % window.period if window.period else positions) - window.pad)
            if window.within is not None:
                outside = (positions < window.within[0]) | (positions >= window.within[1])
                first, last = np.where(outside, NOWHERE, first), np.where(outside, -NOWHERE, last)
            return Intervals(first, last, None)
        n, taps = len(self.first), np.arange(window.kernel, dtype=np.int64) * window.dilation
        if window.transposed:
            n_top = size if self.shift is None else n * window.stride
            shift = self.shift
            bottom, rest = np.divmod(_column(n_top) + window.pad - taps, window.stride)
            first, last = self.at(bottom)
            first, last = np.where(rest, NOWHERE, first), np.where(rest, -NOWHERE, last)
        else:
            common = math.gcd(n, window.stride)
            n_top = size if self.shift is None else n // common
            shift = None if self.shift is None else self.shift * (window.stride // common)
            first, last = self.at(_column(n_top) * window.stride - window.pad + taps)
        return Intervals(first.min(axis=1), last.max(axis=1), shift)

    def union(self, other: Intervals, size: int) -> Intervals:
        """Return what either of two sees, for an axis of the given size."""
        if self.shift is not None and other.shift is not None:
            n = math.lcm(len(self.first), len(other.first))
            shift = self.shift * (n // len(self.first))
            if shift == other.shift * (n // len(other.first)):
                return self._joined(other, n, shift)
        return self._joined(other, size, None)

    def _joined(self, other: Intervals, n: int, shift: int | None) -> Intervals:
        """The hull with another one's intervals at positions 0 to n - 1."""
        positions = np.arange(n, dtype=np.int64)
        (first, last), (other_first, other_last) = self.at(positions), other.at(positions)
        return Intervals(np.minimum(first, other_first), np.maximum(last, other_last), shift)


def _column(n: int) -> np.ndarray:
    """0 to n - 1 as a column."""
    return np.arange(n, dtype=np.int64)[:, None]
