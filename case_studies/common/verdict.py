"""A value of ours beside one of the paper's: mean and spread over seeds, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CLOSE_ERROR_POINTS = 0.15
CLOSE_LOSS_SHARE = 0.25


@dataclass(frozen=True)
class Comparison:
    """One cell of a table.

    Attributes
    ----------
    paper, mean, std : float
        The paper's value, ours over the seeds, and the standard deviation with n - 1 (0 for one seed).
    values : tuple of float
        One a seed.
    verdict : {"reproduced", "close", "not reproduced", "not attempted"}
    """

    paper: float
    mean: float
    std: float
    values: tuple[float, ...]
    verdict: str


def compare(paper: float, values: Sequence[float], kind: str) -> Comparison:
    """Judge values of ours.

    Parameters
    ----------
    paper : float
        Errors in percent.
    values : sequence of float
        One a seed; may be empty.
    kind : {"error", "loss"}

    Returns
    -------
    Comparison
        Reproduced: the paper's value lies within two standard deviations of our mean; close: within 0.15 points of
        error or a quarter of a loss. With a single seed there is no spread, and nothing can be reproduced.
    """
    values = tuple(values)
    if not values:
        return Comparison(paper, math.nan, math.nan, (), "not attempted")
    mean = sum(values) / len(values)
    std = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else 0.0
    near = CLOSE_ERROR_POINTS if kind == "error" else CLOSE_LOSS_SHARE * paper
    if len(values) > 1 and abs(paper - mean) <= 2 * std:
        verdict = "reproduced"
    elif abs(paper - mean) <= near:
        verdict = "close"
    else:
        verdict = "not reproduced"
    return Comparison(paper, mean, std, values, verdict)
