"""Places of a chart's values, zoomed in or not, and what lies under the pointer."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.scene.chart import plot_shapes
from cnnvis_caffe.scene.chart_frame import ChartFrame, cut_line
from cnnvis_caffe.scene.chart_marks import node_marks, point_in_words, point_marks
from cnnvis_caffe.scene.shapes import Path, Rectangle, Text
from cnnvis_caffe.scene.theme import LIGHT


def two_lines(**more):
    x = np.array([0.0, 100, 200, 300])
    first = Series("first", x, np.array([4.0, 3, 2, np.nan]), (), ("a", "b", "c", "d"), 0, False)
    second = Series("second", x, np.array([0.0, 3, 1, 1]), (), ("a", "b", "c", "d"), 1, True)
    return Chart("Loss by iteration", Axis("iteration"), Axis("Loss"), (first, second), **more)


def frame_of(chart, **more):
    return ChartFrame(chart, 0, 0, 500, 200, **more)


def test_values_lie_between_the_axes():
    frame = frame_of(two_lines())
    places = frame.places(0)
    assert places[:3, 0].tolist() == pytest.approx([frame.left + k / 3 * (frame.right - frame.left) for k in range(3)])
    assert np.isnan(places[3, 1])
    assert places[0, 1] == pytest.approx(frame.top) and frame.places(1)[0, 1] == pytest.approx(frame.bottom)
    assert frame.x_value(places[1, 0]) == pytest.approx(100)


def test_a_part_of_the_axis_cuts_lines_and_rescales():
    frame = frame_of(two_lines(), x_range=(50.0, 150.0))
    assert (frame.x_low, frame.x_high, frame.full) == (50, 150, (0, 300))
    assert np.isfinite(frame.places(1)[:, 1]).tolist() == [False, True, False, False]
    line = frame.line(1)
    assert line[:, 0].tolist() == pytest.approx([frame.left, (frame.left + frame.right) / 2, frame.right])
    assert [frame.y(v) for v in (1.5, 3, 2)] == pytest.approx(line[:, 1].tolist())
    for shape in plot_shapes(frame):
        if isinstance(shape, Path) and "/line/" in shape.name:
            assert frame.left - 1e-6 <= shape.points[:, 0].min() and shape.points[:, 0].max() <= frame.right + 1e-6
            assert frame.top - 1e-6 <= shape.points[:, 1].min() and shape.points[:, 1].max() <= frame.bottom + 1e-6


def test_a_cut_line_keeps_gaps_and_passes_through_where_it_has_no_point():
    x, y = np.array([0.0, 1, 2, 3]), np.array([0.0, 10, np.nan, 30])
    assert [one.tolist() for one in cut_line(x, y, 0.25, 0.75)] == [[0.25, 0.75], [2.5, 7.5]]
    at, values = cut_line(x, y, 0.5, 2.5)
    assert at.tolist() == [0.5, 1, 2, 2.5] and values[:2].tolist() == [5, 10] and np.isnan(values[2:]).all()
    assert cut_line(x, y, -1, 4)[0] is x


def test_the_nearest_point_is_the_nearest_and_no_other():
    """Its mark, its line and its value are one and the same."""
    chart = two_lines()
    frame = frame_of(chart)
    for number, point in ((0, 0), (0, 2), (1, 0), (1, 3)):
        x, y = frame.places(number)[point]
        assert frame.nearest(x + 3, y - 4, 14) == (number, point)
        marks = {shape.name: shape for shape in point_marks(frame, number, point, LIGHT)}
        spot = marks["mark/point"]
        assert (spot.x + spot.width / 2, spot.y + spot.height / 2) == pytest.approx((x, y))
        assert marks["mark/flag/0"].text == chart.series[number].name
        assert marks["mark/flag/1"].text.endswith(f" {chart.series[number].y[point]:g}")
    assert frame.nearest(*(frame.places(0)[0] + 20), 14) is None


def test_of_points_at_one_place_the_line_on_top_is_meant_and_the_other_is_named():
    frame = frame_of(two_lines())
    x, y = frame.places(0)[1]
    assert frame.nearest(x, y, 14) == (1, 1)
    assert frame.same_place(1, 1) == [0]
    texts = [shape.text for shape in point_marks(frame, 1, 1, LIGHT) if isinstance(shape, Text)]
    assert texts == ["second", "b · 3", "here too: first"]


def test_a_flag_stays_inside():
    frame = frame_of(two_lines())
    for number, point in ((0, 0), (1, 0), (1, 3), (0, 2)):
        (flag,) = (shape for shape in point_marks(frame, number, point, LIGHT) if shape.name == "mark/flag")
        assert isinstance(flag, Rectangle)
        assert flag.x >= 0 and flag.x + flag.width <= 500 and flag.y >= 0 and flag.y + flag.height <= 200


def by_layer():
    labels = ("conv1", "conv2", "ip1")
    line = Series("iter 1", np.arange(3.0), np.array([0.5, 0.25, 1]), labels, ("iter 1",) * 3)
    return Chart("Change", Axis("layer", labels=labels), Axis("change", "%"), (line,), is_ordered=True)


def test_a_layer_is_marked_at_its_place():
    frame = frame_of(by_layer())
    (mark,) = node_marks(frame, "conv2", LIGHT)
    assert mark.points[:, 0].tolist() == pytest.approx([frame.x(1)] * 4)
    assert list(node_marks(frame, "relu1", LIGHT)) == []
    assert list(node_marks(frame_of(by_layer(), x_range=(1.5, 2.5)), "conv2", LIGHT)) == []


def test_a_layer_with_a_line_of_its_own_is_marked_by_it():
    chart = two_lines()
    lines = tuple(Series(s.name, s.x, s.y, (s.name,) * 4, s.snapshots, s.rank, s.is_emphasised) for s in chart.series)
    marks = list(node_marks(frame_of(Chart("t", chart.x, chart.y, lines)), "second", LIGHT))
    assert marks and all(shape.name.split("/")[2] == "1" for shape in marks)


def test_a_point_in_words():
    assert point_in_words(by_layer(), 0, 1) == ("conv2", "iter 1", "25%")
    assert point_in_words(two_lines(), 0, 2) == ("c", "first", "2")


def test_a_low_chart_writes_names_side_by_side_and_says_how_many():
    labels = tuple(f"convolution_{k}" for k in range(20))
    line = Series("iter 1", np.arange(20.0), np.ones(20), labels)
    shapes = list(plot_shapes(ChartFrame(Chart("t", Axis("layer", labels=labels), Axis("y"), (line,)), 0, 0, 900, 100)))
    texts = [s for s in shapes if isinstance(s, Text) and s.name.startswith("chart/x/") and s.name.endswith("/text")]
    assert all(text.angle == 0 for text in texts) and 2 < len(texts) < 20
    assert len([s for s in shapes if isinstance(s, Path) and s.name.startswith("chart/x/")]) == 20
    every, note = round(20 / len(texts)), "".join(s.text for s in shapes if s.name == "chart/x/title")
    assert note in (f"1 name in {every} is shown", f"1 name in {every}", f"1 in {every}", "")  # never cut
