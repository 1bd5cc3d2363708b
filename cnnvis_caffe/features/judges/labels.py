"""Judges answers to several yes-or-no questions at once, and to a single one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.features.judges import histograms
from cnnvis_caffe.features.judges.judge import Judge, mean_of_known, share
from cnnvis_caffe.records.analysis import CellImages
from cnnvis_caffe.records.measure import Measure


class LabelJudge(Judge):
    """Counts the scores of labels that hold and of those that do not.

    Parameters
    ----------
    n_columns : int
        Labels.
    """

    def __init__(self, n_columns: int) -> None:
        super().__init__(n_columns)
        self.sums = {"counts": np.zeros((n_columns, 2, histograms.N_BINS), np.int64)}

    def update(self, scores: Sequence[np.ndarray], targets: np.ndarray) -> None:
        """Judge a batch; targets are (n_images, n_labels) float32: 1, 0, or NaN where it is not known."""
        histograms.add(self.sums["counts"], scores[0].reshape(targets.shape), targets)

    @property
    def error(self) -> float:
        """Share of all answers that are wrong; scores from 0 on mean yes."""
        hits, misses, false_alarms, rejections = histograms.decided(self.sums["counts"])
        total = int((hits + misses + false_alarms + rejections).sum())
        return float((misses + false_alarms).sum() / total) if total else float("nan")

    def measures(self) -> tuple[Measure, ...]:
        """Return average precision, F1, area under the curve and error by label.

        Guessing gives an average precision of the share of yes, an area of one half, the F1 of always saying yes, and
        the error of saying what is more frequent.
        """
        counts = self.sums["counts"]
        hits, misses, false_alarms, rejections = histograms.decided(counts)
        yes, total = hits + misses, hits + misses + false_alarms + rejections
        if not total.any():
            return ()
        prevalence = share(yes, total)
        frequent = np.minimum(prevalence, 1 - prevalence)
        half = np.where(np.isfinite(area := histograms.area_under_curve(counts)), 0.5, np.nan)
        guessed = mean_of_known(frequent)
        precision = histograms.average_precision(counts)
        rows = (
            ("average precision", "", precision, np.where(yes > 0, prevalence, np.nan), True),
            ("area under ROC curve", "", area, half, True),
            ("F1", "", share(2 * hits, 2 * hits + misses + false_alarms), share(2 * yes, yes + total), True),
        )
        error = Measure("error", "%", self.error, guessed, share(misses + false_alarms, total), frequent)
        return (*(_mean_measure(*row) for row in rows), error)


class ScoreJudge(LabelJudge):
    """Counts the scores of a single question; its columns are no and yes.

    Parameters
    ----------
    n_columns : int
        2.
    """

    start = "sign"

    def __init__(self, n_columns: int) -> None:
        super().__init__(1)
        self.n_columns = n_columns

    def update(self, scores: Sequence[np.ndarray], targets: np.ndarray) -> None:
        """Judge a batch; targets are (n_images,) int64: 1, 0, or -1 where it is not known."""
        answers = np.where(targets < 0, np.float32(np.nan), targets.astype(np.float32))
        histograms.add(self.sums["counts"], scores[0].reshape(len(targets), 1), answers[:, np.newaxis])

    def cells(
        self, scores: Sequence[np.ndarray], targets: np.ndarray, indices: np.ndarray
    ) -> CellImages | None:
        """Say which images are answered with no and yes."""
        known = np.flatnonzero(targets >= 0)
        values, rows = scores[0].reshape(len(targets))[known], targets[known].astype(np.int64)
        answers = (values >= 0).astype(np.int64)
        lead = np.where(answers == rows, -np.abs(values), np.abs(values))
        return CellImages(rows, answers, indices[known], lead.astype(np.float32))

    def measures(self) -> tuple[Measure, ...]:
        """Return average precision, area and F1 of the score, and the error of each answer."""
        hits, misses, false_alarms, rejections = (int(n[0]) for n in histograms.decided(self.sums["counts"]))
        nothing = np.full(2, np.nan)
        found = []
        for measure in super().measures():
            values = nothing
            if measure.name == "error":
                values = share(np.array([false_alarms, misses]), np.array([false_alarms + rejections, hits + misses]))
            found.append(
                Measure(measure.name, measure.unit, measure.overall, measure.guess, values, nothing,
                        measure.is_better_high)
            )  # fmt: skip
        return tuple(found)

    @property
    def confusion(self) -> np.ndarray | None:
        """How often no and yes (rows) are answered with no and yes (columns)."""
        hits, misses, false_alarms, rejections = (float(n[0]) for n in histograms.decided(self.sums["counts"]))
        table = np.array([[rejections, false_alarms], [misses, hits]])
        return table if table.any() else None

    @staticmethod
    def gradients(
        scores: Sequence[np.ndarray], columns: np.ndarray, targets: np.ndarray | None
    ) -> tuple[np.ndarray, ...]:
        """Yes is the score, and no is its negative."""
        signs = np.select([columns > 0, columns == 0], [1, -1], 0).astype(np.float32)
        shape = scores[0].shape
        return (np.broadcast_to(signs.reshape(-1, *[1] * (len(shape) - 1)), shape).copy(),)


def _mean_measure(name: str, unit: str, values: np.ndarray, guesses: np.ndarray, is_better_high: bool) -> Measure:
    """A measure that is the mean of those of the columns."""
    return Measure(name, unit, mean_of_known(values), mean_of_known(guesses), values, guesses, is_better_high)
