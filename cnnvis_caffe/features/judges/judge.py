"""The base of all judges, which count how right a network's answers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cnnvis_caffe.records.analysis import CellImages
from cnnvis_caffe.records.measure import Measure


class Judge:
    """Counts how right answers are; this one knows no right answers.

    Parameters
    ----------
    n_columns : int
        Columns of the matrices: classes, labels, targets.

    Attributes
    ----------
    sums : dict of str to ndarray
        All that was counted, so that parts are merged by adding.
    start : str
        How the gradient of a column's score begins, as `records.summation.Summation` has it.
    """

    start = "own"

    def __init__(self, n_columns: int) -> None:
        self.n_columns = n_columns
        self.sums: dict[str, np.ndarray] = {}

    def update(self, scores: Sequence[np.ndarray], targets: np.ndarray) -> None:
        """Judge a batch.

        Parameters
        ----------
        scores : sequence of ndarray of shape (n_images, ...), float32
            What the network answers; several arrays only for pairs.
        targets : ndarray of shape (n_images, ...)
            What is right.
        """

    def cells(
        self, scores: Sequence[np.ndarray], targets: np.ndarray, indices: np.ndarray
    ) -> CellImages | None:
        """Say into which cell of the confusion matrix each image of a batch falls.

        Parameters
        ----------
        scores, targets
            As for `update`.
        indices : ndarray of shape (n_images,), int64
            Of the images.

        Returns
        -------
        CellImages or None
            None where answers are not one class an image.
        """
        return None

    def merge(self, other: Judge) -> None:
        """Add what another one has seen."""
        for name, total in self.sums.items():
            total += other.sums[name]

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on."""
        return dict(self.sums)

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state."""
        for name, total in self.sums.items():
            total[...] = state[name]

    @property
    def error(self) -> float:
        """Share of wrong answers; NaN where answers are not right or wrong, and without any."""
        return float("nan")

    @property
    def confusion(self) -> np.ndarray | None:
        """How often a class (row) is named as another one (column), (n, n) float64; None where nobody counted."""
        return None

    def measures(self) -> tuple[Measure, ...]:
        """Return what was counted, the most telling measure first."""
        return ()

    @staticmethod
    def gradients(
        scores: Sequence[np.ndarray], columns: np.ndarray, targets: np.ndarray | None
    ) -> tuple[np.ndarray, ...]:
        """Return the gradient of the score of one column for each image.

        Parameters
        ----------
        scores : sequence of ndarray of shape (n_images, n_scores, ...), float32
            What the network answers; several arrays only for pairs.
        columns : ndarray of shape (n_images,), int
            The column whose score is meant; -1 for none, which has a gradient of zero.
        targets : ndarray or None
            What is right for each image of the batch.

        Returns
        -------
        tuple of ndarray, float32
            One for each of the scores, of its shape; `runtime.starts` computes the same on a GPU, by `start`.
        """
        gradient, images = np.zeros_like(scores[0]), np.flatnonzero(columns >= 0)
        gradient[images, columns[images]] = 1
        return (gradient,)


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide, element by element; NaN where there is nothing to divide by, float64."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=whole > 0)


def mean_of_known(values: np.ndarray) -> float:
    """Return the mean without NaN; NaN where nothing else is there."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
