"""Runs work beside the window: in threads, with progress, cancelled at will, its errors never lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from cnnvis_caffe.errors import Cancelled
from cnnvis_caffe.viewer.model.memory import search_modules_again
from cnnvis_caffe.viewer.qt import QObject, QThread, Signal
from cnnvis_caffe.viewer.work.thread_progress import REPORT_EVERY, ThreadProgress

logger = logging.getLogger(__name__)

#: Milliseconds that closing a window waits for its work to end.
PATIENCE_MS = 5000
#: Seconds between two steps of what is done while nothing is asked for.
IDLE_PAUSE_S = 0.02
#: Seconds in which the window may paint a quick answer before the work on the whole one goes on beside it.
SKETCH_PAUSE_S = 0.04
#: Nothing is prepared until the user has been quiet for so many seconds.
QUIET_S = 0.2


class Job(QThread):
    """One piece of work in a thread of its own.

    Signals
    -------
    progressed : (str, int, int)
        What is being done, how many steps are done, of how many.
    succeeded : object
        What the function returned.
    failed : object
        The exception that it raised; never `Cancelled`.
    stopped : ()
        It was cancelled.
    """

    progressed = Signal(str, int, int)
    succeeded = Signal(object)
    failed = Signal(object)
    stopped = Signal()

    def __init__(self, function: Callable[..., Any], *arguments: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._function: Callable[..., Any] | None = function
        self._arguments = arguments
        self.progress = ThreadProgress(self.progressed.emit)

    def cancel(self) -> None:
        """Ask it to stop; `stopped` follows as soon as the work looks."""
        self.progress.cancel()

    def run(self) -> None:
        """Do the work; called by Qt in the new thread."""
        assert self._function is not None  # it goes at the end only
        try:
            result = self._function(*self._arguments, self.progress)
        except Cancelled:
            self.stopped.emit()
        except BaseException as error:  # noqa: BLE001 - it travels by signal; nothing above us would ever see it
            logger.debug("work failed", exc_info=True)
            self.failed.emit(error)
        else:
            if self.progress.is_cancelled:
                self.stopped.emit()
            else:
                self.succeeded.emit(result)
        finally:
            self._function, self._arguments = None, ()  # whatever they hold may go


class Jobs(QObject):
    """The jobs of a window: keeps them alive while they run and ends them when it closes.

    Signals
    -------
    failed : object
        The exception of a job whose own `failed` nobody asked for.
    """

    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: set[Job] = set()

    def start(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        succeeded: Callable[[Any], None] | None = None,
        failed: Callable[[BaseException], None] | None = None,
        stopped: Callable[[], None] | None = None,
        progressed: Callable[[str, int, int], None] | None = None,
    ) -> Job:
        """Run `function(*arguments, progress)` in a thread; the answers arrive in this one."""
        job = Job(function, *arguments)
        if succeeded is not None:
            job.succeeded.connect(succeeded)
        job.failed.connect(failed if failed is not None else self.failed.emit)
        if stopped is not None:
            job.stopped.connect(stopped)
        if progressed is not None:
            job.progressed.connect(progressed)
        self._running.add(job)
        job.finished.connect(self._forget)
        job.start()
        return job

    def _forget(self) -> None:
        job = self.sender()
        self._running.discard(job)
        job.deleteLater()

    @property
    def n_running(self) -> int:
        """Return how many jobs are under way."""
        return len(self._running)

    def close(self, patience_ms: int = PATIENCE_MS) -> bool:
        """Cancel everything and wait; False if something is still running after that."""
        for job in self._running:
            for signal in (job.succeeded, job.failed, job.stopped, job.progressed, job.finished):
                try:
                    signal.disconnect()
                except TypeError:  # nothing was connected
                    continue
            job.cancel()
        ended = True
        for job in list(self._running):
            if job.wait(patience_ms):
                self._running.discard(job)
                job.deleteLater()
            else:
                logger.warning("work is still running after %d ms; it is left behind", patience_ms)
                _LEFT_BEHIND.append(job)
                ended = False
        self._running.clear()
        return ended


#: Threads that did not end in time: they must not be collected while they run, or Qt aborts the process.
_LEFT_BEHIND: list[QThread] = []


def _let_go() -> None:
    """Forget the threads left behind that have ended; it holds none of them, or they would stay for ever."""
    _LEFT_BEHIND[:] = [thread for thread in _LEFT_BEHIND if not thread.isFinished()]


class Latest(QObject):
    """Runs one request after the other and always the newest: those in between are never begun.

    Where the whole answer takes long, the function may have a method `sketch` that gives a quick one first, or None.
    While nothing is asked for, the function may prepare what is likely to be asked for next: its method `idle`, if it
    has one, returns an iterator of short steps, which is left behind as soon as a request comes.

    Signals
    -------
    answered : (object, object)
        The request and what the function returned; only for requests after which no newer one came.
    sketched : (object, object)
        Likewise, with the quick answer; the whole one follows.
    failed : (object, object)
        The request and the exception.
    busy_changed : bool
    progressed : (str, int, int)
        How far the answer is, where the function has an attribute `watch` to tell it: what is being done, steps done,
        of how many. What is told there also ends work that nobody waits for any more, by `Cancelled`.
    """

    answered = Signal(object, object)
    sketched = Signal(object, object)
    failed = Signal(object, object)
    busy_changed = Signal(bool)
    progressed = Signal(str, int, int)

    def __init__(self, function: Callable[[Any], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._function = function
        self._thread = _Loop(function)
        self._thread.ready.connect(self._take)
        self._thread.sketched.connect(self._take_sketch)
        self._thread.progressed.connect(self.progressed)
        self._number = 0
        self._is_busy = False
        self.touch()
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Return whether an answer is still to come."""
        return self._is_busy

    def request(self, request: Any) -> None:
        """Ask; whatever was asked before and is not answered yet is forgotten."""
        self._number += 1
        self._set_busy(True)
        self._thread.put(self._number, request)

    def touch(self) -> None:
        """Say that the user is at work: what is prepared meanwhile would make the window stumble."""
        self._thread.touched = time.monotonic()

    def _take(self, number: int, request: object, result: object, error: object) -> None:
        if number != self._number:
            return
        self._set_busy(False)
        if error is not None:
            self.failed.emit(request, error)
        else:
            self.answered.emit(request, result)

    def _take_sketch(self, number: int, request: object, result: object) -> None:
        if number == self._number:
            self.sketched.emit(request, result)

    def _set_busy(self, busy: bool) -> None:
        if busy != self._is_busy:
            self._is_busy = busy
            self.busy_changed.emit(busy)

    def close(self, patience_ms: int = PATIENCE_MS) -> bool:
        """Forget what is asked for and end the thread; False if it is still running after that.

        With a patience of 0 nobody waits: the thread ends when it is done with what it does.
        """
        search_modules_again()
        self._number += 1
        self._thread.put(0, None)
        if self._thread.wait(max(patience_ms, 1)):
            return True
        if not patience_ms:
            _LEFT_BEHIND.append(self._thread)
            self._thread.finished.connect(_let_go)
            if self._thread.isFinished():
                _let_go()
            return True
        logger.warning("a picture is still being made after %d ms; its thread is left behind", patience_ms)
        _LEFT_BEHIND.append(self._thread)
        return False


class _Loop(QThread):
    """A thread that waits for requests; number 0 ends it."""

    ready = Signal(int, object, object, object)
    sketched = Signal(int, object, object)
    progressed = Signal(str, int, int)

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function: Callable[[Any], Any] | None = function
        self._told = 0.0
        if hasattr(function, "watch"):
            function.watch = self._watch
        self._wanted: tuple[int, Any] | None = None
        self._condition = threading.Condition()
        self.touched = 0.0

    def put(self, number: int, request: Any) -> None:
        with self._condition:
            self._wanted = (number, request)
            self._condition.notify()

    def _watch(self, words: str, done: int, total: int) -> None:
        """Hear from the work how far it is; end it where another request came."""
        if self._wanted is not None:
            raise Cancelled
        now = time.monotonic()
        if now - self._told >= REPORT_EVERY:
            self._told = now
            self.progressed.emit(words, done, total)

    def run(self) -> None:
        while True:
            self._prepare()
            with self._condition:
                while self._wanted is None:
                    self._condition.wait()
                number, request = self._wanted
                self._wanted = None
            if number == 0:
                self._function = None
                return
            function = self._function
            assert function is not None  # it goes at the end only
            result = error = None
            try:
                sketch = getattr(function, "sketch", None)
                result = sketch(request) if sketch is not None else None
                if result is not None:
                    self.sketched.emit(number, request, result)
                with self._condition:
                    if result is not None and self._wanted is None:
                        self._condition.wait(SKETCH_PAUSE_S)
                    result = None
                    if self._wanted is not None:  # nobody waits for the whole of it any more
                        continue
                result = function(request)
            except Cancelled:
                if self._wanted is not None:
                    continue
                raise
            except BaseException as caught:  # noqa: BLE001 - it travels by signal
                logger.debug("request failed", exc_info=True)
                error = caught
            self.ready.emit(number, request, result, error)
            del request, result, error

    def _prepare(self) -> None:
        """Do idle work until a request comes."""
        idle = getattr(self._function, "idle", None)
        if idle is None:
            return
        steps = idle()
        while True:
            with self._condition:
                # The window comes first: it may draw between two steps, and at the beginning for a while.
                if self._wanted is None:
                    self._condition.wait(IDLE_PAUSE_S)
                if self._wanted is not None:
                    return
            if time.monotonic() - self.touched < QUIET_S:
                continue
            try:
                next(steps)
            except StopIteration:
                return
            except Exception:  # noqa: BLE001 - nobody asked for it; who does will be told
                logger.debug("preparing failed", exc_info=True)
                return
