"""The neurons that stand for a cluster."""

from __future__ import annotations

import numpy as np

#: How many neurons stand for a cluster, as far as it has them.
N_REPRESENTATIVES = 6


def distance_to_mean(rows: np.ndarray) -> np.ndarray:
    """Squared distance of each row to the mean of all.

    Parameters
    ----------
    rows : ndarray of shape (m, c), float32

    Returns
    -------
    ndarray of shape (m,), float32
    """
    apart = rows - rows.mean(axis=0, dtype=np.float64).astype(rows.dtype)
    return np.einsum("ij,ij->i", apart, apart)


def representatives(
    distance: np.ndarray, neurons: np.ndarray, importance: np.ndarray, count: int = N_REPRESENTATIVES
) -> np.ndarray:
    """Choose the neurons that stand for a cluster: its medoid, then the most important.

    Parameters
    ----------
    distance : ndarray of shape (m,)
        Of each neuron of the cluster to their mean, squared.
    neurons : ndarray of shape (m,), int64
        The cluster.
    importance : ndarray of shape (m,)
    count : int, default=6

    Returns
    -------
    ndarray of shape (min(count, m),), int64

    Notes
    -----
    The medoid has the smallest sum of squared distances to the others, which is to say that it lies nearest to
    their mean. Of those that are equally near it is the most important, then the first.
    """
    near = distance <= distance.min() * (1 + 1e-5)
    medoid = neurons[np.lexsort((neurons, -importance, ~near))[0]]
    by_importance = neurons[np.lexsort((neurons, -importance))]
    return np.concatenate([[medoid], by_importance[by_importance != medoid]])[:count].astype(np.int64)
