"""Signals that ask a solver for something: Ctrl-C and SIGTERM to stop, SIGHUP for a snapshot."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

from cnnvis_caffe.cli.interrupt import handling
from cnnvis_caffe.runtime.solvers import Action

#: Not every system has it.
SIGHUP = getattr(signal, "SIGHUP", None)


class SignalWatch:
    """Notes signals inside its block; the solver asks between iterations whether one has come.

    Parameters
    ----------
    sigint_effect, sighup_effect : Action
        What each signal asks for. SIGTERM asks to stop, whatever these are: whoever sends it ends the process anyway.

    Attributes
    ----------
    stopped_by : int or None
        The signal that asked to stop.

    Notes
    -----
    Follows `src/caffe/util/signal_handler.cpp`, which leaves SIGTERM alone, so that it ends Caffe at once. A second
    Ctrl-C does not wait: it raises KeyboardInterrupt.
    """

    def __init__(self, sigint_effect: Action, sighup_effect: Action) -> None:
        # SIGHUP first, as in Caffe.
        self._effects = {
            number: effect
            for number, effect in (
                (SIGHUP, sighup_effect), (signal.SIGINT, sigint_effect), (signal.SIGTERM, Action.STOP)
            )
            if number
        }  # fmt: skip
        self._block = handling(self._effects, self._note)
        self._seen: set[int] = set()
        self.stopped_by: int | None = None

    def __enter__(self) -> SignalWatch:
        self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._block.__exit__(kind, error, traceback)

    def requested(self) -> Action:
        """Return what a signal has asked for since the last time."""
        for number, effect in self._effects.items():
            if number in self._seen:
                self._seen.discard(number)
                return effect
        return Action.NONE

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal."""
        if self._effects[number] is Action.STOP:
            if number == signal.SIGINT and self.stopped_by == number:
                raise KeyboardInterrupt
            self.stopped_by = number
        self._seen.add(number)
