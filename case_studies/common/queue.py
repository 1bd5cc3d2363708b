"""Run many trainings, some at a time, each in a process of its own; what was stopped goes on later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from case_studies.common.training import RESULT, Options
from cnnvis_caffe.processes import environment, python_words

ROOT = Path(__file__).resolve().parents[2]
#: Seconds that trainings have to write a snapshot when their time is over; then they are killed.
GRACE = 20


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes
    ----------
    solver : str
    folder : Path
        Of the run.
    seed : int
    options : Options
    module : str
        What trains, with the command line of `case_studies.common.training`.
    """

    solver: str
    folder: Path
    seed: int
    options: Options = Options()
    module: str = "case_studies.common.training"


def run_all(
    jobs: Sequence[Job],
    data: Path,
    *,
    n_at_once: int = 1,
    threads: int = 0,
    seconds: float = float("inf"),
    on_result: Callable[[Job], None] = lambda job: None,
) -> bool:
    """Run what has no result yet, in the given order.

    Parameters
    ----------
    jobs : sequence of Job
    data : Path
        Folder with the databases.
    n_at_once : int, default=1
        Processes. Two of one thread get more done than one of two.
    threads : int, default=0
        Of each process; 0 for its share of the cores.
    seconds : float, default=inf
        When these are over, all trainings write a snapshot and stop.
    on_result : callable, optional
        Told of each training that has ended.

    Returns
    -------
    bool
        Whether all have a result now.

    Raises
    ------
    RuntimeError
        If a training failed, with the end of its log.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs would not hear the first
        signal.signal(number, signal.default_int_handler)
    end = time.monotonic() + seconds
    waiting = [job for job in jobs if not (job.folder / RESULT).exists()]
    threads = threads or max(1, (os.cpu_count() or 1) // n_at_once)
    running: dict[subprocess.Popen, Job] = {}
    n_done = len(jobs) - len(waiting)
    try:
        while (waiting or running) and time.monotonic() < end:
            while waiting and len(running) < n_at_once:
                job = waiting.pop(0)
                running[_start(job, data.resolve(), threads)] = job
            process = _next_to_end(list(running), end)
            if process is None:
                break
            job = running.pop(process)
            if process.returncode:
                raise RuntimeError(
                    f"{job.folder}: the training ended with {process.returncode}; the end of training.log there:\n"
                    + "\n".join((job.folder / "training.log").read_text().splitlines()[-12:])
                )
            on_result(job)
            n_done += 1
            print(f"{n_done} of {len(jobs)}: {job.folder}", file=sys.stderr)
    finally:
        _stop(list(running))
    return all((job.folder / RESULT).exists() for job in jobs)


def _start(job: Job, data: Path, threads: int) -> subprocess.Popen:
    """Start a training."""
    job.folder.mkdir(parents=True, exist_ok=True)
    words = python_words(job.module, job.solver, str(job.folder.resolve()), folders=[ROOT])
    words += ["--data", str(data), "--seed", str(job.seed), *replace(job.options, threads=threads).words()]
    surroundings = environment(OMP_NUM_THREADS=str(threads))
    with open(job.folder / "training.log", "ab") as log:
        # Of its own group: Ctrl-C on the terminal comes to us, and we pass it on.
        return subprocess.Popen(words, cwd=ROOT, env=surroundings, stdout=log, stderr=log, start_new_session=True)


def _next_to_end(processes: Sequence[subprocess.Popen], end: float) -> subprocess.Popen | None:
    """Wait for one of some processes; None if time is over first."""
    while time.monotonic() < end:
        for process in processes:
            try:
                process.wait(timeout=0.5 / len(processes))
                return process
            except subprocess.TimeoutExpired:
                pass
    return None


def _stop(processes: Sequence[subprocess.Popen]) -> None:
    """Ask trainings for a snapshot, and end those that take too long."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    end = time.monotonic() + GRACE
    for process in processes:
        try:
            process.wait(timeout=max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
