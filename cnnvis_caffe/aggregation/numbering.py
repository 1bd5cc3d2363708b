"""Numbers of clusters, which carry no meaning and hence must not depend on anything but the clusters."""

from __future__ import annotations

import numpy as np


def canonical(labels: np.ndarray) -> np.ndarray:
    """Number clusters by size, the largest first, then by smallest member.

    Parameters
    ----------
    labels : ndarray of shape (n,), int

    Returns
    -------
    ndarray of shape (n,), int64
        0, 1, ... without holes.
    """
    _, first, inverse, size = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -size))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[inverse.reshape(-1)]
