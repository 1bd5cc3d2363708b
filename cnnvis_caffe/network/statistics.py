"""Mean, spread and range of arrays, however large."""

from __future__ import annotations

import math

import numpy as np

from cnnvis_caffe.records.statistics import ArrayStatistics

_PIECE = 1 << 18


def statistics(array: np.ndarray) -> ArrayStatistics:
    """Describe an array.

    Parameters
    ----------
    array : ndarray of float32, any shape
        Read in pieces, so that a file that is mapped is not copied whole.

    Returns
    -------
    ArrayStatistics
    """
    flat = array.reshape(-1)
    count = n_zero = n_nan = n_infinite = 0
    minimum, maximum = math.inf, -math.inf
    mean = spread = 0.0  # of the values so far; spread is the sum of squared distances from the mean
    for start in range(0, flat.size, _PIECE):
        piece = flat[start : start + _PIECE].astype(np.float64)
        finite = piece[np.isfinite(piece)]
        n_nan += int(np.isnan(piece).sum())
        n_zero += int((finite == 0).sum())
        if not finite.size:
            continue
        minimum, maximum = min(minimum, float(finite.min())), max(maximum, float(finite.max()))
        # Chan, Golub and LeVeque: two parts' means and spreads put together.
        distance = float(finite.mean()) - mean
        total = count + finite.size
        spread += float(((finite - finite.mean()) ** 2).sum()) + distance**2 * count * finite.size / total
        mean += distance * finite.size / total
        count = total
    n_infinite = flat.size - count - n_nan
    if not count:
        return ArrayStatistics(flat.size, None, None, None, None, n_zero, n_nan, n_infinite)
    std = math.sqrt(spread / count)
    return ArrayStatistics(flat.size, mean, std, minimum, maximum, n_zero, n_nan, n_infinite)
