"""Opens all that an analysis needs and checks that it fits, before the work begins."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from cnnvis_caffe.analysis.check_same import PIXELS
from cnnvis_caffe.analysis.model import Model, check_classes, check_weights, open_model
from cnnvis_caffe.analysis.propose import propose_preparation
from cnnvis_caffe.analysis.request import Request, settings_of, sha256
from cnnvis_caffe.analysis.run import Run
from cnnvis_caffe.analysis.snapshots import SnapshotFile, find_snapshots
from cnnvis_caffe.errors import ClusterError
from cnnvis_caffe.formats.training_log import read_training_log
from cnnvis_caffe.progress import Progress

logger = logging.getLogger(__name__)


def prepare_run(
    request: Request, state_path: str, progress: Progress, *, settings: Mapping[str, str] | None = None
) -> Run:
    """Open everything, and check that it fits before the work begins.

    Parameters
    ----------
    request : Request
    state_path : str
        Where the state of the run goes.
    progress : Progress
        Told of downloads.
    settings : mapping of str to str, optional
        Those of the analysis that this is a part of; then the images are not read to tell whether they are the same.

    Returns
    -------
    Run

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or things do not fit.
    """
    snapshots = find_snapshots(request.weights)
    curves = read_training_log(request.log) if request.log else ()
    opened = open_model(request, progress)
    if opened.why_no_error:
        logger.warning("%s; no error is counted", opened.why_no_error)
    check_weights(opened, snapshots)
    everything = opened.source.choose(request.limit)
    check_classes(request, opened, everything)
    own = settings_of(request, _data_words(opened), _checksums(request, snapshots))
    if settings is None:
        own[PIXELS] = opened.source.fingerprint(everything)
    else:
        own[PIXELS] = settings[PIXELS]
        _check_settings(own, settings)
    return Run(
        request=request,
        model=opened,
        snapshots=snapshots,
        indices=opened.source.choose(request.limit, request.shard),
        settings=own,
        state_path=state_path,
        data_times=opened.source.times(),
        curves=curves,
        preparation=propose_preparation(request, opened, snapshots) if settings is None else None,
    )


def _check_settings(own: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Refuse files that differ from those where the analysis was asked for."""
    for name, value in wanted.items():
        if own.get(name) != value:
            raise ClusterError(f"{name} is not the same here ({own.get(name)!r}) as where analyze runs ({value!r})")


def _checksums(request: Request, snapshots: Sequence[SnapshotFile]) -> dict[str, str]:
    """Checksums of the model and the weights."""
    weights = {f"weights {number + 1}": snapshot.sha256 for number, snapshot in enumerate(snapshots)}
    return {"model": sha256(request.model), **weights}


def _data_words(model: Model) -> str:
    """What tells the data from others: how many of which class, and what is done to them."""
    source = model.source
    counts = model.columns.count(np.arange(source.n_images))
    return f"{source.n_images} images, {source.preprocessing}, by class {','.join(map(str, counts))}"
