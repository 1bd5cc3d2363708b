"""Changes of weights, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.features.changes import last_update, relative_change, with_changes
from cnnvis_caffe.records.analysis import LayerDebug

BEFORE = np.float32([[1, -2], [3, -2]])
NOW = np.float32([[1, -1], [3, -3]])


def test_relative_change():
    assert relative_change(NOW, BEFORE) == pytest.approx(2 / 8)
    assert np.isnan(relative_change(NOW, np.zeros_like(NOW)))
    assert np.isnan(relative_change(NOW, np.ones(3, np.float32)))


def test_last_update():
    assert last_update(np.float32([0.5, -0.5, 0, 1]), NOW) == pytest.approx(2 / 8)
    assert np.isnan(last_update(np.float32([1]), NOW))
    assert np.isnan(last_update(NOW, np.zeros_like(NOW)))


def test_debugging_information_is_completed():
    debug = {"conv": LayerDebug(mean_abs_weight=2.0), "relu": LayerDebug(dead_share=0.5)}
    found = with_changes(debug, {"conv": NOW}, {"conv": BEFORE}, {"conv": np.full((2, 2), 0.25, np.float32)})
    assert found["conv"].mean_abs_weight == 2
    assert found["conv"].relative_change == pytest.approx(0.25)
    assert found["conv"].last_update == pytest.approx(0.125)
    assert found["relu"] == debug["relu"]
    assert np.isnan(with_changes(debug, {"conv": NOW})["conv"].relative_change)
