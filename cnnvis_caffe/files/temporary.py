"""Names of what is being written, and what becomes of it when the process that wrote it was killed."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import socket
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Endings of what is being written, and of what is replaced until the new one stands.
WRITTEN, REPLACED = "tmp", "old"
#: What nobody has touched for so long is abandoned, whichever machine or version wrote it.
_ABANDONED_S = 24 * 3600
_REST_OF_NAME = re.compile(r"(?:(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)\.)?[0-9a-f]{8}\.(?P<ending>tmp|old)")


def temporary_path(target: Path, ending: str = WRITTEN) -> Path:
    """Return a name beside a target that nobody else takes; it says which process of which machine writes there.

    Parameters
    ----------
    target : Path
        File or folder that is to be written.
    ending : {"tmp", "old"}, default="tmp"
        What is being written, or what is replaced.
    """
    return target.with_name(f".{target.name}.{process_mark()}.{uuid.uuid4().hex[:8]}.{ending}")


@contextmanager
def temporary_folder(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a folder beside a target, to write in; it is gone when the block ends.

    Parameters
    ----------
    target : str or path-like
        What the folder is for. What killed processes left of the same target is swept first.

    Yields
    ------
    pathlib.Path

    Raises
    ------
    OSError
        If it cannot be made.
    """
    target = Path(target)
    sweep(target)
    folder = temporary_path(target)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(target: str | os.PathLike[str]) -> None:
    """Remove what killed processes left of a target, and put back what one of them had only just set aside.

    Parameters
    ----------
    target : str or path-like
        File or folder whose leftovers are wanted; those of other targets stay, and what a living process writes.
    """
    target = Path(target)
    start = f".{target.name}."
    try:
        names = os.listdir(target.parent)
    except OSError:
        return
    for name in names:
        match = _REST_OF_NAME.fullmatch(name, len(start)) if name.startswith(start) else None
        if match is None:
            continue
        leftover = target.with_name(name)
        # Somebody else may sweep the same leftovers at the same time, or own them.
        with contextlib.suppress(OSError):
            if not _is_abandoned(leftover, match["machine"], match["pid"]):
                continue
            if match["ending"] == REPLACED and not os.path.lexists(target):
                os.rename(leftover, target)
            else:
                remove(leftover)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def process_mark() -> str:
    """Return the name of this process among those of all machines: eight digits of the machine, and the number."""
    return f"{_machine()}-{os.getpid()}"


def has_ended(mark: str, path: str | os.PathLike[str]) -> bool:
    """Return whether the process that wrote a file is gone.

    Parameters
    ----------
    mark : str
        Of the process; see `process_mark`.
    path : str or path-like
        The file. One from before the machine started is nobody's any more, whoever has the number now.

    Raises
    ------
    OSError
        If the file is not there.
    """
    machine, _, pid = mark.partition("-")
    written = os.stat(path).st_mtime
    if machine == _machine() and pid.isdigit() and written < _started_at():
        return True
    return _is_abandoned(Path(path), machine, pid if pid.isdigit() else None)


def _started_at() -> float:
    """When the machine started, in seconds since 1970; 0 where it does not say."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), 0.0)


def _is_abandoned(path: Path, machine: str | None, pid: str | None) -> bool:
    """Whether nobody writes there any more."""
    if machine == _machine() and os.name == "posix":
        return not _is_running(int(pid or 0))
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return time.time() - max(file.lstat().st_mtime for file in files) > _ABANDONED_S


def _is_running(pid: int) -> bool:
    """Whether there is such a process, be it somebody else's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@functools.cache
def _machine() -> str:
    """Eight digits for the machine, or the container, whose process numbers ours can be compared with."""
    try:
        processes = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        processes = 0
    return f"{zlib.crc32(f'{socket.gethostname()} {processes}'.encode()):08x}"
