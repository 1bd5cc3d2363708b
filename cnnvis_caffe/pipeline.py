"""The table of contents: what happens to a trained network on its way to a picture, in order. Read this first.

    model, weights, data  --analyze-->  analysis file  --aggregation, layout, scene-->  picture

`analyze` runs images through each snapshot and writes an analysis file; `merge` makes one of shards. The steps are in
`cnnvis_caffe/analysis`. `top_patches` cuts what a neuron responds to from the images that are kept, and `deconvolve`
projects these back to the pixels, where the model is still there. From the file on,
`aggregation.aggregate`, `scene.picture.build_scene` and `render` follow each other; `cli/render.py` is the shortest
example.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnvis_caffe.analysis import assemble
from cnnvis_caffe.analysis.check_same import PIXELS, check_same
from cnnvis_caffe.analysis.deconvolution import deconvolve, python_layers_of
from cnnvis_caffe.analysis.model import Model, Nets, check_classes, check_weights, open_model, python_layers
from cnnvis_caffe.analysis.patches import top_patches
from cnnvis_caffe.analysis.request import Request, settings_of, sha256
from cnnvis_caffe.analysis.run import Run, merged
from cnnvis_caffe.analysis.snapshots import SnapshotFile, find_snapshots
from cnnvis_caffe.errors import Cancelled, StoreError
from cnnvis_caffe.formats.fork_choice import preferred_fork
from cnnvis_caffe.formats.training_log import read_training_log
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.store import check_writable, read_analysis
from cnnvis_caffe.store.state import AnalysisState, read_state, write_state

__all__ = [
    "PARTIAL",
    "Cancelled",
    "analyze",
    "deconvolve",
    "merge",
    "python_layers",
    "python_layers_of",
    "top_patches",
]

logger = logging.getLogger(__name__)

#: What is added to the name of an analysis file that is not finished.
PARTIAL = ".partial"


def analyze(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    log: str | os.PathLike[str] | None = None,
    engine: str = "torch",
    device: str = "cpu",
    batch: int | None = None,
    limit: int | None = None,
    top: int = 9,
    layers: Sequence[str] = (),
    contributions: str = "own",
    gradients: bool = True,
    scale: float | None = None,
    mean: str | os.PathLike[str] | Sequence[float] | None = None,
    channel_order: str = "",
    resize: bool = False,
    classes: Sequence[str] = (),
    score: str = "",
    stages: Sequence[str] = (),
    shard: tuple[int, int] = (1, 1),
    resume: bool = False,
    seed: int = 1,
    skip_damaged: bool = False,
    allow_python_layers: bool = False,
    progress: Progress = SILENT,
) -> Analysis | None:
    """Run images through a network and write down what its neurons do.

    Parameters
    ----------
    model : str or path-like
        Network prototxt; of a train_val network the TEST phase with its preprocessing.
    weights : str, path-like or sequence of them, or None
        Snapshots of one run, put in order by iteration; None for what the network's fillers give.
    data : str or path-like
        ``mnist:train``, an LMDB, a folder of class folders, an image list, an HDF5 or npz file.
    out : str or path-like
        File to write. What an interrupted run leaves lies beside it, with ``.partial`` behind its name.
    log : str or path-like, optional
        Training log.
    engine : {"torch", "caffe"}, default="torch"
    device : {"cpu", "cuda"}, default="cpu"
    batch : int, optional
        Images at once; by the size of the network if left out, so that memory stays bounded.
    limit : int, optional
        Images at most, each class in proportion.
    top : int, default=9
        Images to keep for each neuron.
    layers : sequence of str, optional
        Nodes to analyse; all with neurons if left out.
    contributions : {"own", "all", "none"}, default="own"
        To the score of each image's own class, of all classes as well, or not at all.
    gradients : bool, default=True
        Whether the gradients of the loss are summed.
    scale : float, optional
        Factor of the input, instead of the network's own.
    mean : str, path-like or sequence of float, optional
        Mean file, or one value for each channel, instead of the network's own.
    channel_order : {"", "RGB", "BGR"}, default=""
        What the network takes; images are turned to it where theirs is known.
    resize : bool, default=False
        Bring images to the network's size.
    classes : sequence of str, optional
        Names of the classes by label; each must have images then.
    score : str, default=""
        Layer with the scores, where it is not found.
    stages : sequence of str, optional
        For the layers' stage rules.
    shard : (int, int), default=(1, 1)
        Of n parts the i-th, counted from 1: `out` is then a shard, for `merge`.
    resume : bool, default=False
        Go on where an interrupted run with the same options stopped.
    seed : int, default=1
        For fillers.
    skip_damaged : bool, default=False
        Decode every image first, and leave out those that cannot be.
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.
    progress : Progress, default=SILENT
        May raise `Cancelled`: what was done is kept, for `resume`.

    Returns
    -------
    Analysis or None
        Opened from the file; None for a shard.

    Raises
    ------
    ConsentError
        If the network has Python layers whose code may not be run.
    CnnvisError
        If a file is missing or damaged, things do not fit, or `out` cannot be written; nothing is then half written.
    """
    request = Request(
        model=os.fspath(model),
        weights=_paths(weights),
        data=os.fspath(data),
        log=os.fspath(log) if log is not None else "",
        engine=engine,
        device=device,
        batch=batch,
        limit=limit,
        top=top,
        layers=tuple(layers),
        contributions=contributions,
        gradients=gradients,
        scale=scale,
        mean=_mean_text(mean),
        channel_order=channel_order,
        resize=resize,
        classes=tuple(classes),
        score=score,
        stages=tuple(stages),
        shard=(int(shard[0]), int(shard[1])),
        seed=seed,
        fork=preferred_fork(),
        skip_damaged=skip_damaged,
        allow_python_layers=allow_python_layers,
    )
    _check_options(request)
    out = os.fspath(out)
    check_writable(out)
    check_writable(out + PARTIAL)

    run = _prepare(request, out + PARTIAL, progress)
    if resume:
        run.resume()
    elif os.path.exists(run.state_path):
        logger.warning(
            "%s: an interrupted analysis left this; it begins anew and replaces it (--resume goes on)", run.state_path
        )
    nets = Nets(run.model.network, request)
    run.passes(nets, progress)
    if request.shard[1] > 1:
        write_state(out, run.state(whole=True))
        run.forget()
        return None
    try:
        assemble.write(run, nets, lambda number: run.found(number, nets), out, progress)
    except (Cancelled, KeyboardInterrupt):
        run.write()
        raise
    run.forget()
    return read_analysis(out)


def merge(
    shards: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    data: str | os.PathLike[str] | None = None,
    allow_python_layers: bool = False,
    progress: Progress = SILENT,
) -> Analysis:
    """Make an analysis file of shards.

    Parameters
    ----------
    shards : sequence of str or path-like
        All of them, in any order.
    out : str or path-like
        File to write.
    model, weights, data : optional
        Where these are now, if not where they were; they must be the same.
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.
    progress : Progress, default=SILENT

    Returns
    -------
    Analysis
        Opened from the file; the same as that of one pass, but for the rounding of sums.

    Raises
    ------
    CnnvisError
        If shards are missing, unfinished or do not belong together, or `out` cannot be written.
    """
    out = os.fspath(out)
    if any(os.path.realpath(path) == os.path.realpath(out) for path in shards):
        raise StoreError(out, "", "is one of the shards; name another file")
    check_writable(out)
    states = _checked_shards([read_state(path) for path in shards])
    stored = Request.from_json(states[0].request)
    request = Request.from_json(
        {
            **stored.to_json(),
            "shard": (1, 1),
            "model": stored.model if model is None else os.fspath(model),
            "weights": stored.weights if weights is None else _paths(weights),
            "data": stored.data if data is None else os.fspath(data),
        }
    )
    request = replace(request, allow_python_layers=allow_python_layers)
    run = _prepare(request, out + PARTIAL, progress)
    check_same(states[0], run.settings)
    if sum(state.n_images for state in states) != len(run.indices):
        raise StoreError(states[0].path, "n_images", f"the shards do not have {len(run.indices)} images together")
    run.seconds = sum(state.seconds for state in states)
    nets = Nets(run.model.network, request)
    assemble.write(run, nets, lambda number: merged(run, nets, states, number), out, progress)
    return read_analysis(out)


def _prepare(request: Request, state_path: str, progress: Progress) -> Run:
    """Open everything, and check that it fits before the work begins."""
    snapshots = find_snapshots(request.weights)
    curves = read_training_log(request.log) if request.log else ()
    opened = open_model(request, progress)
    check_weights(opened, snapshots)
    everything = opened.source.choose(request.limit)
    check_classes(request, opened, everything)
    return Run(
        request=request,
        model=opened,
        snapshots=snapshots,
        indices=opened.source.choose(request.limit, request.shard),
        settings={
            **settings_of(request, _data_words(opened), _checksums(request, snapshots)),
            PIXELS: opened.source.fingerprint(everything),
        },
        state_path=state_path,
        data_times=opened.source.times(),
        curves=curves,
    )


def _checksums(request: Request, snapshots: Sequence[SnapshotFile]) -> dict[str, str]:
    """Checksums of the model and the weights."""
    weights = {f"weights {number + 1}": snapshot.sha256 for number, snapshot in enumerate(snapshots)}
    return {"model": sha256(request.model), **weights}


def _data_words(model: Model) -> str:
    """What tells the data from others: how many of which class, and what is done to them."""
    source = model.source
    counts = np.bincount(source.labels, minlength=model.n_classes)
    return f"{source.n_images} images, {source.preprocessing}, by class {','.join(map(str, counts))}"


def _check_options(request: Request) -> None:
    """Refuse options that mean nothing."""
    number, n_shards = request.shard
    for name, wrong in (
        ("batch", request.batch is not None and request.batch < 1),
        ("top", request.top < 1),
        ("limit", request.limit is not None and request.limit < 1),
        ("device", request.device not in ("cpu", "cuda")),
        ("channel_order", request.channel_order not in ("", "RGB", "BGR")),
        ("contributions", request.contributions not in ("own", "all", "none")),
        ("shard", not 1 <= number <= n_shards),
    ):
        if wrong:
            raise ValueError(f"{name} cannot be {getattr(request, name)!r}")


def _paths(weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None) -> tuple[str, ...]:
    """One path or several as texts."""
    if weights is None:
        return ()
    if isinstance(weights, (str, os.PathLike)):
        return (os.fspath(weights),)
    return tuple(os.fspath(path) for path in weights)


def _mean_text(mean: str | os.PathLike[str] | Sequence[float] | None) -> str:
    """A mean as a text."""
    if mean is None:
        return ""
    if isinstance(mean, (str, os.PathLike)):
        return os.fspath(mean)
    return ",".join(repr(float(value)) for value in mean)


def _checked_shards(states: Sequence[AnalysisState]) -> list[AnalysisState]:
    """Shards by number; raises unless they are all there, finished, and of one analysis."""
    if not states:
        raise StoreError("shards", "", "there are none; name the files that analyze --shard wrote")
    first = states[0]
    n_shards = first.shard[1]
    by_number: dict[int, AnalysisState] = {}
    for state in states:
        check_same(state, dict(first.settings))
        number, others = state.shard
        if others != n_shards:
            raise StoreError(state.path, "shard", f"is one of {others}, but {first.path} is one of {n_shards}")
        if number in by_number:
            raise StoreError(state.path, "shard", f"{number}/{n_shards} is in {by_number[number].path} as well")
        if not state.is_complete:
            raise StoreError(state.path, "n_done", "is an unfinished shard; finish it with --resume")
        by_number[number] = state
    missing = [str(number) for number in range(1, n_shards + 1) if number not in by_number]
    if missing:
        raise StoreError(first.path, "shard", f"of {n_shards} shards, these are missing: {', '.join(missing)}")
    return [by_number[number] for number in sorted(by_number)]
