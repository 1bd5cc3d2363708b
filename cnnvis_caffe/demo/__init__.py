"""A network to look at that needs no download: LeNet, trained on scikit-learn's digits with our solver and analysed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from cnnvis_caffe import datasets, pipeline
from cnnvis_caffe.datasets.databases import write_image_set
from cnnvis_caffe.files.atomic import atomic_write
from cnnvis_caffe.formats.prototxt import read_solver
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.runtime.solvers import create_solver
from cnnvis_caffe.runtime.solvers.callback import Callback
from cnnvis_caffe.runtime.solvers.training_log import TrainingLog

HERE = Path(__file__).parent
ANALYSIS = "lenet_digits.cnnvis.h5"
_LOG = "training.jsonl"


def make_demo(folder: str | os.PathLike[str], *, again: bool = False, progress: Progress = SILENT) -> Path:
    """Train and analyse the network of the demo, unless that was done before.

    Parameters
    ----------
    folder : str or path-like
        Where everything goes: databases, network and solver, snapshots, log, analysis file. Made if it is not there.
    again : bool, default=False
        Begin anew.
    progress : Progress, default=SILENT
        May raise `Cancelled`; nothing that is half done counts the next time.

    Returns
    -------
    Path
        The analysis file.

    Raises
    ------
    CnnvisError
        If a file cannot be written, or a library is missing that training needs.
    """
    folder = Path(folder).resolve()
    result = folder / ANALYSIS
    if result.exists() and not again:
        return result
    result.unlink(missing_ok=True)  # what is half done counts for nothing the next time
    (folder / "snapshots").mkdir(parents=True, exist_ok=True)
    for split in datasets.SPLITS:
        write_image_set(datasets.load("digits", split), folder / f"digits_{split}_lmdb", overwrite=True)
    solver = _write_files(folder)
    _train(solver, folder, progress)
    pipeline.analyze(
        folder / "train_val.prototxt",
        sorted((folder / "snapshots").glob("*.caffemodel")),
        "digits:train",
        result,
        log=folder / _LOG,
        progress=progress,
    )
    return result


def _write_files(folder: Path) -> Path:
    """Network and solver; their paths count from where they lie, so that the folder can be moved. Return the solver."""
    for name in ("train_val.prototxt", "solver.prototxt"):
        with atomic_write(folder / name) as temporary:
            shutil.copyfile(HERE / name, temporary)
    return folder / "solver.prototxt"


def _train(path: Path, folder: Path, progress: Progress) -> None:
    """Train; snapshots of an earlier time are taken away first."""
    shutil.rmtree(folder / "snapshots")
    (folder / "snapshots").mkdir()
    (folder / _LOG).unlink(missing_ok=True)
    solver = create_solver(read_solver(str(path)))
    log = TrainingLog(folder / _LOG)
    progress.start(solver.param.max_iter, "training LeNet")
    solver.callbacks += [log, _Steps(progress)]
    log.start(solver)
    try:
        solver.solve()
    finally:
        log.close()
    progress.done()


class _Steps(Callback):
    """Tells of each iteration."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def on_updated(self, solver: Any) -> None:
        self._progress.step()
