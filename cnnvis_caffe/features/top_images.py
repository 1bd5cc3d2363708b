"""The images that each neuron responds to most."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

#: Gives the first position of the largest response, for pairs of an image's place in the batch and a neuron.
FindPositions = Callable[[np.ndarray, np.ndarray], np.ndarray]


class TopImages:
    """The k largest responses of each neuron, one entry an image.

    Parameters
    ----------
    k, n_neurons : int

    Attributes
    ----------
    response : ndarray of shape (n_neurons, k), float32
        Descending; minus infinity where there is no entry yet.
    image : ndarray of shape (n_neurons, k), int64
        Index of the image, -1 where there is none. Of equal responses the lower index comes first.
    position : ndarray of shape (n_neurons, k), int64
        Flat index of the first position with that response.
    """

    def __init__(self, k: int, n_neurons: int) -> None:
        self.response = np.full((n_neurons, k), -np.inf, np.float32)
        self.image = np.full((n_neurons, k), -1, np.int64)
        self.position = np.zeros((n_neurons, k), np.int64)

    def update(self, peak: np.ndarray, indices: np.ndarray, find_positions: FindPositions) -> None:
        """Take a batch in.

        Parameters
        ----------
        peak : ndarray of shape (n_images, n_neurons), float32
            The largest activation over positions.
        indices : ndarray of shape (n_images,), int64
            Of the images.
        find_positions : callable
            Is asked only for the few entries that stay.
        """
        last = self.response[:, -1]
        # An image with the same response as the last entry can only come in if its index is lower.
        lowest = indices.min() if len(indices) else 0
        threshold = np.where((self.image[:, -1] > lowest) | (self.image[:, -1] < 0), last, _just_above(last))
        rows = np.flatnonzero((peak >= threshold).any(0))
        if not len(rows):
            return
        k = self.response.shape[1]
        n = len(indices)
        response = np.concatenate([self.response[rows], peak[:, rows].T], 1)
        image = np.concatenate([self.image[rows], np.broadcast_to(indices, (len(rows), n))], 1)
        order = _order(response, image)[:, :k]
        self.response[rows] = np.take_along_axis(response, order, 1)
        self.image[rows] = np.take_along_axis(image, order, 1)
        position = np.take_along_axis(self.position[rows], np.minimum(order, k - 1), 1)
        row, column = np.nonzero(order >= k)
        if len(row):
            position[row, column] = find_positions(order[row, column] - k, rows[row])
        self.position[rows] = position

    def merge(self, other: TopImages) -> None:
        """Take in what another one, of other images, has seen."""
        k = self.response.shape[1]
        response = np.concatenate([self.response, other.response], 1)
        image = np.concatenate([self.image, other.image], 1)
        position = np.concatenate([self.position, other.position], 1)
        order = _order(response, image)[:, :k]
        self.response = np.take_along_axis(response, order, 1)
        self.image = np.take_along_axis(image, order, 1)
        self.position = np.take_along_axis(position, order, 1)

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on."""
        return {"response": self.response, "image": self.image, "position": self.position}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state."""
        for name in ("response", "image", "position"):
            getattr(self, name)[:] = state[name]


def _just_above(values: np.ndarray) -> np.ndarray:
    """The next larger numbers."""
    return np.nextafter(values, np.float32(np.inf))


def _order(response: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Order of each row: the largest response first, of equal ones the lowest image; no entry comes last."""
    by_image = np.argsort(np.where(image < 0, np.iinfo(np.int64).max, image), axis=1, kind="stable")
    by_response = np.argsort(-np.take_along_axis(response, by_image, 1), axis=1, kind="stable")
    return np.take_along_axis(by_image, by_response, 1)
