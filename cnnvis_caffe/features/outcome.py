"""Loss and error over the data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class Outcome:
    """Sums over images of their losses and of wrong answers, and the images of each class.

    Parameters
    ----------
    n_classes : int

    Attributes
    ----------
    class_count : ndarray of shape (n_classes,), int64
    """

    def __init__(self, n_classes: int) -> None:
        self.class_count = np.zeros(n_classes, np.int64)
        self._loss = 0.0
        self._n_wrong = 0.0

    def update(self, loss: float, scores: np.ndarray, labels: np.ndarray) -> None:
        """Add a batch.

        Parameters
        ----------
        loss : float
            Mean over the batch.
        scores : ndarray of shape (n_images, n_classes, ...)
        labels : ndarray of shape (n_images,), int
        """
        self.class_count += np.bincount(labels, minlength=len(self.class_count))
        self._loss += float(loss) * len(labels)
        answers = scores.reshape(len(labels), scores.shape[1], -1).argmax(1)
        self._n_wrong += float((answers != labels[:, np.newaxis]).mean(1).sum())

    def merge(self, other: Outcome) -> None:
        """Add what another one has seen."""
        self.class_count += other.class_count
        self._loss += other._loss
        self._n_wrong += other._n_wrong

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on."""
        return {"class_count": self.class_count, "sums": np.array([self._loss, self._n_wrong])}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state."""
        self.class_count[:] = state["class_count"]
        self._loss, self._n_wrong = map(float, state["sums"])

    @property
    def n_images(self) -> int:
        """Number of images."""
        return int(self.class_count.sum())

    @property
    def loss(self) -> float:
        """Mean loss; NaN without images."""
        return self._loss / self.n_images if self.n_images else float("nan")

    @property
    def error(self) -> float:
        """Share of images whose largest score is not that of their class; NaN without images."""
        return self._n_wrong / self.n_images if self.n_images else float("nan")
