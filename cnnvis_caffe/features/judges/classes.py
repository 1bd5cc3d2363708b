"""Judges answers that name one class of many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.features.judges.judge import Judge, share
from cnnvis_caffe.records.analysis import CellImages
from cnnvis_caffe.records.measure import Measure

#: With more classes nobody counts which one is taken for which: the table would take more room than the network.
MOST_CONFUSED = 2048


class ClassJudge(Judge):
    """Counts images whose largest score is not that of their class, and which class is named instead.

    Parameters
    ----------
    n_columns : int
        Classes.
    """

    def __init__(self, n_columns: int) -> None:
        super().__init__(n_columns)
        n = n_columns if n_columns <= MOST_CONFUSED else 0
        self.sums = {"wrong": np.zeros(()), "images": np.zeros(()), "confusion": np.zeros((n, n))}

    def update(self, scores: Sequence[np.ndarray], targets: np.ndarray) -> None:
        """Judge a batch; targets are the classes, (n_images,) int64, -1 where it is not known.

        Where there are scores for several positions, an image counts in parts.
        """
        known = targets >= 0
        values = scores[0].reshape(*scores[0].shape[:2], -1)
        if not known.all():
            values, targets = values[known], targets[known]
        answers = values.argmax(1)
        self.sums["wrong"] += float((answers != targets[:, np.newaxis]).mean(1).sum())
        self.sums["images"] += len(targets)
        if self.sums["confusion"].size:
            rows = np.broadcast_to(targets[:, np.newaxis], answers.shape)
            np.add.at(self.sums["confusion"], (rows, answers), 1 / answers.shape[1])

    def cells(
        self, scores: Sequence[np.ndarray], targets: np.ndarray, indices: np.ndarray
    ) -> CellImages | None:
        """Say into which cell each image falls; None where it has scores for several positions."""
        known = np.flatnonzero(targets >= 0)
        values = scores[0].reshape(*scores[0].shape[:2], -1)[known]
        if not self.sums["confusion"].size or values.shape[1] < 2 or values.shape[2] != 1:
            return None
        values, rows = values[..., 0], targets[known].astype(np.int64)
        answers, every = values.argmax(1), np.arange(len(known))
        second, first = np.partition(values, -2, axis=1)[:, -2:].T
        lead = np.where(answers == rows, second - first, values[every, answers] - values[every, rows])
        return CellImages(rows, answers, indices[known], lead.astype(np.float32))

    @property
    def error(self) -> float:
        """Share of images whose largest score is not that of their class."""
        return float(self.sums["wrong"] / self.sums["images"]) if self.sums["images"] else float("nan")

    @property
    def confusion(self) -> np.ndarray | None:
        """Images of a class (row) that are named as another one (column)."""
        return self.sums["confusion"] if self.sums["confusion"].size and self.sums["images"] else None

    def measures(self) -> tuple[Measure, ...]:
        """Return the error, over all and by class; guessing names the most frequent class."""
        confusion = self.confusion
        if confusion is None:
            return ()
        count = confusion.sum(1)
        by_class = 1 - share(np.diag(confusion), count)
        guess = float(1 - count.max() / count.sum())
        return (Measure("error", "%", self.error, guess, by_class, np.full(len(count), np.nan)),)
