"""The neurons that stand for a cluster."""

from __future__ import annotations

import numpy as np

#: How many neurons stand for a cluster, as far as it has them.
N_REPRESENTATIVES = 6


def representatives(
    rows: np.ndarray, neurons: np.ndarray, importance: np.ndarray, count: int = N_REPRESENTATIVES
) -> np.ndarray:
    """Choose the neurons that stand for a cluster: its medoid, then the most important.

    Parameters
    ----------
    rows : ndarray of shape (n, c)
        What the layer was clustered by.
    neurons : ndarray of shape (m,), int64
        The cluster.
    importance : ndarray of shape (n,)
    count : int, default=6

    Returns
    -------
    ndarray of shape (min(count, m),), int64

    Notes
    -----
    The medoid has the smallest sum of squared distances to the others, which is to say that it lies nearest to
    their mean.
    """
    own = rows[neurons].astype(np.float64)
    distance = ((own - own.mean(axis=0)) ** 2).sum(axis=1)
    # The most important of those that are equally near, then the first.
    near = distance <= distance.min() * (1 + 1e-9) + 1e-30
    best = neurons[np.lexsort((neurons, -importance[neurons], ~near))[0]]
    by_importance = neurons[np.lexsort((neurons, -importance[neurons]))]
    return np.concatenate([[best], by_importance[by_importance != best]])[:count].astype(np.int64)
