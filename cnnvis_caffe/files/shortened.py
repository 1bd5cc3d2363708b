"""Protects a process from files that another one shortens while they are mapped into memory.

Reading behind the new end raises no exception: the system sends SIGBUS, which ends the process without a word. It
cannot be foreseen either, since the file may become shorter between any check and the reading itself.
"""

from __future__ import annotations

import os
import signal
from typing import NamedTuple


class _File(NamedTuple):
    inode: int
    size: int


_MAPPED: dict[str, _File] = {}
_kept: list[object] = []


def note_mapped(path: str, status: os.stat_result) -> None:
    """Remember a file that is mapped, so that the error can name it.

    Parameters
    ----------
    path : str
    status : os.stat_result
        Of the open file.
    """
    _MAPPED[path] = _File(status.st_ino, status.st_size)


def end_with_an_error() -> None:
    """From now on, let SIGBUS end this process with one line on stderr and status 1.

    For programs of our own only: a library must leave the signals of its process alone.
    """
    if not hasattr(signal, "SIGBUS"):
        return
    import ctypes

    # Python's own handlers run once the instruction is done, which here never is. A function of C's kind runs at once.
    handler_type = ctypes.CFUNCTYPE(None, ctypes.c_int)
    handler = handler_type(_end)
    set_handler = ctypes.CDLL(None).signal
    set_handler.argtypes, set_handler.restype = [ctypes.c_int, handler_type], ctypes.c_void_p
    set_handler(signal.SIGBUS, handler)
    _kept.append(handler)


def _end(number: int) -> None:
    """Say which file it was and leave: nothing else can be trusted to run."""
    try:
        os.write(2, f"Error: {_message()}\n".encode("utf-8", "backslashreplace"))
    finally:
        os._exit(1)


def _message() -> str:
    """Name the files that are shorter than they were."""
    names = [path for path, known in _MAPPED.items() if _is_shorter(path, known)]
    if names:
        return f"{', '.join(map(repr, names))}: became shorter while it was read; try again when it is whole"
    return "a part of a file can no longer be read; check the disk and the files"


def _is_shorter(path: str, known: _File) -> bool:
    """Whether it is still the same file, and not as long as before."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return status.st_ino == known.inode and status.st_size < known.size
