"""Gives memory back to the system, and keeps the search for garbage short."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

#: Blocks of so many bytes are the system's, and so much that is free at the end of the heap is kept.
LARGE_BYTES, SPARE_BYTES = 1 << 20, 8 << 20
#: Names in malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def keep_memory_together() -> None:
    """Let large blocks come from the system and go back to it at once, where the C library can (glibc).

    By itself it learns to keep them, such as pictures of the window, and small things that live on settle between them:
    a window at work would grow for minutes. To be called before there are other threads, which would each get a heap.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
            mallopt(_M_TRIM_THRESHOLD, SPARE_BYTES)
            mallopt(_M_ARENA_MAX, 2)


def give_memory_back() -> None:
    """Return to the system what was freed but is still held, where the C library can (glibc)."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def pass_over_modules() -> None:
    """Let nothing that is there now be searched for cycles, until something is closed.

    Nearly all of it are modules. To go through them takes as long as to draw a picture, and comes while one is drawn.
    To be called once, when they are loaded: what is there later may be garbage one day.
    """
    gc.collect(1)
    gc.freeze()


def search_modules_again() -> None:
    """Take back `pass_over_modules`, so that what is closed may go."""
    gc.unfreeze()
