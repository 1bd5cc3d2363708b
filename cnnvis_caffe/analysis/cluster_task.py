"""The work of one of Dask's workers: the sums of some images, and two sums put together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from cnnvis_caffe.analysis.kept_sums import Sums
from cnnvis_caffe.analysis.model import Nets
from cnnvis_caffe.analysis.prepare import prepare_run
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.analysis.run import Run, new_extraction
from cnnvis_caffe.errors import Cancelled, CnnvisError
from cnnvis_caffe.progress import SILENT

_SECONDS_BETWEEN_REPORTS = 0.5


class TaskError(Exception):
    """An error of ours on a worker, as a message: not all of them can be sent."""


@dataclass(frozen=True)
class ClusterJob:
    """An analysis, as each of its tasks gets it.

    Attributes
    ----------
    request : Request
    settings : tuple of (str, str)
        What must be the same on all machines.
    name : str
        Under which workers report, and are told to stop.
    """

    request: Request
    settings: tuple[tuple[str, str], ...]
    name: str


class _OpenedByWorker:
    """What a worker has opened last, for the tasks that follow. One net computes at a time."""

    lock = threading.Lock()
    job: ClusterJob | None = None
    run: Run
    nets: Nets


def sum_up(job: ClusterJob, number: int, start: int, stop: int) -> dict[str, np.ndarray]:
    """Run some images through a snapshot.

    Parameters
    ----------
    job : ClusterJob
    number : int
        Of the snapshot, from 0.
    start, stop : int
        Which of the analysis's images.

    Returns
    -------
    dict of str to ndarray
        What the extraction has summed up.

    Raises
    ------
    TaskError
        If the network or the data cannot be opened or run here, or are not the same as elsewhere.
    """
    with _OpenedByWorker.lock:
        try:
            run, nets = _opened(job)
            part = replace(run, indices=run.indices[start:stop], n_done=[], state_path="")
            return dict(part.sums(number, nets, _Report(job.name, number, start)))
        except CnnvisError as error:
            raise TaskError(str(error)) from None


def add(job: ClusterJob, number: int, first: Sums, second: Sums) -> dict[str, np.ndarray]:
    """Put the sums of two parts of the images together.

    Parameters
    ----------
    job : ClusterJob
    number : int
        Of the snapshot, from 0.
    first, second : mapping of str to ndarray

    Returns
    -------
    dict of str to ndarray
    """
    with _OpenedByWorker.lock:
        try:
            run, nets = _opened(job)
            net = nets.with_weights(run.snapshots[number])
            total, part = (new_extraction(net, run.model, run.request) for _ in range(2))
            total.restore(first)
            part.restore(second)
            total.merge(part)
            return dict(total.state())
        except CnnvisError as error:
            raise TaskError(str(error)) from None


def _opened(job: ClusterJob) -> tuple[Run, Nets]:
    """Network and data, opened for the first task."""
    if _OpenedByWorker.job != job:
        _OpenedByWorker.job = None
        run = prepare_run(job.request, "", SILENT, settings=dict(job.settings))
        nets = Nets(run.model.network, job.request)
        run.group_images(nets)
        _OpenedByWorker.run, _OpenedByWorker.nets, _OpenedByWorker.job = run, nets, job
    return _OpenedByWorker.run, _OpenedByWorker.nets


class _Report:
    """Progress of one task: tells whoever waits for the analysis, and hears from them when it is to stop."""

    def __init__(self, name: str, number: int, start: int) -> None:
        import distributed

        self._tell: Callable[[str, Mapping[str, int]], object] = distributed.get_worker().log_event
        self._stop = distributed.Event(name, client=distributed.get_client())
        self._name, self._number, self._start = name, number, start
        self._n_done, self._told = 0, time.monotonic()

    def start(self, total: int, what: str) -> None:
        """Begin."""

    def step(self, n: int = 1) -> None:
        """Take `n` steps."""
        self._n_done += n
        if time.monotonic() - self._told > _SECONDS_BETWEEN_REPORTS:
            self._report()

    def done(self) -> None:
        """End."""
        self._report()

    def _report(self) -> None:
        """Tell, and stop where that was asked for."""
        self._told = time.monotonic()
        self._tell(self._name, {"number": self._number, "start": self._start, "n_done": self._n_done})
        if self._stop.is_set():
            raise Cancelled("cancelled")
