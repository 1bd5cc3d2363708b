"""The losses of a training, some of which are still on the GPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnvis_caffe.runtime.solvers.smoothed_loss import SmoothedLoss

_F4 = np.float32


class LossLog:
    """Takes the losses of passes in, and brings those that are on the GPU when somebody wants to know.

    Parameters
    ----------
    fetch : callable
        Waits; gives the losses of all passes whose loss was not told, in order.
    tell : callable
        Is told the number of an iteration, and the losses from it on, once they are known.
    """

    def __init__(self, fetch: Callable[[], list[float]], tell: Callable[[int, list[float]], None]) -> None:
        self._fetch, self._tell = fetch, tell
        self._first_waiting = 0
        self._waiting: list[list[float | None]] = []
        self._last = 0.0
        self._smoothed = SmoothedLoss(1)

    def begin(self, window: int) -> None:
        """Begin a new mean over so many losses."""
        self._settle()
        self._smoothed = SmoothedLoss(window)

    def add(self, iteration: int, passes: list[float | None]) -> None:
        """Take in an iteration: the loss of each of its passes, None where it is still on the GPU."""
        if not self._waiting:
            self._first_waiting = iteration
        self._waiting.append(passes)
        if None not in passes:
            self._settle()

    @property
    def last(self) -> float:
        """Loss of the last iteration; waits for it."""
        self._settle()
        return self._last

    @property
    def smoothed(self) -> float:
        """Mean of the last losses; waits for them."""
        self._settle()
        return self._smoothed.value

    def _settle(self) -> None:
        """Bring what is still on the GPU."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        losses = []
        late = iter(self._fetch() if any(None in passes for passes in waiting) else ())
        for passes in waiting:
            loss = _F4(0)
            for value in passes:
                loss += _F4(next(late) if value is None else value)
            self._last = float(loss / _F4(len(passes)))
            self._smoothed.add(self._last)
            losses.append(self._last)
        self._tell(self._first_waiting, losses)
