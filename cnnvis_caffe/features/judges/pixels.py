"""Judges answers that give a class to each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.features.judges.judge import Judge, mean_of_known, share
from cnnvis_caffe.records.measure import Measure


class PixelJudge(Judge):
    """Counts pixels by their class and by the class with the largest score there.

    Parameters
    ----------
    n_columns : int
        Classes.
    """

    start = "pixels"

    def __init__(self, n_columns: int) -> None:
        super().__init__(n_columns)
        self.sums = {"confusion": np.zeros((n_columns, n_columns))}

    def update(self, scores: Sequence[np.ndarray], targets: np.ndarray) -> None:
        """Judge a batch; targets are (n_images, H, W) int64; pixels of no class of the network do not count."""
        known = (targets >= 0) & (targets < self.n_columns)
        answers = scores[0].argmax(1)[known]
        flat = np.bincount(targets[known] * self.n_columns + answers, minlength=self.n_columns**2)
        self.sums["confusion"] += flat.reshape(self.n_columns, -1)

    @property
    def error(self) -> float:
        """Share of pixels whose largest score is not that of their class."""
        total = self.sums["confusion"].sum()
        return float(1 - np.trace(self.sums["confusion"]) / total) if total else float("nan")

    @property
    def confusion(self) -> np.ndarray | None:
        """Pixels of a class (row) that are named as another one (column)."""
        return self.sums["confusion"] if self.sums["confusion"].any() else None

    def measures(self) -> tuple[Measure, ...]:
        """Return intersection over union and error; guessing names the most frequent class everywhere."""
        confusion = self.confusion
        if confusion is None:
            return ()
        right, of_class, named = np.diag(confusion), confusion.sum(1), confusion.sum(0)
        overlap = share(right, of_class + named - right)
        guessed = np.where(np.isfinite(overlap), 0.0, np.nan)
        guessed[of_class.argmax()] = of_class.max() / of_class.sum()
        guess = float(1 - of_class.max() / of_class.sum())
        unknown = np.full(len(right), np.nan)
        return (
            Measure("intersection over union", "", mean_of_known(overlap), mean_of_known(guessed), overlap, guessed,
                    is_better_high=True),
            Measure("error", "%", self.error, guess, 1 - share(right, of_class), unknown),
        )  # fmt: skip

    @staticmethod
    def gradients(
        scores: Sequence[np.ndarray], columns: np.ndarray, targets: np.ndarray | None
    ) -> tuple[np.ndarray, ...]:
        """The score of a class counts at the pixels of this class."""
        assert targets is not None
        gradient, images = np.zeros_like(scores[0]), np.flatnonzero(columns >= 0)
        is_there = targets[images] == columns[images].reshape(-1, *[1] * (targets.ndim - 1))
        gradient[images, columns[images]] = is_there.reshape(len(images), *gradient.shape[2:])
        return (gradient,)
