"""Orders of rows in which neighbours are alike: short paths through all rows of a matrix."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist, squareform

from cnnvis_caffe.layout.hierarchy import leaves_of
from cnnvis_caffe.layout.shortest_path import LARGEST_EXACT, exact_path, improved_path


def order(distances: np.ndarray, *, is_thorough: bool = True) -> np.ndarray:
    """Order rows so that the sum of the distances of consecutive rows is small.

    Parameters
    ----------
    distances : array_like of shape (n, n)
        Symmetric, finite, never negative.
    is_thorough : bool, default=True
        Of more than 12 rows: try to leave the first path that no move shortens for better ones, which takes ten times
        as long and gains a few percent.

    Returns
    -------
    ndarray of shape (n,), int64
        A permutation that begins with the smaller one of its two ends. Its path is the shortest of all up to 12
        rows, and beyond never longer than SciPy's optimal leaf order of the average linkage.

    Raises
    ------
    ValueError
        If the distances are not a square matrix of finite numbers that are not negative.
    """
    distances = np.asarray(distances, np.float64)
    n = len(distances)
    if distances.shape != (n, n) or not np.isfinite(distances).all() or (distances < 0).any():
        raise ValueError(f"distances must be a square matrix, finite and not negative; got shape {distances.shape}")
    distances = (distances + distances.T) / 2
    if n < 3:
        return np.arange(n, dtype=np.int64)
    if n <= LARGEST_EXACT:
        path = exact_path(distances)
    else:
        condensed = squareform(distances, checks=False)
        leaves, _ = leaves_of(optimal_leaf_ordering(linkage(condensed, "average"), condensed))
        path = improved_path(distances, leaves, n_kicks=None if is_thorough else 0)
    return path if path[0] < path[-1] else path[::-1].copy()


def path_length(distances: np.ndarray, permutation: np.ndarray) -> float:
    """Sum of the distances of consecutive rows."""
    return float(distances[permutation[:-1], permutation[1:]].sum())


def order_rows(matrix: np.ndarray, *, is_thorough: bool = True) -> np.ndarray:
    """Order the rows of a matrix that is shown as a picture, alike ones side by side.

    Rows are compared as they are seen, by the Euclidean distance of their values.

    Parameters
    ----------
    matrix : array_like of shape (n, c)
        What is not known is NaN.
    is_thorough : bool, default=True
        As for `order`.

    Returns
    -------
    ndarray of shape (n,), int64
        The stronger end first; rows that are zero throughout stand together behind it all.
    """
    matrix = np.asarray(matrix, np.float64)
    values = np.where(np.isfinite(matrix), matrix, 0.0)
    is_zero = ~values.any(axis=1)
    rows = _order_some(values, np.flatnonzero(~is_zero), is_thorough=is_thorough)
    half = len(rows) // 2
    if np.abs(values[rows[:half]]).sum() < np.abs(values[rows[len(rows) - half :]]).sum():
        rows = rows[::-1]
    return np.concatenate([rows, np.flatnonzero(is_zero)])


def _order_some(values: np.ndarray, chosen: np.ndarray, *, is_thorough: bool = True) -> np.ndarray:
    """Order the chosen rows of a matrix by their Euclidean distances."""
    if len(chosen) < 3:
        return chosen
    return chosen[order(squareform(pdist(values[chosen])), is_thorough=is_thorough)]
