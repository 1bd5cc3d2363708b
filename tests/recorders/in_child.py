"""Run something in a child process that may die, and keep what it gave until then."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable
from typing import Any


def states_from_child(run: Callable[[], Iterable[Any]]) -> tuple[list[Any], str]:
    """Run a generator in a child; give what it yielded and how it died ("" if it did not)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the backtrace of an abort
            try:
                for state in run():
                    pickle.dump(("state", state), pipe)
                    pipe.flush()
                pickle.dump(("end", ""), pipe)
            except Exception as error:  # noqa: BLE001 - a child tells its parent, whatever it was
                pickle.dump(("end", f"{type(error).__name__}: {error}"), pipe)
                pipe.flush()
                os._exit(1)
        os._exit(0)
    os.close(writer)
    states: list[Any] = []
    end = None
    with os.fdopen(reader, "rb") as pipe:
        while True:
            try:
                kind, value = pickle.load(pipe)
            except (EOFError, pickle.UnpicklingError):
                break
            if kind == "end":
                end = value
            else:
                states.append(value)
    _, status = os.waitpid(child, 0)
    if end is None:
        end = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit status {status}"
    return states, end
