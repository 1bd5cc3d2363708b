"""Mean, variance and extremes of each neuron over all images and positions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class Totals:
    """Sums over all images, in float64.

    Parameters
    ----------
    n_neurons : int

    Attributes
    ----------
    n_images : int
    total, squares : ndarray of shape (n_neurons,), float64
        Sums of the means over positions, of the values and of their squares.
    minimum, maximum : ndarray of shape (n_neurons,), float32
    """

    def __init__(self, n_neurons: int) -> None:
        self.n_images = 0
        self.total = np.zeros(n_neurons)
        self.squares = np.zeros(n_neurons)
        self.minimum = np.full(n_neurons, np.inf, np.float32)
        self.maximum = np.full(n_neurons, -np.inf, np.float32)

    def update(self, mean: np.ndarray, square: np.ndarray, minimum: np.ndarray, maximum: np.ndarray) -> None:
        """Add a batch.

        Parameters
        ----------
        mean, square : ndarray of shape (n_images, n_neurons)
            Over the positions: means of the values and of their squares.
        minimum, maximum : ndarray of shape (n_neurons,)
        """
        self.n_images += len(mean)
        self.total += mean.sum(0, dtype=np.float64)
        self.squares += square.sum(0, dtype=np.float64)
        np.minimum(self.minimum, minimum, out=self.minimum)
        np.maximum(self.maximum, maximum, out=self.maximum)

    def merge(self, other: Totals) -> None:
        """Add what another one has seen."""
        self.n_images += other.n_images
        self.total += other.total
        self.squares += other.squares
        np.minimum(self.minimum, other.minimum, out=self.minimum)
        np.maximum(self.maximum, other.maximum, out=self.maximum)

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on."""
        return {
            "n_images": np.array(self.n_images, np.int64),
            "total": self.total,
            "squares": self.squares,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state."""
        self.n_images = int(state["n_images"])
        for name in ("total", "squares", "minimum", "maximum"):
            getattr(self, name)[:] = state[name]

    def of(self, neurons: slice) -> Totals:
        """Return those of some neurons, as views."""
        part = Totals(0)
        part.n_images = self.n_images
        for name in ("total", "squares", "minimum", "maximum"):
            setattr(part, name, getattr(self, name)[neurons])
        return part

    @property
    def mean(self) -> np.ndarray:
        """Mean over images and positions."""
        return self.total / max(self.n_images, 1)

    @property
    def variance(self) -> np.ndarray:
        """Variance over images and positions; 0 where the extremes are the same."""
        variance = np.maximum(self.squares / max(self.n_images, 1) - self.mean**2, 0)
        return np.where(self.is_constant, 0, variance)

    @property
    def is_constant(self) -> np.ndarray:
        """Whether a neuron has one value everywhere."""
        return self.minimum >= self.maximum
