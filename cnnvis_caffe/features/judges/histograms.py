"""Histograms of scores for yes and no, from which precision and recall follow at any threshold."""

from __future__ import annotations

import numpy as np

#: Scores are kept to 7 binary digits behind the first, with their sign: an error of less than 1% of each score.
N_BINS = 1 << 13
_DROPPED = 3


def bins(scores: np.ndarray) -> np.ndarray:
    """Return the bin of each score; larger scores are never in a lower bin.

    Parameters
    ----------
    scores : ndarray, float32

    Returns
    -------
    ndarray of int64
        Between 0 and N_BINS - 1. Scores of 0 and above are in the upper half.
    """
    with np.errstate(over="ignore"):
        half = (scores + np.float32(0)).astype(np.float16)  # adding 0 makes -0 and 0 the same
    found = half.view(np.uint16).astype(np.int64)
    # As whole numbers, the bits of negative floats run the other way.
    return np.where(found & 0x8000, 0xFFFF - found, found | 0x8000) >> _DROPPED


def add(counts: np.ndarray, scores: np.ndarray, answers: np.ndarray) -> None:
    """Count scores in place.

    Parameters
    ----------
    counts : ndarray of shape (n_columns, 2, N_BINS)
        For no and yes.
    scores : ndarray of shape (n_images, n_columns), float32
    answers : ndarray of shape (n_images, n_columns), float32
        1 for yes, 0 for no, NaN where it is not known.
    """
    known = np.isfinite(answers) & np.isfinite(scores)
    _, columns = np.nonzero(known)
    np.add.at(counts, (columns, (answers[known] > 0.5).astype(np.int64), bins(scores[known])), 1)


def average_precision(counts: np.ndarray) -> np.ndarray:
    """Return the mean precision over the yes answers in the order of their scores.

    Parameters
    ----------
    counts : ndarray of shape (n_columns, 2, N_BINS)

    Returns
    -------
    ndarray of shape (n_columns,), float64
        Sum over the thresholds of precision times the step in recall; NaN without any yes.
    """
    yes, no = counts[:, 1, ::-1].cumsum(1, dtype=np.float64), counts[:, 0, ::-1].cumsum(1, dtype=np.float64)
    precision = yes / np.maximum(yes + no, 1)
    steps = np.diff(yes, axis=1, prepend=0)
    total = yes[:, -1]
    return np.where(total > 0, (precision * steps).sum(1) / np.maximum(total, 1), np.nan)


def area_under_curve(counts: np.ndarray) -> np.ndarray:
    """Return the share of pairs of a yes and a no of which the yes has the larger score; equal ones count half.

    Parameters
    ----------
    counts : ndarray of shape (n_columns, 2, N_BINS)

    Returns
    -------
    ndarray of shape (n_columns,), float64
        NaN without any yes or any no.
    """
    no, yes = (counts[:, answer].astype(np.float64) for answer in (0, 1))
    below = np.cumsum(no, 1) - no / 2
    pairs = no.sum(1) * yes.sum(1)
    return np.where(pairs > 0, (below * yes).sum(1) / np.maximum(pairs, 1), np.nan)


def decided(counts: np.ndarray, threshold: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return how many are right and wrong when scores from a threshold on mean yes.

    Parameters
    ----------
    counts : ndarray of shape (n_columns, 2, N_BINS)
    threshold : float, default=0

    Returns
    -------
    (hits, misses, false_alarms, rejections), ndarray of shape (n_columns,) each
    """
    first = int(bins(np.array([threshold], np.float32))[0])
    hits, false_alarms = counts[:, 1, first:].sum(1), counts[:, 0, first:].sum(1)
    return hits, counts[:, 1].sum(1) - hits, false_alarms, counts[:, 0].sum(1) - false_alarms
