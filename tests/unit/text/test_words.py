"""Numbers as they are written in pictures."""

from __future__ import annotations

import pytest

from cnnvis_caffe.text.words import counted, figure, percent, whole


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (float("nan"), "–"), (1.0, "1"), (0.83333, "0.833"), (12.345, "12.3"), (-2.5, "−2.5"),
        (99999.0, "99\u00a0999"), (1234.5, "1234"), (0.00123, "0.00123"), (0.000123, "1.2·10⁻⁴"), (2.5e7, "2.5·10⁷"),
    ],
)  # fmt: skip
def test_figures_have_three_significant_digits(value, text):
    assert figure(value) == text


def test_counts():
    assert (counted(1, "neuron"), counted(0, "neuron")) == ("1 neuron", "0 neurons")
    assert whole(60000) == "60\u00a0000"
    assert percent(0.0087) == "0.87%"
