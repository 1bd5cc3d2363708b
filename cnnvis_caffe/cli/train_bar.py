"""The progress bar of training: iterations, loss, learning rate, time left."""

from __future__ import annotations

import sys
import time

import tqdm

from cnnvis_caffe.runtime.solvers import Solver
from cnnvis_caffe.runtime.solvers.callback import Callback

#: How often the loss is asked for.
SECONDS_BETWEEN_LOOKS = 0.5


class TrainBar(Callback):
    """A bar on stderr that moves with a solver.

    Parameters
    ----------
    first, last : int
        Iterations between which training runs.
    """

    def __init__(self, first: int, last: int) -> None:
        self._bar = tqdm.tqdm(total=last, initial=first, unit="it", file=sys.stderr, leave=False, dynamic_ncols=True)
        self._next_look = 0.0

    def on_updated(self, solver: Solver) -> None:
        """Move on by an iteration."""
        now = time.monotonic()
        if now >= self._next_look:  # a GPU is waited for then
            self._bar.set_postfix_str(f"loss {solver.smoothed_loss:.4g}, lr {solver.rate:.3g}", refresh=False)
            self._next_look = now + SECONDS_BETWEEN_LOOKS
        self._bar.update()

    def write(self, line: str) -> None:
        """Write a line above the bar."""
        self._bar.write(line, file=sys.stderr)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()
