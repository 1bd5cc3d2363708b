"""Opening what a user or a user's file names: a file and nothing else, and at once.

A device may have no end, a pipe may never bring anything, and opening either may do something. So what a path leads to
is looked at first.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

#: So that a pipe which takes the file's place in between cannot hold anybody up.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
_KINDS = {
    stat.S_IFDIR: "folder",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def open_file(path: str | os.PathLike[str], *, buffering: int = -1) -> BinaryIO:
    """Open a file for reading bytes.

    Parameters
    ----------
    path : str or path-like
    buffering : int, default=-1
        As for `open`.

    Returns
    -------
    file

    Raises
    ------
    OSError
        If it is not there, may not be read, or is a folder, pipe, socket or device; `strerror` says which.
    """
    check_file(path)
    descriptor = os.open(path, _FLAGS)
    try:
        _check_mode(os.fstat(descriptor).st_mode, path)
        return open(descriptor, "rb", buffering)
    except BaseException:
        os.close(descriptor)
        raise


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Read a whole file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        As `open_file`.
    """
    with open_file(path) as file:
        return file.read()


def check_file(path: str | os.PathLike[str]) -> None:
    """Raise unless a path leads to a file, for libraries that open it themselves.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    OSError
        As `open_file`; whether it may be read is not looked at.
    """
    _check_mode(os.stat(path).st_mode, path)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Say whether a path leads to a file; never raises.

    Parameters
    ----------
    path : str or path-like
    """
    try:
        check_file(path)
    except (OSError, ValueError):
        return False
    return True


def is_own_file(path: str | os.PathLike[str]) -> bool:
    """Say whether a file has this one name only; never raises.

    Libraries of databases write into the folder that they open, and would write over what a link in it leads to.

    Parameters
    ----------
    path : str or path-like
    """
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _check_mode(mode: int, path: str | os.PathLike[str]) -> None:
    """Raise unless it is the mode of a file."""
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "special file")
        number = errno.EISDIR if kind == "folder" else errno.EINVAL
        raise OSError(number, f"it is a {kind}, not a file", os.fspath(path))
