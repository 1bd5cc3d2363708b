"""Judges embeddings of pairs by how far the two lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.features.judges import histograms
from cnnvis_caffe.features.judges.judge import Judge, share
from cnnvis_caffe.records.measure import Measure


class PairJudge(Judge):
    """Counts distances of different pairs (column 0) and of same ones (column 1).

    The score of "different" is half the squared distance, that of "same" its negative.

    Parameters
    ----------
    n_columns : int
        2.
    margin : float, default=1
        That the loss keeps between different ones. Pairs nearer than half of it are taken for the same.
    """

    start = "distance"

    def __init__(self, n_columns: int, margin: float = 1.0) -> None:
        super().__init__(n_columns)
        self.margin = margin
        self.sums = {"counts": np.zeros((1, 2, histograms.N_BINS), np.int64), "distance": np.zeros(2)}

    def update(self, scores: Sequence[np.ndarray], targets: np.ndarray) -> None:
        """Judge a batch; scores are the two embeddings, targets (n_images,) int64: 1 same, 0 different, -1 unknown."""
        first, second = (array.reshape(len(targets), -1).astype(np.float64) for array in scores)
        distance = np.sqrt(np.square(first - second).sum(1))
        answers = np.where(targets < 0, np.nan, targets > 0).astype(np.float32)
        histograms.add(self.sums["counts"], -distance.astype(np.float32)[:, np.newaxis], answers[:, np.newaxis])
        self.sums["distance"] += [distance[targets == 0].sum(), distance[targets > 0].sum()]

    @staticmethod
    def gradients(
        scores: Sequence[np.ndarray], columns: np.ndarray, targets: np.ndarray | None
    ) -> tuple[np.ndarray, ...]:
        """The gradient of half the squared distance is the difference, with either sign."""
        signs = np.select([columns > 0, columns == 0], [-1, 1], 0).astype(np.float32)
        first = (scores[0] - scores[1]) * signs.reshape(-1, *[1] * (scores[0].ndim - 1))
        return first, -first

    @property
    def confusion(self) -> np.ndarray | None:
        """How often different and same pairs (rows) are taken for different and same (columns)."""
        hits, misses, false_alarms, rejections = (
            float(n[0]) for n in histograms.decided(self.sums["counts"], -self.margin / 2)
        )
        table = np.array([[rejections, false_alarms], [misses, hits]])
        return table if table.any() else None

    @property
    def error(self) -> float:
        """Share of pairs on the wrong side of half the margin."""
        table = self.confusion
        return float("nan") if table is None else float(1 - np.trace(table) / table.sum())

    def measures(self) -> tuple[Measure, ...]:
        """Return the area under the curve, the error, and the mean distance of each kind of pair."""
        table = self.confusion
        if table is None:
            return ()
        count, unknown = table.sum(1), np.full(2, np.nan)
        area = float(histograms.area_under_curve(self.sums["counts"])[0])
        distance = share(self.sums["distance"], count)
        return (
            Measure("area under ROC curve", "", area, 0.5, unknown, unknown, is_better_high=True),
            Measure("error", "%", self.error, float(count.min() / count.sum()), 1 - share(np.diag(table), count),
                    unknown),
            Measure("mean distance", "", float(distance[0] - distance[1]), 0.0, distance, unknown,
                    is_better_high=True),
        )  # fmt: skip
