"""Hierarchies of similar things: orders of their leaves, and groups of leaves cut out of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import linkage, optimal_leaf_ordering

#: Beyond, finding the best order of the leaves would take longer than all the rest.
LARGEST_OPTIMAL = 200


def similarity_order(condensed: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Leaves of the average linkage, similar ones beside each other.

    Parameters
    ----------
    condensed : ndarray of shape (n (n - 1) / 2,)
        Distances, as `scipy.spatial.distance.pdist` gives them.
    n : int

    Returns
    -------
    order : ndarray of shape (n,), int64
    joints : ndarray of shape (n - 1,), float64
        Distance at which consecutive leaves are joined in the hierarchy.
    """
    if n < 2:
        return np.arange(n), np.zeros(0)
    tree = linkage(condensed, "average")
    if n <= LARGEST_OPTIMAL:
        tree = optimal_leaf_ordering(tree, condensed)
    return leaves_of(tree)


def leaves_of(tree: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order and joints, as of `similarity_order`, of a hierarchy as SciPy's `linkage` gives it."""
    n = len(tree) + 1
    sizes = [1] * n + tree[:, 3].astype(int).tolist()
    first = [0] * (2 * n - 1)
    joints = np.zeros(n - 1)
    parts = tree[:, :2].astype(int).tolist()
    for i in range(n - 2, -1, -1):
        left, right = parts[i]
        start = first[n + i]
        first[left], first[right] = start, start + sizes[left]
        joints[start + sizes[left] - 1] = tree[i, 2]
    return np.argsort(first[:n]), joints


def cut_groups(joints: np.ndarray, largest: int) -> list[tuple[int, int]]:
    """Cut a sequence where its parts are least alike, but never off its outer quarters, until no part is too long.

    Parameters
    ----------
    joints : ndarray of shape (n - 1,)
        How unlike consecutive members are.
    largest : int

    Returns
    -------
    list of (int, int)
        First member of each part, and the one behind its last.
    """
    found = []
    pending = [(0, len(joints) + 1)]
    while pending:
        start, stop = pending.pop()
        length = stop - start
        if length <= largest:
            found.append((start, stop))
            continue
        margin = max(1, length // 4)
        cut = start + margin + int(np.argmax(joints[start + margin - 1 : stop - margin]))
        pending += [(cut, stop), (start, cut)]
    return found


def joints_between(joints: np.ndarray, parts: Sequence[tuple[int, int]]) -> np.ndarray:
    """What remains of the joints when each part has become one member."""
    return joints[[stop - 1 for _, stop in parts[:-1]]] if len(parts) > 1 else np.zeros(0)
