"""Sums, maxima and counts of each neuron by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np


class ClassSums:
    """Sums over the images of each class, in float64.

    Parameters
    ----------
    n_classes, n_neurons : int

    Notes
    -----
    A class is one row, and rows of classes that never occur are never touched: of a thousand classes of which ten
    occur, only these take memory.
    """

    def __init__(self, n_classes: int, n_neurons: int) -> None:
        self.sums = np.zeros((n_classes, n_neurons))

    def update(self, values: np.ndarray, members: ClassMembers) -> None:
        """Add a batch.

        Parameters
        ----------
        values : ndarray of shape (n_images, n_neurons)
        members : ClassMembers
            Of the same images.
        """
        self.sums[members.present] += members.sums(values)

    def merge(self, other: ClassSums) -> None:
        """Add what another one has seen."""
        rows = other.sums.any(1)
        self.sums[rows] += other.sums[rows]

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on."""
        rows = np.flatnonzero(self.sums.any(1))
        return {"class": rows, "sum": self.sums[rows]}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state."""
        self.sums[:] = 0
        self.sums[state["class"]] = state["sum"]

    def means(self, neurons: slice, counts: np.ndarray) -> np.ndarray:
        """Return the means of some neurons.

        Parameters
        ----------
        neurons : slice
        counts : ndarray of shape (n_classes,)
            Images of each class.

        Returns
        -------
        ndarray of shape (n, n_classes), float32
            NaN for classes without images.
        """
        return by_class(self.sums[:, neurons], counts, counts)


class ClassMaxima:
    """Largest values over the images of each class."""

    def __init__(self, n_classes: int, n_neurons: int) -> None:
        self.maxima = np.zeros((n_classes, n_neurons), np.float32)
        self.is_seen = np.zeros(n_classes, bool)

    def update(self, values: np.ndarray, members: ClassMembers) -> None:
        """Take a batch of shape (n_images, n_neurons) in."""
        self._raise(members.present, members.maxima(values))

    def merge(self, other: ClassMaxima) -> None:
        """Take in what another one has seen."""
        rows = np.flatnonzero(other.is_seen)
        self._raise(rows, other.maxima[rows])

    def _raise(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Keep the larger of what was there and what comes."""
        before = np.where(self.is_seen[rows, np.newaxis], self.maxima[rows], values)
        self.maxima[rows] = np.maximum(before, values)
        self.is_seen[rows] = True

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on."""
        rows = np.flatnonzero(self.is_seen)
        return {"class": rows, "maximum": self.maxima[rows]}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state."""
        self.is_seen[:] = False
        self.is_seen[state["class"]] = True
        self.maxima[state["class"]] = state["maximum"]

    def of(self, neurons: slice) -> np.ndarray:
        """Return the maxima of some neurons, of shape (n, n_classes), float32; NaN for classes without images."""
        return by_class(self.maxima[:, neurons], np.ones(len(self.is_seen)), self.is_seen)


class ClassMembers:
    """Which images of a batch belong to which class; to none, to one, or to several.

    Parameters
    ----------
    labels : ndarray of shape (n,), int, or of shape (n, n_classes), bool
        The class of each image, -1 for none; or whether it belongs to each class.

    Attributes
    ----------
    n_images : int
    present, counts : ndarray of int
        The classes that occur, ascending, and how many images each has.
    """

    def __init__(self, labels: np.ndarray) -> None:
        self.n_images = len(labels)
        if labels.ndim == 1:
            order = np.argsort(labels, kind="stable")
            self._order = order[np.searchsorted(labels[order], 0) :]
            classes = labels[self._order]
        else:
            classes, self._order = np.nonzero(labels.T)
        self.present, self._starts, self.counts = np.unique(classes, return_index=True, return_counts=True)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum over the images of each class that occurs.

        Parameters
        ----------
        values : ndarray of shape (n, n_neurons)

        Returns
        -------
        ndarray of shape (n_present, n_neurons), float64
        """
        if not len(self.present):
            return np.zeros((0, values.shape[1]))
        # Converted first: a sum that converts on the way takes four times as long.
        return np.add.reduceat(values.astype(np.float64)[self._order], self._starts)

    def maxima(self, values: np.ndarray) -> np.ndarray:
        """Return the largest values over the images of each class that occurs, in the type of the values."""
        if not len(self.present):
            return values[:0]
        return np.maximum.reduceat(values[self._order], self._starts)


def rounds(labels: np.ndarray) -> Iterator[np.ndarray]:
    """Split several classes an image into rounds with one each, so that all have their turn in few rounds.

    Parameters
    ----------
    labels : ndarray of shape (n,), int, or of shape (n, n_classes), bool
        As for `ClassMembers`.

    Yields
    ------
    ndarray of shape (n,), int64
        A class for each image, -1 where it has no further one.
    """
    if labels.ndim == 1:
        yield labels
        return
    place = np.cumsum(labels, axis=1)
    for number in range(1, int(place[:, -1].max(initial=0)) + 1):
        is_turn = labels & (place == number)
        yield np.where(is_turn.any(1), is_turn.argmax(1), -1)


def by_class(rows: np.ndarray, divisors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Divide rows of classes and turn them into columns.

    Parameters
    ----------
    rows : ndarray of shape (n_classes, n)
    divisors, counts : ndarray of shape (n_classes,)

    Returns
    -------
    ndarray of shape (n, n_classes), float32
        NaN where a class has no images.
    """
    result = np.full(rows.shape[::-1], np.nan, np.float32)
    present = np.flatnonzero(counts)
    result[:, present] = (rows[present] / divisors[present, np.newaxis]).T
    return result
