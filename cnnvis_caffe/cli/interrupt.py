"""Ctrl-C and SIGTERM as something that work is told between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from cnnvis_caffe.errors import Cancelled
from cnnvis_caffe.progress import Progress


class Terminated(KeyboardInterrupt):
    """SIGTERM has come: like Ctrl-C, it leaves through every with statement."""


@contextmanager
def handling(numbers: Iterable[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let a function handle some signals inside the block.

    Parameters
    ----------
    numbers : iterable of int
    handler : callable
        Called with the signal's number and the frame that it came in.
    """
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM into `Terminated` inside the block, so that nothing is left half made."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with handling([signal.SIGTERM], end):
        yield


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
        self._block = handling([signal.SIGINT, signal.SIGTERM], self._note)
        self.stopped_by: int | None = None

    def __enter__(self) -> Interruptible:
        self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._block.__exit__(kind, error, traceback)

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
