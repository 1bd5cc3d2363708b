"""What counts in a comparison, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.readings.comparison import compare
from tests.helpers.analyses import make_analysis, with_features


def test_neurons_below_zero_for_all_classes_count_and_those_of_zeros_do_not():
    analysis = make_analysis("lenet", n_snapshots=2)
    means = [analysis.snapshots[number].features["ip2"].mean.copy() for number in (0, 1)]
    for number, mean in enumerate(means):
        mean[:6] = -np.roll(np.abs(mean[:6]), number, axis=1) - 0.1
        mean[6:] = 0
        analysis = with_features(analysis, "ip2", number, mean=mean)
    found = compare(*[(analysis, snapshot) for snapshot in analysis.snapshots], n_neurons=1000)
    cosine = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in zip(*(mean[:6].astype(np.float64) for mean in means))]
    (row,) = [row for row in found.layers if row.shown == "ip2"]
    assert row.distance == pytest.approx(np.median([1 - one for one in cosine]), abs=1e-9)
    assert {row.best for row in found.neurons if row.node == "ip2"} == {(-1, -1)}
