"""Judges answers that are numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.features.judges.judge import Judge, mean_of_known, share
from cnnvis_caffe.records.measure import Measure


class NumberJudge(Judge):
    """Sums up how far numbers are from what is right.

    Parameters
    ----------
    n_columns : int
        Numbers.
    """

    def __init__(self, n_columns: int) -> None:
        super().__init__(n_columns)
        names = ("images", "target", "target squared", "absolute error", "squared error")
        self.sums = {name: np.zeros(n_columns) for name in names}

    def update(self, scores: Sequence[np.ndarray], targets: np.ndarray) -> None:
        """Judge a batch; targets are (n_images, n_numbers) float32, NaN where one is not known."""
        known = np.isfinite(targets)
        right = np.where(known, targets, 0).astype(np.float64)
        off = np.where(known, scores[0].reshape(targets.shape).astype(np.float64) - right, 0.0)
        rows = (known, right, right**2, np.abs(off), off**2)
        for total, values in zip(self.sums.values(), rows):
            total += values.sum(0)

    def measures(self) -> tuple[Measure, ...]:
        """Return root mean square and mean absolute error, in the unit of the numbers.

        Guessing always says the mean; its root mean square error is the standard deviation of what is right.
        """
        n = self.sums["images"]
        if not n.any():
            return ()
        mean = share(self.sums["target"], n)
        spread = np.sqrt(np.maximum(share(self.sums["target squared"], n) - mean**2, 0))
        rms, absolute = np.sqrt(share(self.sums["squared error"], n)), share(self.sums["absolute error"], n)
        unknown = np.full(len(n), np.nan)
        return (
            Measure("rms error", "", _rms(rms), _rms(spread), rms, spread),
            Measure("mean absolute error", "", mean_of_known(absolute), float("nan"), absolute, unknown),
        )


def _rms(values: np.ndarray) -> float:
    """Root mean square over the numbers."""
    return float(np.sqrt(mean_of_known(values**2)))
