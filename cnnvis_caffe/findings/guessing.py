"""Measures how far a network is from guessing, by its task: error and loss, or what the task is measured by."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.records.analysis import Snapshot
from cnnvis_caffe.records.measure import Measure
from cnnvis_caffe.records.task import CLASSES

#: By task, the measure that tells guessing from knowing, whatever share of the data a class or a yes has.
TELLING = {
    "labels": "area under ROC curve",
    "score": "area under ROC curve",
    "pairs": "area under ROC curve",
    "numbers": "rms error",
    "pixels": "intersection over union",
}


def telling_measure(look: Look, snapshot: Snapshot | None = None) -> Measure | None:
    """Return the measure that tells guessing from knowing; None for classes, which have error and loss."""
    name = TELLING.get(look.analysis.data.task, "")
    return next((one for one in (snapshot or look.snapshot).measures if one.name == name), None)


def learned_share(value: float, guess: float, is_better_high: bool) -> float:
    """Return how much of the way from guessing to perfect a measure has gone: 1 is all, below 0 is worse."""
    best = 1.0 if is_better_high else 0.0
    return (value - guess) / (best - guess) if guess != best else float("nan")


def level(look: Look, snapshot: Snapshot | None = None) -> str:
    """Return "guessing" or "worse" than that; empty where nothing is known or the network is better."""
    snapshot = snapshot or look.snapshot
    if look.analysis.data.task != CLASSES.name:
        return _level_by_measure(look, snapshot)
    if not look.analysis.data.columns_are_scores or look.analysis.data.n_classes < 2:
        return ""
    return _level_of_classes(look, snapshot)


def _level_by_measure(look: Look, snapshot: Snapshot) -> str:
    """By the measure of the task."""
    measure, limits = telling_measure(look, snapshot), look.thresholds
    if measure is None:
        return ""
    share = learned_share(measure.overall, measure.guess, measure.is_better_high)
    if not np.isfinite(share) or share > limits.learned_share:
        return ""
    return "worse" if share < -limits.worse_share else "guessing"


def _level_of_classes(look: Look, snapshot: Snapshot) -> str:
    """By error and loss; data that are mostly of one class are judged class by class."""
    limits, chance = look.thresholds, guess_error(look)
    loss = snapshot.loss / np.log(look.analysis.data.n_classes)
    if np.isfinite(snapshot.error):
        if snapshot.error < chance - limits.chance_error or _tells_apart(look, snapshot):
            return ""
        is_worse = snapshot.error > chance + limits.chance_error and loss > 1 + limits.chance_loss
        return "worse" if is_worse else "guessing"
    return "guessing" if loss >= 1 - limits.chance_loss else ""


def guess_error(look: Look) -> float:
    """Error of always naming the most frequent class; of data of one class, that of naming any class."""
    count = look.analysis.data.class_count
    if (count > 0).sum() < 2:
        return 1 - 1 / look.analysis.data.n_classes
    return float(1 - count.max() / count.sum())


def _tells_apart(look: Look, snapshot: Snapshot) -> bool:
    """Whether the mean error of the classes is below that of an answer that does not look at the image."""
    confusion = snapshot.confusion
    if confusion is None:
        return False
    count = confusion.sum(1)
    seen = np.flatnonzero(count)
    if len(seen) < 2:
        return False
    chance = 1 - 1 / len(seen)
    error = float((1 - confusion[seen, seen] / count[seen]).mean())
    # Three standard deviations of the mean error of classes that are guessed.
    noise = 3 * float(np.sqrt((chance * (1 - chance) / count[seen]).sum())) / len(seen)
    return error < chance - max(look.thresholds.chance_error, noise)
