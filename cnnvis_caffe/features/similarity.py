"""Measures how alike the neurons of a node are: cosine similarity and correlation of their mean activations."""

from __future__ import annotations

import numpy as np


def cosine_similarity(products: np.ndarray) -> np.ndarray:
    """Return the cosine similarity of neurons.

    Parameters
    ----------
    products : ndarray of shape (n, n), float64
        Sum over the images of the products of two neurons' mean activations.

    Returns
    -------
    ndarray of shape (n, n), float32
        From -1 to 1; 0 for neurons that are zero on all images.
    """
    return _normalised(products, np.sqrt(np.maximum(np.diagonal(products), 0)))


def correlation(products: np.ndarray, total: np.ndarray, n_images: int) -> np.ndarray:
    """Return the correlation of neurons.

    Parameters
    ----------
    products : ndarray of shape (n, n), float64
    total : ndarray of shape (n,), float64
        Sum over the images of the mean activations.
    n_images : int

    Returns
    -------
    ndarray of shape (n, n), float32
        From -1 to 1; 0 for neurons whose mean activation is the same on all images.
    """
    covariance = products - np.outer(total, total / max(n_images, 1))
    diagonal = np.diagonal(covariance)
    # What is left of a constant after subtracting it from itself is rounding.
    is_constant = diagonal <= 1e-12 * np.diagonal(products)
    return _normalised(covariance, np.where(is_constant, 0, np.sqrt(np.maximum(diagonal, 0))))


def _normalised(matrix: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """Divide rows and columns; 0 where the norm is 0, 1 on the rest of the diagonal."""
    inverse = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0)
    result = np.clip(matrix * inverse[:, np.newaxis] * inverse, -1, 1).astype(np.float32)
    np.fill_diagonal(result, inverse > 0)
    return result
