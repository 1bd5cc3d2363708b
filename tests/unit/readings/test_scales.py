"""Scales over all snapshots, and over both models of a comparison, against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.analyses import make_analysis

from cnnvis_caffe.readings.scales import MatrixScale, QuantityRange, Scales, knows_quantity


@pytest.fixture(scope="module")
def trained():
    return make_analysis("lenet", n_snapshots=3)


def test_a_matrix_has_the_largest_value_of_all_snapshots_and_models(trained):
    other = make_analysis("lenet", seed=3, n_classes=7)
    for analyses in ((trained,), (trained, other)):
        means = [snapshot.features["relu1"].mean for one in analyses for snapshot in one.snapshots]
        assert Scales(*analyses).matrix("relu1", "activations").largest == max(np.nanmax(mean) for mean in means)
    assert Scales(trained).matrix("nowhere", "activations") == MatrixScale(0.0, False)


def test_connections_span_the_means_of_all_layers_and_snapshots(trained):
    found = []
    for snapshot in trained.snapshots:
        for connections in snapshot.connections.values():
            size = connections.abs_weight.astype(float)
            found.append((connections.abs_gradient * size).sum(1) / size.sum(1))
    span = Scales(trained).quantity("gradient")
    everything = np.concatenate(found)
    assert everything.min() <= span.least < span.most <= everything.max()
    assert np.mean((everything >= span.least) & (everything <= span.most)) > 0.9
    assert Scales(trained).quantity("weight") is None


def test_values_beyond_the_ends_have_the_colours_of_the_ends():
    span = QuantityRange(1e-3, 1.0)
    assert [span.share(value) for value in (0.0, 1e-3, 1.0, 7.0)] == [0.0, 0.0, 1.0, 1.0]
    assert span.share(10**-1.5) == pytest.approx(0.5)


def test_the_first_snapshot_has_no_relative_change(trained):
    known = [knows_quantity(trained, snapshot, "relative_change") for snapshot in trained.snapshots]
    assert known == [False, True, True]
    assert Scales(trained).quantity("relative_change") is not None
    assert Scales(make_analysis("lenet")).quantity("relative_change") is None
