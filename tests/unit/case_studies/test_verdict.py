from __future__ import annotations

import math

import pytest

from case_studies.common.verdict import compare


@pytest.mark.parametrize(
    ("paper", "values", "kind", "verdict"),
    [
        (0.87, [0.90, 0.95, 1.00], "error", "reproduced"),  # mean 0.95, two deviations are 0.1
        (0.87, [1.00, 1.01, 1.02], "error", "close"),  # 0.14 points away
        (0.87, [1.03, 1.03, 1.03], "error", "not reproduced"),
        (0.87, [0.87], "error", "close"),  # one seed has no spread to lie in
        (6.0e-3, [7.4e-3, 7.5e-3], "loss", "close"),
        (6.0e-3, [7.6e-3, 7.6e-3], "loss", "not reproduced"),
        (6.0e-3, [], "loss", "not attempted"),
    ],
)
def test_verdicts_are_those_of_the_definitions(paper, values, kind, verdict):
    assert compare(paper, values, kind).verdict == verdict


def test_the_spread_is_that_of_a_sample():
    found = compare(1.0, [1.0, 2.0, 6.0], "error")
    assert found.mean == 3
    assert found.std == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
