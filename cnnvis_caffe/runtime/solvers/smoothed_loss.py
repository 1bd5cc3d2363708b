"""The mean of the last losses, as Caffe displays it."""

from __future__ import annotations

import numpy as np

_F4 = np.float32


class SmoothedLoss:
    """Running mean over a window of losses, in single precision and Caffe's order.

    Parameters
    ----------
    window : int
        `average_loss` of the solver, at least 1.

    Attributes
    ----------
    value : float
        The mean; 0 before the first loss.

    Notes
    -----
    `Solver::UpdateSmoothedLoss` in `src/caffe/solver.cpp`.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._losses: list[np.float32] = []
        self._mean = _F4(0)
        self._oldest = 0

    @property
    def value(self) -> float:
        """The mean; 0 before the first loss."""
        return float(self._mean)

    def add(self, loss: float) -> None:
        """Take in a loss."""
        new = _F4(loss)
        with np.errstate(all="ignore"):
            if len(self._losses) < self._window:
                self._losses.append(new)
                size = len(self._losses)
                self._mean = (self._mean * _F4(size - 1) + new) / _F4(size)
            else:
                self._mean += (new - self._losses[self._oldest]) / _F4(self._window)
                self._losses[self._oldest] = new
                self._oldest = (self._oldest + 1) % self._window
