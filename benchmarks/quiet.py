"""Waiting until nobody else uses the machine, which other work may share."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")


def wait_for_quiet(seconds: float, allowed: float = 0.2) -> bool:
    """Wait until all cores together are busy for less than `allowed` of one core; at most so many seconds.

    Returns
    -------
    bool
        Whether it became quiet; True where the system does not tell.
    """
    if not STAT.exists():
        return True
    end = time.monotonic() + seconds
    while True:
        if _busy_cores(0.1) < allowed:
            return True
        if time.monotonic() > end:
            return False


def _busy_cores(seconds: float) -> float:
    """How many cores others used over the next moments, time taken by other virtual machines included."""
    before = _busy_seconds()
    start = time.monotonic()
    time.sleep(seconds)
    return (_busy_seconds() - before) / (time.monotonic() - start)


def _busy_seconds() -> float:
    """Processor time since boot of all cores, except idle and waiting for disks."""
    ticks = [int(word) for word in STAT.read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
