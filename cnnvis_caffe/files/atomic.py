"""Write files and folders so that a reader sees the old content or the new one, never half of it."""

from __future__ import annotations

import os
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
    Folders cannot be exchanged in one step everywhere. So the old one is set aside until the new one stands; where the
    process is killed between the two, the next `sweep` of the same target puts the old one back.
    """
    target = Path(os.path.realpath(path))
    with temporary_folder(target) as temporary:
        yield temporary
        if not os.path.lexists(target):
            os.rename(temporary, target)
            return
        aside = temporary_path(target, REPLACED)
        os.rename(target, aside)
        try:
            os.rename(temporary, target)
        except BaseException:
            os.rename(aside, target)
            raise
        remove(aside)
