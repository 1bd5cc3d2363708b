"""Ctrl-C and SIGTERM as something that work is told between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from cnnvis_caffe.errors import Cancelled
from cnnvis_caffe.progress import Progress


class Terminated(KeyboardInterrupt):
    """SIGTERM has come: like Ctrl-C, it leaves through every with statement."""


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM into `Terminated` inside the block, so that nothing is left half made."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Interruptible:
    """A `Progress` that raises `Cancelled` once a signal has come inside its block.

    Parameters
    ----------
    progress : Progress
        Who is told what this one is told.

    Attributes
    ----------
    stopped_by : int or None
        The signal.

    Notes
    -----
    A second Ctrl-C does not wait: it raises KeyboardInterrupt.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._before: dict[int, Any] = {}
        self.stopped_by: int | None = None

    def __enter__(self) -> Interruptible:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def start(self, total: int, what: str) -> None:
        """Begin something of `total` steps."""
        self._progress.start(total, what)
        self._check()

    def step(self, n: int = 1) -> None:
        """Take `n` steps."""
        self._progress.step(n)
        self._check()

    def done(self) -> None:
        """End what was begun last."""
        self._progress.done()

    def _check(self) -> None:
        """Stop here, if that was asked for."""
        if self.stopped_by is not None:
            raise Cancelled("interrupted")

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal."""
        if number == signal.SIGINT and self.stopped_by == number:
            raise KeyboardInterrupt
        self.stopped_by = number
