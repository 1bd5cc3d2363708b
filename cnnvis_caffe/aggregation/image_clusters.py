"""Clusters of images by what a layer answers to them. To import this loads scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin

#: More clusters than this cannot be told apart in a matrix; fewer images than that in each say little.
MOST_CLUSTERS, LEAST_IMAGES = 8, 10


def cluster_images(responses: np.ndarray) -> tuple[int, Callable[[np.ndarray], np.ndarray]]:
    """Find clusters of images.

    Parameters
    ----------
    responses : ndarray of shape (n_images, n_neurons), float32
        Of a sample of the images.

    Returns
    -------
    (int, callable)
        How many clusters there are, the largest one first, and what gives the cluster of further images, (n,) int64, by
        their responses. One cluster where there are few images, or all answer alike.
    """
    rows = np.asarray(responses, np.float64)
    mean, spread = rows.mean(0), rows.std(0)
    scale = np.where(spread > 0, spread, 1)
    k = min(MOST_CLUSTERS, len(rows) // LEAST_IMAGES, len(np.unique(rows, axis=0)))
    if k < 2:
        return 1, lambda more: np.zeros(len(more), np.int64)
    means = MiniBatchKMeans(k, random_state=0, n_init=3, batch_size=1024).fit((rows - mean) / scale)
    found = np.bincount(means.labels_, minlength=k)
    centres = means.cluster_centers_[np.argsort(-found, kind="stable")[: int((found > 0).sum())]]

    def assign(more: np.ndarray) -> np.ndarray:
        """The nearest centre of each row."""
        nearest: np.ndarray = pairwise_distances_argmin((np.asarray(more, np.float64) - mean) / scale, centres)
        return nearest.astype(np.int64)

    return len(centres), assign
