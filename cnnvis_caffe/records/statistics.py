"""Statistics of an array of numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ArrayStatistics:
    """Numbers about an array; mean, spread and range are those of its finite values.

    Attributes
    ----------
    count : int
        Number of values.
    mean, std : float or None
        Mean and standard deviation; None without any finite value.
    minimum, maximum : float or None
    n_zero, n_nan, n_infinite : int
    """

    count: int
    mean: float | None
    std: float | None
    minimum: float | None
    maximum: float | None
    n_zero: int
    n_nan: int
    n_infinite: int
