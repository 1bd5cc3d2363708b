"""The passes over the data on Dask's workers: images are cut into parts, sums come back and are added up as a tree."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnvis_caffe.analysis.cluster import open_cluster
from cnnvis_caffe.analysis.cluster_task import ClusterJob, TaskError, add, sum_up
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.analysis.run import Run
from cnnvis_caffe.errors import ClusterError
from cnnvis_caffe.progress import SILENT, Progress

#: Parts for each worker: more even out what workers take, and less is done again where one is lost.
_PARTS_PER_WORKER = 4
#: Snapshots that are given out at once, so that no worker waits while the sums of one are added up.
_SNAPSHOTS_AT_ONCE = 2
_SECONDS_BETWEEN_LOOKS = 0.05


def passes_on_cluster(run: Run, progress: Progress = SILENT) -> None:
    """Run all images through all snapshots; `run.found` has what came out.

    Parameters
    ----------
    run : Run
        What it has of snapshots that are not done yet is not used.
    progress : Progress, default=SILENT
        Told of images. What it raises ends the work; the sums of snapshots that are done are kept.

    Raises
    ------
    MissingDependencyError, ClusterError
        If Dask is not installed, its workers cannot be reached, or the network cannot be run there.
    """
    request = run.request
    with open_cluster(request.workers, request.scheduler, request.device) as client:
        settings = tuple(sorted(run.settings.items()))
        job = ClusterJob(_request_for_workers(request), settings, f"cnnvis_caffe-{uuid.uuid4().hex}")
        work = _Passes(client, job, _parts(len(run.indices), _n_workers(client), run.batch))
        waiting = [number for number in range(len(run.snapshots)) if not run.is_done(number)]
        with work.until_the_end():
            for position, number in enumerate(waiting):
                for ahead in waiting[position : position + _SNAPSHOTS_AT_ONCE]:
                    work.give_out(ahead)
                run.accept(number, work.result(number, run.name_of(number), len(run.indices), progress))


def _n_workers(client: Any) -> int:
    """How many there are now."""
    return len(client.scheduler_info()["workers"])


def _parts(n_images: int, n_workers: int, batch: int) -> list[tuple[int, int]]:
    """First and last image of each part, whole batches of them."""
    n_batches = -(-n_images // batch)
    n_parts = max(1, min(n_batches, n_workers * _PARTS_PER_WORKER))
    cuts = [min(n_images, batch * (n_batches * part // n_parts)) for part in range(n_parts)]
    return list(zip(cuts, [*cuts[1:], n_images]))


def _request_for_workers(request: Request) -> Request:
    """The same for processes that work in other folders."""

    def full(path: str) -> str:
        return str(Path(path).absolute()) if path and Path(path).exists() else path

    return replace(
        request, model=full(request.model), weights=tuple(map(full, request.weights)), data=full(request.data), log="",
        mean=full(request.mean), workers=None, scheduler="",
    )  # fmt: skip


class _Passes:
    """The tasks of an analysis, and what is known of how far they are."""

    def __init__(self, client: Any, job: ClusterJob, parts: Sequence[tuple[int, int]]) -> None:
        self._client, self._job, self._parts = client, job, parts
        self._totals: dict[int, Any] = {}
        self._n_done: dict[tuple[int, int], int] = {}

    @contextlib.contextmanager
    def until_the_end(self) -> Iterator[None]:
        """Hear of progress inside the block, and leave nothing at work behind it."""
        import distributed

        self._client.subscribe_topic(self._job.name, self._note)
        try:
            yield
        except BaseException:
            with contextlib.suppress(Exception):
                distributed.Event(self._job.name, client=self._client).set()
            raise
        finally:
            with contextlib.suppress(Exception):
                self._client.unsubscribe_topic(self._job.name)
                self._client.cancel([total for total in self._totals.values() if total is not None])

    def _note(self, event: tuple[Any, dict[str, int]]) -> None:
        """Take in what a worker reports; one that is done again begins at 0."""
        said = event[1]
        self._n_done[said["number"], said["start"]] = said["n_done"]

    def give_out(self, number: int) -> None:
        """Give out the tasks of a snapshot, unless that was done."""
        if number in self._totals:
            return
        more = {"pure": False, "priority": -number, "retries": 0}
        row = [self._client.submit(sum_up, self._job, number, *part, **more) for part in self._parts]
        while len(row) > 1:
            pairs = zip(row[::2], row[1::2])
            added = [self._client.submit(add, self._job, number, *pair, **more) for pair in pairs]
            row = added + (row[-1:] if len(row) % 2 else [])
        self._totals[number] = row[0]

    def result(self, number: int, what: str, n_images: int, progress: Progress) -> dict[str, Any]:
        """Wait for the sums of a snapshot."""
        total = self._totals[number]
        progress.start(n_images, what)
        n_told = 0
        while not total.done():
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            n_done = sum(n for (other, _), n in [*self._n_done.items()] if other == number)
            progress.step(max(0, n_done - n_told))  # 0 as well: that is how it is asked whether to stop
            n_told = max(n_told, n_done)
        try:
            sums: dict[str, Any] = total.result()
        except TaskError as error:
            raise ClusterError(f"on a worker: {error}") from error
        except Exception as error:  # noqa: BLE001 - whatever a worker or Dask itself raises
            raise ClusterError(f"on a worker: {type(error).__name__}: {' '.join(str(error).split())[:300]}") from error
        progress.step(n_images - n_told)
        progress.done()
        self._totals[number] = None
        total.release()
        return sums
