"""Tells the window how far a thread is, and the thread to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cnnvis_caffe.errors import Cancelled

#: Seconds between two reports of progress: at most 20 a second.
REPORT_EVERY = 0.05


class ThreadProgress:
    """A `Progress` that reports to a function at most 20 times a second and stops the work when asked."""

    def __init__(self, report: Callable[[str, int, int], None]) -> None:
        self._report = report
        self._cancelled = threading.Event()
        self._stack: list[list] = []
        self._last = 0.0

    def cancel(self) -> None:
        """Let the next call from the work raise `Cancelled`."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Return whether it was told to stop."""
        return self._cancelled.is_set()

    def start(self, total: int, what: str) -> None:
        """Begin something of `total` steps."""
        self._check()
        self._stack.append([what, 0, total])
        self._tell(at_once=True)

    def step(self, n: int = 1) -> None:
        """Take `n` steps."""
        self._check()
        if self._stack:
            self._stack[-1][1] += n
            self._tell()

    def done(self) -> None:
        """End what was begun last."""
        self._check()
        if self._stack:
            self._stack.pop()

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def _tell(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._last >= REPORT_EVERY:
            self._last = now
            what, count, total = self._stack[-1]
            self._report(what, count, total)
