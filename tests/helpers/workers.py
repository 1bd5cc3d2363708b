"""How many workers share a run of the tests, and what each of them may take. Without pytest-xdist there is one."""

from __future__ import annotations

import os

#: Bytes that a worker needs at its largest.
MEMORY = 1.5e9
#: More have nothing left to do while the slowest test runs.
MOST = 8
COUNT = "PYTEST_XDIST_WORKER_COUNT"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def n_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def n_workers() -> int:
    """How many workers `-n auto` starts: one for each processor, as far as the memory goes."""
    by_memory = MOST
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):
        by_memory = int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / MEMORY)
    return max(1, min(n_processors(), by_memory, MOST))


def share_processors() -> None:
    """Let the threads of a worker, and of what it starts, be as many as its part of the processors."""
    if COUNT in os.environ:
        for name in THREADS:
            os.environ.setdefault(name, str(max(1, n_processors() // int(os.environ[COUNT]))))
