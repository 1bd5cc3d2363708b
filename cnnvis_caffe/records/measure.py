"""The record of a measure: how right a network's answers are, beside what guessing gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.records.checks import check_array


@dataclass(frozen=True, eq=False)
class Measure:
    """How right answers are, over all data and by column of the matrices.

    Attributes
    ----------
    name : str
        "error", "average precision", "rms error".
    unit : str
        "%" for shares, which are between 0 and 1 here; empty for plain numbers and for those in the data's unit.
    overall : float
        Over all data; of measures that are taken for each column, the mean of these. NaN where it is not known.
    guess : float
        What answers give that do not depend on the image; NaN where there is no such value.
    values, guesses : ndarray of shape (n_columns,), float64
        The same for each column; NaN where nothing is known of it.
    is_better_high : bool
        Whether larger values are better.
    """

    name: str
    unit: str
    overall: float
    guess: float
    values: np.ndarray
    guesses: np.ndarray
    is_better_high: bool = False

    def __post_init__(self) -> None:
        check_array(self, "values", (None,), np.float64)
        check_array(self, "guesses", self.values.shape, np.float64)
