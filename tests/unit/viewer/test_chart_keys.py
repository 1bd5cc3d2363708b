"""Zooming, panning and going over a chart by keys, without a window."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.scene.chart_frame import ChartFrame
from cnnvis_caffe.viewer.chart.stepping import next_point, other_line
from cnnvis_caffe.viewer.chart.x_range import panned, zoomed

FULL = (0.0, 1000.0)


def test_what_is_under_the_pointer_stays_there():
    assert zoomed(FULL, FULL, 2.0, 250.0) == (125.0, 625.0)
    assert zoomed((100.0, 300.0), FULL, 2.0, 150.0) == (125.0, 225.0)


def test_zooming_out_ends_at_the_whole_axis():
    assert zoomed((900.0, 1000.0), FULL, 0.5, 950.0) == (800.0, 1000.0)
    assert zoomed((100.0, 900.0), FULL, 0.5, 500.0) is None


def test_zooming_in_ends_at_two_names_or_a_small_share():
    assert zoomed(FULL, FULL, 1e9, 500.0) == pytest.approx((499, 501))
    low, high = zoomed((-0.5, 9.5), (-0.5, 9.5), 1e9, 4.0, has_names=True)
    assert high - low == pytest.approx(2) and low <= 4 <= high
    assert zoomed((-0.5, 1.0), (-0.5, 1.0), 2.0, 0.0, has_names=True) is None


def test_panning_ends_where_the_axis_ends():
    assert panned((100.0, 200.0), FULL, 50.0) == (150.0, 250.0)
    assert panned((100.0, 200.0), FULL, -500.0) == (0.0, 100.0)
    assert panned((100.0, 200.0), FULL, 5000.0) == (900.0, 1000.0)


@pytest.fixture
def frame():
    """Three lines, the second of them looked at; the third lies on the first."""
    x = np.arange(4.0)
    values = ([4.0, 4, 4, 4], [1.0, np.nan, 1, 1], [4.0, 4, 4, 4])
    series = tuple(Series(str(k), x, np.array(y), (), (), k, k == 1) for k, y in enumerate(values))
    return ChartFrame(Chart("t", Axis("x"), Axis("y"), series, is_ordered=True), 0, 0, 300, 200)


def test_sideways_goes_over_the_line_that_is_looked_at(frame):
    assert next_point(frame, None, 1) == (1, 0)
    assert next_point(frame, None, -1) == (1, 3)
    assert next_point(frame, (1, 0), 1) == (1, 2), "over the gap"
    assert next_point(frame, (1, 3), 1) is None


def test_up_and_down_goes_through_all_lines(frame):
    assert other_line(frame, None, 1) == (1, 0)
    assert other_line(frame, (1, 0), 1) is None
    up = other_line(frame, (1, 0), -1)
    assert up == (0, 0)
    assert other_line(frame, up, 1) == (2, 0)
    assert other_line(frame, (2, 0), 1) == (1, 0)
