"""Loss over the data, and how many images there are of each class or group."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnvis_caffe.features.class_sums import ClassMembers


class Outcome:
    """Sums over images of their losses, and the images of each class.

    Parameters
    ----------
    n_classes : int
        Columns of the matrices.

    Attributes
    ----------
    class_count : ndarray of shape (n_classes,), int64
    n_images : int
        An image may be of several classes, or of none.
    """

    def __init__(self, n_classes: int) -> None:
        self.class_count = np.zeros(n_classes, np.int64)
        self.n_images = 0
        self._loss = 0.0

    def update(self, loss: float, members: ClassMembers) -> None:
        """Add a batch.

        Parameters
        ----------
        loss : float
            Mean over the batch.
        members : ClassMembers
            Of its images.
        """
        self.class_count[members.present] += members.counts
        self.n_images += members.n_images
        self._loss += float(loss) * members.n_images

    def merge(self, other: Outcome) -> None:
        """Add what another one has seen."""
        self.class_count += other.class_count
        self.n_images += other.n_images
        self._loss += other._loss

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on."""
        return {
            "class_count": self.class_count,
            "images": np.array(self.n_images, np.int64),
            "loss": np.array(self._loss),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state."""
        self.class_count[:] = state["class_count"]
        self.n_images, self._loss = int(state["images"]), float(state["loss"])

    @property
    def loss(self) -> float:
        """Mean loss; NaN without images."""
        return self._loss / self.n_images if self.n_images else float("nan")
