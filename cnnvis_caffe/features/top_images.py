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
        rows, image_at = self._candidates(peak, indices)
        if not len(rows):
            return
        k = self.response.shape[1]
        shape = len(rows), image_at.shape[1]
        is_there = image_at >= 0
        response = np.full(shape, -np.inf, np.float32)
        response[is_there] = peak[image_at[is_there], np.broadcast_to(rows[:, np.newaxis], shape)[is_there]]
        image = np.where(is_there, indices[image_at], -1)
        response = np.concatenate([self.response[rows], response], 1)
        image = np.concatenate([self.image[rows], image], 1)
        order = _order(response, image)[:, :k]
        self.response[rows] = np.take_along_axis(response, order, 1)
        self.image[rows] = np.take_along_axis(image, order, 1)
        position = np.take_along_axis(self.position[rows], np.minimum(order, k - 1), 1)
        row, column = np.nonzero((order >= k) & (self.image[rows] >= 0))
        if len(row):
            position[row, column] = find_positions(image_at[row, order[row, column] - k], rows[row])
        self.position[rows] = position

    def _candidates(self, peak: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Neurons with images that may come in, and these images' places in the batch, -1 to fill up the rows."""
        last_response, last_image = self.response[:, -1], self.image[:, -1]
        rows = np.flatnonzero((peak >= last_response).any(0))
        values = peak[:, rows].T
        last_response, last_image = last_response[rows, np.newaxis], last_image[rows, np.newaxis]
        # Of equal responses, those of lower images come first.
        is_in = (values > last_response) | ((values == last_response) & (indices < last_image))
        k = self.response.shape[1]
        if values.shape[1] > 4 * k and is_in.sum() > 4 * k * len(rows):
            # Of many images, as in the first batches, only the k best can stay.
            is_in &= values >= -np.partition(-values, k - 1, axis=1)[:, k - 1 : k]
        count = is_in.sum(1)
        row, place = np.nonzero(is_in)
        image_at = np.full((len(rows), count.max(initial=0)), -1, np.int64)
        image_at[row, np.arange(len(row)) - (np.cumsum(count) - count)[row]] = place
        is_hit = count > 0
        return rows[is_hit], image_at[is_hit]

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


def _order(response: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Order of each row: the largest response first, of equal ones the lowest image; no entry comes last."""
    return np.lexsort((np.where(image < 0, np.iinfo(np.int64).max, image), -response), axis=1)
