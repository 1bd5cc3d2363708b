"""From a model and data to an analysis file: the steps in their order."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from cnnvis_caffe.analysis import assemble
from cnnvis_caffe.analysis.model import Nets
from cnnvis_caffe.analysis.prepare import prepare_run
from cnnvis_caffe.analysis.request import PARTIAL, Request, mean_as_text, paths_of
from cnnvis_caffe.errors import Cancelled
from cnnvis_caffe.formats.fork_choice import preferred_fork
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.store import check_writable, read_analysis
from cnnvis_caffe.store.state import write_state

logger = logging.getLogger(__name__)


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
        weights=paths_of(weights),
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
        mean=mean_as_text(mean),
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
    check_options(request)
    out = os.fspath(out)
    check_writable(out)
    check_writable(out + PARTIAL)

    run = prepare_run(request, out + PARTIAL, progress)
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


def check_options(request: Request) -> None:
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
