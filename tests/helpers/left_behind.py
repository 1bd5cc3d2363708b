"""What a process that was killed while it wrote leaves behind."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from cnnvis_caffe.files.temporary import temporary_path


@functools.cache
def ended_process():
    """Number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def left_behind(target: Path, *, ending="tmp", pid=None, folder=False, content=b"half") -> Path:
    """Leave a file, or a folder with one, beside a target; of a process that has ended unless a number is given."""
    path = temporary_path(target, ending)
    path = path.with_name(path.name.replace(f"-{os.getpid()}.", f"-{pid or ended_process()}."))
    if folder:
        path.mkdir()
    (path / "data.mdb" if folder else path).write_bytes(content)
    return path
