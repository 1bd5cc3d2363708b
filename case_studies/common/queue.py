"""Run many trainings, some at a time, each in a process of its own; Ctrl-C stops all of them, and they go on later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from case_studies.common.training import RESULT

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Job:
    """One training."""

    solver: str
    folder: Path
    seed: int


def run_all(jobs: Sequence[Job], data: Path, *, n_at_once: int = 1, iterations: int = 0, n_scored: int = 0) -> None:
    """Run what has no result yet.

    Parameters
    ----------
    jobs : sequence of Job
    data : Path
        Folder with the databases.
    n_at_once : int, default=1
        Processes; each has its share of the cores. Two of one thread get more done than one of two.
    iterations : int, default=0
        Instead of the solver's max_iter, if not 0.
    n_scored : int, default=0
        Score on so many images of each part; 0 for all.

    Raises
    ------
    RuntimeError
        If a training failed; its log is named.
    """
    waiting = [job for job in jobs if not (job.folder / RESULT).exists()]
    threads = max(1, (os.cpu_count() or 1) // n_at_once)
    running: dict[subprocess.Popen, Job] = {}
    n_done = len(jobs) - len(waiting)
    try:
        while waiting or running:
            while waiting and len(running) < n_at_once:
                job = waiting.pop(0)
                options = {"--threads": threads, "--iterations": iterations, "--n-scored": n_scored}
                running[_start(job, data.resolve(), options)] = job
            process = _next_to_end(list(running))
            job = running.pop(process)
            if process.returncode:
                raise RuntimeError(
                    f"{job.folder}: the training ended with {process.returncode}; see training.log there"
                )
            n_done += 1
            print(f"{n_done} of {len(jobs)}: {job.folder}", file=sys.stderr)
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.wait()


def _start(job: Job, data: Path, options: dict[str, int]) -> subprocess.Popen:
    """Start a training."""
    job.folder.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "case_studies.common.training", job.solver, str(job.folder.resolve())]
    words += ["--data", str(data), "--seed", str(job.seed)]
    words += [word for name, value in options.items() for word in (name, str(value))]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options["--threads"])}
    with open(job.folder / "training.log", "ab") as log:
        # Of its own group: Ctrl-C on the terminal comes to us, and we pass it on.
        return subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)


def _next_to_end(processes: Sequence[subprocess.Popen]) -> subprocess.Popen:
    """Wait for one of some processes."""
    while True:
        for process in processes:
            try:
                process.wait(timeout=0.5 / len(processes))
                return process
            except subprocess.TimeoutExpired:
                pass
