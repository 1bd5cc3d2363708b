"""Says before an analysis that its images are prepared in the wrong way, where a trial shows it plainly."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cnnvis_caffe.analysis.model import Model, Nets
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.analysis.snapshots import SnapshotFile
from cnnvis_caffe.preparation.trial import try_preparations
from cnnvis_caffe.records.preparation import PreparationTrial
from cnnvis_caffe.records.task import CLASSES

logger = logging.getLogger(__name__)


def propose_preparation(
    request: Request, model: Model, snapshots: Sequence[SnapshotFile]
) -> PreparationTrial | None:
    """Try the usual ways to prepare images where nothing says how that is done, and warn if one is plainly better.

    Parameters
    ----------
    request : Request
    model : Model
    snapshots : sequence of SnapshotFile
        The last one is tried.

    Returns
    -------
    PreparationTrial or None
        None where it is known how images are prepared, or where there is nothing to try.
    """
    if model.unprepared is None or not request.weights or model.answers.task is not CLASSES or not model.score_name:
        return None
    if model.source.item != "image":
        return None
    net = Nets(model.network, request).with_weights(snapshots[-1])
    trial = try_preparations(
        net, model.source, model.input_name, model.score_name, "softmax", model.unprepared.means, model.label_name
    )
    if trial is not None and trial.best is not None:
        logger.warning(
            "%s: the images are %s prepared in the wrong way (%s): %s; try these options: %s",
            request.model,
            "probably" if trial.has_labels else "perhaps",
            ", ".join(trial.suspects),
            trial.reason,
            " ".join(trial.best.options),
        )
    return trial
