"""Does heavy work in a process of its own, so that it can be stopped at once and cannot take the window with it.

A plain child with two pipes: work and "stop" (its end of file) go in, progress and the result come out. Nothing of the
program that opened the window is run again in it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
import traceback
from typing import Any, BinaryIO

from cnnvis_caffe.errors import Cancelled, CnnvisError
from cnnvis_caffe.processes import environment, python_code
from cnnvis_caffe.progress import Progress

#: Seconds between two looks at the child.
LOOK_EVERY = 0.05
#: Seconds that a child has to clean up after it was told to stop.
GRACE = 4.0
_START = "from cnnvis_caffe.viewer.work.child import serve; serve()"


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
    process = subprocess.Popen(python_code(_START), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    assert process.stdin is not None and process.stdout is not None
    told: queue.Queue = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, told), daemon=True)
    reader.start()
    try:
        with contextlib.suppress(BrokenPipeError):  # it died at once; the exit code says more
            process.stdin.write(pickle.dumps((module, name, arguments)))
            process.stdin.flush()
        return _listen(told, process, progress)
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()  # "stop", for a child that still works
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(GRACE)
        process.stdout.close()


def _read(stream: BinaryIO, told: queue.Queue) -> None:
    """Pass on what the child says until it says no more."""
    while True:
        try:
            told.put(pickle.load(stream))
        except (EOFError, OSError, pickle.UnpicklingError, ValueError):
            told.put(("end",))
            return


def _listen(told: queue.Queue, process: subprocess.Popen, progress: Progress) -> Any:
    while True:
        try:
            kind, *values = told.get(timeout=LOOK_EVERY)
        except queue.Empty:
            progress.step(0)  # raises when the user wants no more
            continue
        if kind == "result":
            return values[0]
        if kind == "error":
            raise values[0] if isinstance(values[0], BaseException) else ChildError(values[0])
        if kind == "end":
            code = process.wait(GRACE)
            raise ChildError(
                f"the process that did the work died with exit code {code}. "
                "Is there enough memory? Fewer images at a time need less."
            )
        getattr(progress, kind)(*values)


class _Teller:
    """The child's progress: tells the parent at most 20 times a second."""

    def __init__(self, stream: BinaryIO, stopped: threading.Event) -> None:
        self._stream, self._stopped = stream, stopped
        self._steps, self._last = 0, 0.0

    def say(self, *message: Any) -> None:
        """Send a message."""
        pickle.dump(message, self._stream)
        self._stream.flush()

    def start(self, total: int, what: str) -> None:
        self._flush()
        self.say("start", total, what)

    def step(self, n: int = 1) -> None:
        self._steps += n
        if time.monotonic() - self._last >= LOOK_EVERY:
            self._flush()
        if self._stopped.is_set():
            raise Cancelled

    def done(self) -> None:
        self._flush()
        self.say("done")

    def _flush(self) -> None:
        if self._stopped.is_set():
            raise Cancelled
        if self._steps:
            self.say("step", self._steps)
        self._steps, self._last = 0, time.monotonic()


def serve() -> None:
    """Do the work that the parent sends; what the new process runs."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    # Libraries that print must not come between the messages.
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    module, name, arguments = pickle.load(sys.stdin.buffer)
    stopped = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.buffer.read()
        stopped.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    teller = _Teller(stream, stopped)
    code = 0
    try:
        function = getattr(importlib.import_module(module), name)
        result = function(**arguments, progress=teller)
        teller.say("result", result if _can_travel(result) else None)
    except (Cancelled, BrokenPipeError):
        code = 1
    except BaseException as error:  # noqa: BLE001 - it travels through the pipe
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        plain = f"{error}\n\n{text}" if isinstance(error, CnnvisError) else text
        teller.say("error", error if _can_travel(error) else plain)
        code = 1
    with contextlib.suppress(OSError):
        stream.close()
    # The waiting thread holds the lock of standard input, at which the interpreter's own end would stumble.
    os._exit(code)


def _can_travel(value: Any) -> bool:
    """Whether a value can be sent to another process; an open analysis, for one, cannot."""
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:  # noqa: BLE001 - whatever pickling raises, the answer is no
        return False
    return True
