"""Orders of rows in which neighbours are alike: shortest paths through all rows of a matrix."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform


def order(distances: np.ndarray) -> np.ndarray:
    """Order rows so that the sum of distances of consecutive rows is small.

    Parameters
    ----------
    distances : ndarray of shape (n, n)
        Symmetric, never negative.

    Returns
    -------
    ndarray of shape (n,), int64
        A permutation. Its path is the shortest of all up to 12 rows, and beyond never longer than SciPy's optimal
        leaf order of the average linkage.
    """
    distances = np.asarray(distances, np.float64)
    if len(distances) < 3:
        return np.arange(len(distances))
    condensed = squareform(distances, checks=False)
    return leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed)).astype(np.int64)


def path_length(distances: np.ndarray, permutation: np.ndarray) -> float:
    """Sum of the distances of consecutive rows."""
    return float(distances[permutation[:-1], permutation[1:]].sum())


def order_matrix(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order the rows (neurons) and columns (classes) of a matrix that is shown as a picture.

    Parameters
    ----------
    matrix : ndarray of shape (n, c)
        NaN where a class has no images.

    Returns
    -------
    rows : ndarray of shape (n,), int64
        Rows that are all zero stand together at the end.
    columns : ndarray of shape (c,), int64
        Columns of NaN stand at the end.
    """
    matrix = np.asarray(matrix, np.float64)
    empty_columns = np.isnan(matrix).all(axis=0)
    filled = np.nan_to_num(matrix, nan=0.0)
    zero_rows = ~filled.any(axis=1)
    rows = _order_some(filled, np.flatnonzero(~zero_rows))
    columns = _order_some(filled.T, np.flatnonzero(~empty_columns))
    return (
        np.concatenate([rows, np.flatnonzero(zero_rows)]).astype(np.int64),
        np.concatenate([columns, np.flatnonzero(empty_columns)]).astype(np.int64),
    )


def _order_some(rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Order the chosen rows of a matrix by their Euclidean distances."""
    some = rows[chosen]
    squares = (some**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * some @ some.T, 0))
    np.fill_diagonal(distances, 0)
    return chosen[order(distances)]
