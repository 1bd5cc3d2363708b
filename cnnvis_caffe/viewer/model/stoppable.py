"""Progress that nobody watches, but that stops the work when it is told to."""

from __future__ import annotations

from cnnvis_caffe.errors import Cancelled


class Stoppable:
    """A `Progress` that raises `Cancelled` from the next call on, once it was cancelled."""

    def __init__(self) -> None:
        self._is_cancelled = False

    def cancel(self) -> None:
        """Let the next call from the work raise `Cancelled`."""
        self._is_cancelled = True

    def start(self, total: int, what: str) -> None:
        """Begin something."""
        self.step()

    def step(self, n: int = 1) -> None:
        """Take `n` steps."""
        if self._is_cancelled:
            raise Cancelled

    def done(self) -> None:
        """End what was begun last."""
        self.step()
