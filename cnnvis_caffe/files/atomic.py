"""Write files and folders so that a reader sees the old content or the new one, never half of it."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnvis_caffe.files.temporary import REPLACED, remove, sweep, temporary_folder, temporary_path


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place when the block ends well.

    Parameters
    ----------
    path : str or path-like
        File to write. Its folder must exist. A symbolic link is followed, so that the link stays one. What killed
        processes left of the same file is swept.

    Yields
    ------
    pathlib.Path
        Write here. After an exception in the block this file is removed and ``path`` is left as it was.
        Something that cannot be replaced, such as ``/dev/stdout``, is given as it is.

    Raises
    ------
    OSError
        If it cannot take its place.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        yield target
        return
    sweep(target)
    temporary = temporary_path(target)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if error.filename == os.fspath(temporary):
            error.filename, error.filename2 = os.fspath(path), None  # the name that was asked for
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file, whole or not at all; see `atomic_write`.

    Parameters
    ----------
    path : str or path-like
    content : bytes

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a folder beside ``path`` that takes its place, and that of a folder there, when the block ends well.

    Parameters
    ----------
    path : str or path-like
        Folder to write; its parent must exist. A symbolic link is followed.

    Yields
    ------
    pathlib.Path
        An empty folder. After an exception in the block it is removed and ``path`` is left as it was.

    Raises
    ------
    OSError
        If it cannot be made or cannot take its place.

    Notes
    -----
    Linux exchanges the two folders in one step, on its usual file systems. Elsewhere the old one is set aside until the
    new one stands; where the process is killed between the two, the next `sweep` of the same target puts it back.
    """
    target = Path(os.path.realpath(path))
    with temporary_folder(target) as temporary:
        yield temporary
        if not os.path.lexists(target):
            os.rename(temporary, target)
        elif not _exchange(temporary, target):
            _set_aside_and_rename(temporary, target)


def _exchange(temporary: Path, target: Path) -> bool:
    """Let two folders change their names in one step, where the system and the file system can."""
    if sys.platform != "linux":
        return False
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except AttributeError:  # a C library before glibc 2.28
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE: names and values are part of Linux' interface
    return renameat2(here, os.fsencode(temporary), here, os.fsencode(target), ctypes.c_uint(exchange)) == 0


def _set_aside_and_rename(temporary: Path, target: Path) -> None:
    """Put a folder in the place of another in two steps."""
    aside = temporary_path(target, REPLACED)
    os.rename(target, aside)
    try:
        os.rename(temporary, target)
    except BaseException:
        os.rename(aside, target)
        raise
    remove(aside)
