"""A process with a time limit, whose children end with it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run_child(
    words: Sequence[str],
    log: Path,
    seconds: float,
    environment: dict[str, str] | None = None,
    folder: Path = ROOT,
) -> str:
    """Run a command, in the repository's root unless told otherwise; what it says is appended to `log`.

    Returns
    -------
    str
        How it ended: "done", "error 3", "killed by SIGSEGV", "stopped after 20 s".
    """
    with log.open("ab") as file:
        child = subprocess.Popen(
            words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"stopped after {seconds:.0f} s"
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"error {code}" if code else "done"
