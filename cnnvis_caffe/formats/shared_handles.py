"""Handles of which a process may have one for each database, shared by all who read it."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any


class SharedHandles:
    """Opens each database once, and closes it when the last of its readers is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handles: dict[tuple[int, Hashable], Any] = {}
        self._n_readers: dict[tuple[int, Hashable], int] = {}
        self._gone: deque[tuple[int, Hashable]] = deque()

    def lend(self, reader: object, key: Hashable, open_: Callable[[], Any]) -> Any:
        """Return the handle of a database, open for as long as the reader lives.

        Parameters
        ----------
        reader : object
            Anything that can be referred to weakly.
        key : hashable
            Tells databases apart.
        open_ : callable
            Opens this one; what it returns has a method ``close``.

        Returns
        -------
        object
            What `open_` returned, now or earlier.
        """
        own = (os.getpid(), key)  # a child process must not use what its parent has opened
        with self._lock:
            self._close_unread()
            if own not in self._handles:
                self._handles[own] = open_()
                self._n_readers[own] = 0
            self._n_readers[own] += 1
            handle = self._handles[own]
        # Not when the interpreter ends: threads may be reading until the last moment, and the system closes files.
        weakref.finalize(reader, self._let_go, own).atexit = False
        return handle

    def _let_go(self, own: tuple[int, Hashable]) -> None:
        """Take note that a reader is gone; the garbage collector calls this at any moment, so it must not wait."""
        self._gone.append(own)
        if self._lock.acquire(blocking=False):
            try:
                self._close_unread()
            finally:
                self._lock.release()

    def _close_unread(self) -> None:
        """Close what nobody reads any more; the lock is held."""
        while self._gone:
            own = self._gone.popleft()
            self._n_readers[own] -= 1
            if not self._n_readers[own]:
                del self._n_readers[own]
                handle = self._handles.pop(own)
                if own[0] == os.getpid():
                    handle.close()
