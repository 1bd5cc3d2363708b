"""Functions that want to know of a change, in plain Python."""

from __future__ import annotations

from collections.abc import Callable


class Listeners:
    """Functions that are called, in order, when something has changed.

    It has the three methods of Qt's signals, so that a widget listens to a session as it listens to another widget.
    Unlike there, who goes before the session does must disconnect.
    """

    def __init__(self) -> None:
        self._functions: list[Callable[..., object]] = []

    def connect(self, function: Callable[..., object]) -> None:
        """Call a function from now on."""
        self._functions.append(function)

    def disconnect(self, function: Callable[..., object]) -> None:
        """Call it no more; ValueError if it was not connected."""
        self._functions.remove(function)

    def emit(self, *values: object) -> None:
        """Call all of them."""
        for function in tuple(self._functions):
            function(*values)
