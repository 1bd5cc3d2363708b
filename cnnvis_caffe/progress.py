"""Progress of long work: it reports how far it is, and is told to stop."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What a stage tells about itself; an implementation may raise `Cancelled` from any method to stop it."""

    def start(self, total: int, what: str) -> None:
        """Begin something of `total` steps."""

    def step(self, n: int = 1) -> None:
        """Take `n` steps."""

    def done(self) -> None:
        """End what was begun last."""


class _Silent:
    """Tells nobody."""

    def start(self, total: int, what: str) -> None:
        pass

    def step(self, n: int = 1) -> None:
        pass

    def done(self) -> None:
        pass


#: The progress of work that nobody watches.
SILENT: Progress = _Silent()
