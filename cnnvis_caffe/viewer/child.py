"""Heavy work in a process of its own, so that it can be stopped at once and cannot take the window with it."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import pickle
import threading
import time
import traceback
from typing import Any

from cnnvis_caffe.errors import Cancelled, CnnvisError
from cnnvis_caffe.progress import Progress

#: Seconds between two looks at the child.
LOOK_EVERY = 0.05
#: Seconds that a child has to clean up after it was told to stop.
GRACE = 4.0


class ChildError(CnnvisError):
    """An error in a child process that cannot be passed on as it is; the message has its traceback."""


def run_in_child(module: str, name: str, arguments: dict[str, Any], progress: Progress) -> Any:
    """Call a function in a new process and wait for it.

    Parameters
    ----------
    module, name : str
        The function; it is also given `progress`.
    arguments : dict of str
        By keyword; must be picklable.
    progress : Progress
        Told what the child tells; when it raises `Cancelled` the child is stopped.

    Returns
    -------
    object
        What the function returned if that can be passed on, else None.

    Raises
    ------
    Cancelled
        If `progress` says so.
    CnnvisError
        What the function raised, or that the process died.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, module, name, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        return _listen(ours, process, progress)
    except BaseException:
        _stop(ours, process)
        raise
    finally:
        process.join(GRACE)
        if process.is_alive():
            process.kill()
            process.join()
        ours.close()
        process.close()


def _listen(connection: Any, process: Any, progress: Progress) -> Any:
    while True:
        if connection.poll(LOOK_EVERY):
            try:
                kind, *values = connection.recv()
            except EOFError:
                process.join(GRACE)
                raise ChildError(
                    f"the process that did the work died with exit code {process.exitcode}; "
                    "is there enough memory? Less images at once need less"
                ) from None
            if kind == "result":
                return values[0]
            if kind == "error":
                raise values[0] if isinstance(values[0], BaseException) else ChildError(values[0])
            getattr(progress, kind)(*values)
        else:
            progress.step(0)  # raises when the user wants no more


def _stop(connection: Any, process: Any) -> None:
    """Ask the child to stop, so that it keeps what it has; end it if it does not."""
    try:
        connection.send("stop")
        end = time.monotonic() + GRACE
        while process.is_alive() and time.monotonic() < end:
            while connection.poll(0):
                connection.recv()
            process.join(LOOK_EVERY)
    except (OSError, EOFError):
        pass
    if process.is_alive():
        process.terminate()


class _Teller:
    """The child's progress: tells the parent at most 20 times a second."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._stopped = threading.Event()
        self._steps, self._last = 0, 0.0
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        with contextlib.suppress(EOFError, OSError):  # then the window is gone
            self._connection.recv()
        self._stopped.set()

    def start(self, total: int, what: str) -> None:
        self._flush()
        self._connection.send(("start", total, what))

    def step(self, n: int = 1) -> None:
        self._steps += n
        if time.monotonic() - self._last >= LOOK_EVERY:
            self._flush()
        if self._stopped.is_set():
            raise Cancelled

    def done(self) -> None:
        self._flush()
        self._connection.send(("done",))

    def _flush(self) -> None:
        if self._stopped.is_set():
            raise Cancelled
        if self._steps:
            self._connection.send(("step", self._steps))
        self._steps, self._last = 0, time.monotonic()


def _can_travel(value: Any) -> bool:
    """Whether a value can be sent to another process; an open analysis, for one, cannot."""
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:  # noqa: BLE001 - whatever pickling raises, the answer is no
        return False
    return True


def _child(connection: Any, module: str, name: str, arguments: dict[str, Any]) -> None:
    """What the new process does."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    try:
        function = getattr(importlib.import_module(module), name)
        result = function(**arguments, progress=_Teller(connection))
        connection.send(("result", result if _can_travel(result) else None))
    except Cancelled:
        connection.close()
    except BaseException as error:  # noqa: BLE001 - it travels through the pipe
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        told = error if _can_travel(error) else f"{error}\n\n{text}" if isinstance(error, CnnvisError) else text
        connection.send(("error", told))
