"""Least squares under order: the nearest places that keep their distances."""

from __future__ import annotations

import numpy as np


def isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Nearest ascending sequence in weighted least squares, by pooling adjacent violators.

    Parameters
    ----------
    values, weights : ndarray of shape (n,)
        Weights are above 0.

    Returns
    -------
    ndarray of shape (n,), float64
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist()):
        length = 1
        while blocks and blocks[-1][0] >= value:
            other, other_weight, other_length = blocks.pop()
            value = (other * other_weight + value * weight) / (other_weight + weight)
            weight += other_weight
            length += other_length
        blocks.append((value, weight, length))
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks]).astype(np.float64)


def separate(
    wanted: np.ndarray, separations: np.ndarray, weights: np.ndarray, low: float = -np.inf, high: float = np.inf
) -> np.ndarray:
    """Nearest places to the wanted ones that keep their order and distances.

    Parameters
    ----------
    wanted : ndarray of shape (n,)
    separations : ndarray of shape (n - 1,)
        Least distances of consecutive places.
    weights : ndarray of shape (n,)
    low, high : float
        Bounds of the first and of the last place; where both cannot be kept, the first is.

    Returns
    -------
    ndarray of shape (n,), float64
    """
    offsets = np.concatenate([[0.0], np.cumsum(separations)])
    nearest = isotonic(np.asarray(wanted, np.float64) - offsets, weights)
    return np.maximum(np.minimum(nearest, high - offsets[-1]), low) + offsets
