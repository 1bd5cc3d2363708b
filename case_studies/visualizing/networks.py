"""The networks that are looked at: those of others where they are there, else trained here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from case_studies.common.queue import ROOT, Job, run_all
from case_studies.common.training import Options

ZOO = "CNNVIS_ZOO_DIR"
MEAN = "cifar10_mean.binaryproto"


@dataclass(frozen=True)
class StudyNet:
    """A network with its data.

    Attributes
    ----------
    name : str
    model : str
        Deploy prototxt.
    snapshots : tuple of str
        Of one run, in their order.
    data : str
        Test images of what it was trained on.
    prepared : dict
        How images are prepared, as options of `cnnvis_caffe.api`.
    other : (str, str)
        Training and test images of another data set.
    has_digits : bool
        Whether `data` is MNIST, in which parts are found by rule.
    source : str
        Where it comes from, in words.
    """

    name: str
    model: str
    snapshots: tuple[str, ...]
    data: str
    prepared: dict[str, Any] = field(default_factory=dict)
    other: tuple[str, str] = ("", "")
    has_digits: bool = False
    source: str = ""


def networks(work: Path, data: Path, *, iterations: int = 0, seconds: float = float("inf")) -> list[StudyNet]:
    """Find LeNet and a CIFAR-10 network with eight snapshots, or train them.

    Parameters
    ----------
    work : Path
        Where trainings go.
    data : Path
        Folder with the databases.
    iterations : int, default=0
        Of such a training; 0 for what the solver says, at most 4000.
    seconds : float, optional
        For the trainings.

    Returns
    -------
    list of StudyNet
    """
    zoo = Path(os.environ[ZOO]) if os.environ.get(ZOO) else None
    lenet = zoo and zoo / "lenet" / "lenet_iter_10000.caffemodel"
    full = sorted(zoo.glob("cifar10_full_h5/*.caffemodel.h5")) if zoo else []
    jobs = []
    if not lenet or not lenet.exists():
        jobs.append(_job("lenet", work, iterations))
    if not full:
        jobs.append(_job("cifar10_quick", work, iterations))
    run_all(jobs, data, n_at_once=2, threads=1, seconds=seconds)
    ours = f"trained here, {iterations or 4000} iterations"
    in_zoo = "of somebody else's Caffe, as found"
    digits = StudyNet(
        "lenet", os.fspath(ROOT / "prototxt/lenet/deploy.prototxt"),
        (os.fspath(lenet),) if lenet and lenet.exists() else _snapshots(work / "lenet"),
        "mnist:test", {"scale": 0.00390625}, ("cifar10:train", "cifar10:test"), has_digits=True,
        source=in_zoo if lenet and lenet.exists() else ours,
    )  # fmt: skip
    name = "cifar10_full" if full else "cifar10_quick"
    mean = zoo / MEAN if zoo and full else data / MEAN
    photos = StudyNet(
        name, os.fspath(ROOT / f"prototxt/{name}/deploy.prototxt"),
        tuple(map(os.fspath, full)) or _snapshots(work / "cifar10_quick"),
        "cifar10:test", {"mean": os.fspath(mean)}, ("mnist:train", "mnist:test"), source=in_zoo if full else ours,
    )  # fmt: skip
    return [digits, photos]


def _job(name: str, work: Path, iterations: int) -> Job:
    """A training with snapshots on the way."""
    return Job(f"prototxt/{name}/solver.prototxt", work / name, 1, Options(iterations or 4000, n_scored=1000))


def _snapshots(folder: Path) -> tuple[str, ...]:
    """The snapshots of a run, eight at most, in their order."""
    found = sorted(folder.glob("net_iter_*.caffemodel"), key=lambda path: int(path.stem.rpartition("_")[2]))
    return tuple(map(os.fspath, found[-8:]))
