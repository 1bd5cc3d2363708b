"""Reaches Dask's workers: those of a scheduler that is already there, or new ones on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

from cnnvis_caffe.errors import ClusterError, MissingDependencyError

#: Dask says much of lost workers, which it replaces.
_QUIET = logging.ERROR

#: Until a scheduler answers, and until it has a worker.
SECONDS_TO_CONNECT, SECONDS_FOR_WORKERS = 10.0, 60.0
#: What must be the same everywhere: what is computed with, and what objects are sent by.
_PACKAGES = ("python", "dask", "distributed", "cnnvis_caffe", "numpy", "torch")


@contextlib.contextmanager
def open_cluster(workers: int | None, scheduler: str, device: str) -> Iterator[Any]:
    """Reach Dask's workers inside the block.

    Parameters
    ----------
    workers : int or None
        Start so many on this machine, each a process.
    scheduler : str
        Address of a scheduler that is already there, such as ``tcp://10.0.0.5:8786``, or of a file that has it; taken
        where `workers` is None.
    device : {"cpu", "cuda"}
        On "cuda" each worker of this machine gets one GPU.

    Yields
    ------
    distributed.Client

    Raises
    ------
    MissingDependencyError
        If Dask is not installed.
    ClusterError
        If the scheduler is not there, has no workers, or other versions than here.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingDependencyError("distributed", "dask", "several workers") from error
    logging.getLogger("distributed").setLevel(_QUIET)
    with contextlib.ExitStack() as stack:
        if workers is not None:
            target: Any = stack.enter_context(_new_workers(distributed, workers, device))
        else:
            target = scheduler
        client = stack.enter_context(_connected(distributed, target, scheduler))
        _await_worker(client, scheduler)
        _check_versions(client.get_versions(packages=["cnnvis_caffe", "torch"]))
        yield client


def _new_workers(distributed: Any, count: int, device: str) -> Any:
    """A cluster on this machine, whose workers compute in one thread of Python each."""
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // count))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    gpus = visible.split(",") if visible else [str(index) for index in range(count)]
    pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # Dask's own pages, for this machine alone
    specs = {}
    for index in range(count):
        environment = {"OMP_NUM_THREADS": threads}
        if device == "cuda":
            environment["CUDA_VISIBLE_DEVICES"] = gpus[index % len(gpus)]
        options = {"nthreads": 1, "memory_limit": 0, "env": environment, "silence_logs": _QUIET, **pages}
        specs[index] = {"cls": distributed.Nanny, "options": options}
    own = {"cls": distributed.Scheduler, "options": {"host": "127.0.0.1", "port": 0, **pages}}
    try:
        return distributed.SpecCluster(workers=specs, scheduler=own, silence_logs=_QUIET)
    except RuntimeError as error:
        raise ClusterError(
            f"the {count} workers could not be started ({_short(error)}); a script that starts them must be a file "
            'whose work stands below: if __name__ == "__main__"'
        ) from error


def _connected(distributed: Any, target: Any, address: str) -> Any:
    """A client of a cluster."""
    try:
        is_file = isinstance(target, str) and os.path.isfile(target)
        where = {"scheduler_file": target} if is_file else {"address": target}
        return distributed.Client(**where, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError, KeyError) as error:
        raise ClusterError(
            f"{address}: no Dask scheduler answers there ({_short(error)}); start one with: dask scheduler, and give "
            "the address that it prints"
        ) from error


def _await_worker(client: Any, address: str) -> None:
    """Wait for the first worker."""
    try:
        client.wait_for_workers(1, timeout=SECONDS_FOR_WORKERS)
    except (TimeoutError, OSError) as error:
        raise ClusterError(
            f"{address or 'Dask'}: has no workers; start some with: dask worker {address} --nthreads 1"
        ) from error


def _check_versions(found: Mapping[str, Any]) -> None:
    """Refuse workers or a scheduler that have other versions than this process."""
    here = _versions(found["client"])
    for place, said in [("the scheduler", found["scheduler"]), *found["workers"].items()]:
        there = _versions(said)
        names = _PACKAGES if place != "the scheduler" else _PACKAGES[:3]  # which computes nothing
        for name in names:
            if there.get(name) != here.get(name):
                where = place if place == "the scheduler" else f"the worker {place}"
                raise ClusterError(
                    f"{where} has {name} {there.get(name) or 'not at all'}, but here it is "
                    f"{here.get(name) or 'not installed'}; install the same version everywhere"
                )


def _versions(said: Mapping[str, Any]) -> dict[str, str]:
    """What a node says of its versions; of Python the first two numbers count."""
    packages = said["packages"]
    return {**packages, "python": ".".join(str(packages.get("python")).split(".")[:2])}


def _short(error: BaseException) -> str:
    """An error in a few words."""
    return " ".join(str(error).split())[:150] or type(error).__name__
