"""Orders of rows in which neighbours are alike: short paths through all rows of a matrix."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist, squareform

from cnnvis_caffe.layout.shortest_path import LARGEST_EXACT, exact_path, improved_path


def order(distances: np.ndarray) -> np.ndarray:
    """Order rows so that the sum of the distances of consecutive rows is small.

    Parameters
    ----------
    distances : array_like of shape (n, n)
        Symmetric, finite, never negative.

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
        leaves = leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed))
        path = improved_path(distances, leaves.astype(np.int64))
    return path if path[0] < path[-1] else path[::-1].copy()


def path_length(distances: np.ndarray, permutation: np.ndarray) -> float:
    """Sum of the distances of consecutive rows."""
    return float(distances[permutation[:-1], permutation[1:]].sum())


def order_matrix(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order the rows (neurons) and columns (classes) of a matrix that is shown as a picture.

    Rows are compared as they are seen, by the Euclidean distance of their values; likewise columns.

    Parameters
    ----------
    matrix : array_like of shape (n, c)
        NaN where a class has no images.

    Returns
    -------
    rows : ndarray of shape (n,), int64
        The stronger end first; rows that are zero for all classes stand together behind it all.
    columns : ndarray of shape (c,), int64
        Columns of NaN stand at the end.
    """
    matrix = np.asarray(matrix, np.float64)
    is_empty = np.isnan(matrix).all(axis=0)
    values = np.where(np.isfinite(matrix), matrix, 0.0)
    is_zero = ~values.any(axis=1)
    rows = _order_some(values, np.flatnonzero(~is_zero))
    half = len(rows) // 2
    if np.abs(values[rows[:half]]).sum() < np.abs(values[rows[len(rows) - half :]]).sum():
        rows = rows[::-1]
    columns = _order_some(values.T, np.flatnonzero(~is_empty))
    return np.concatenate([rows, np.flatnonzero(is_zero)]), np.concatenate([columns, np.flatnonzero(is_empty)])


def _order_some(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Order the chosen rows of a matrix by their Euclidean distances."""
    if len(chosen) < 3:
        return chosen
    return chosen[order(squareform(pdist(values[chosen])))]
