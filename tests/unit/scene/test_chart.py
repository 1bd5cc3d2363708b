from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe.readings.debugging import QUANTITIES, chart_by_iteration, chart_by_layer, training_chart
from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.scene.chart import build_chart, describe_chart
from cnnvis_caffe.scene.chart_frame import label_runs
from cnnvis_caffe.scene.chart_lines import line_colour, spread
from cnnvis_caffe.scene.colour_maps import rgb
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.shapes import Path, Text
from cnnvis_caffe.scene.theme import DARK, LIGHT
from cnnvis_caffe.scene.ticks import linear_ticks, log_ticks, tick_texts
from tests.helpers.analyses import make_analysis, with_snapshot
from tests.helpers.contrast import contrast


def chart(values, *, unit="", is_log=False, labels=(), **more):
    values = np.asarray(values, np.float64)
    places = np.arange(len(values), dtype=np.float64)
    return Chart(
        "A chart", Axis("x", labels=labels), Axis("y", unit, is_log), (Series("line", places, values),), **more
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 6, [0, 2, 4, 6]),
        (0, 0.1, [0, 0.025, 0.05, 0.075, 0.1]),
        (-3, 12, [-5, 0, 5, 10, 15]),
        (5, 5, [0, 2.5, 5, 7.5, 10]),
        (0, 0, [0, 0.5, 1, 1.5, 2]),
    ],
)
def test_ticks_are_round_and_cover_the_range(low, high, expected):
    assert linear_ticks(low, high, 4) == expected


def test_log_ticks_are_powers_of_ten():
    assert log_ticks(0.02, 30) == pytest.approx([0.01, 0.1, 1, 10, 100])
    assert log_ticks(1e-9, 1e3, 4) == pytest.approx([1e-9, 1e-6, 1e-3, 1, 1e3])
    assert tick_texts([1e-5, 1e-2, 10], is_log=True) == ["10⁻⁵", "0.01", "10"]


def test_ticks_are_written_alike():
    assert tick_texts([0, 0.5, 1.0]) == ["0.0", "0.5", "1.0"]
    assert tick_texts([0, 0.025, 0.05]) == ["0.000", "0.025", "0.050"]
    assert tick_texts([0, 0.25, 0.5], "%") == ["0%", "25%", "50%"]
    assert tick_texts([0, 5e-5, 1e-4, 1.5e-4]) == ["0", "5.0·10⁻⁵", "1.0·10⁻⁴", "1.5·10⁻⁴"]
    assert tick_texts([-20000, 0]) == ["−20\u00a0000", "0"]


def test_names_of_lines_are_moved_apart_and_stay_inside():
    placed = spread(np.array([50.0, 52.0, 10.0, 51.0]), 12, 0, 100)
    assert np.diff(np.sort(placed)).min() >= 12 - 1e-9
    assert placed[2] == 10
    assert np.argsort(placed).tolist() == [2, 0, 3, 1]
    assert placed[[0, 1, 3]].mean() == pytest.approx(51)
    low = spread(np.array([99.0, 99.5, 98.0]), 12, 0, 100)
    assert low.max() == 100 and np.diff(np.sort(low)).min() == pytest.approx(12)


def test_a_chart_by_layer_has_a_line_for_each_snapshot_and_a_target_for_each_point():
    analysis = make_analysis("deep", n_snapshots=3)
    made = chart_by_layer(analysis, "relative_change", snapshot="iter 2000")
    assert [one.name for one in made.series] == ["iter 1000 to 2000", "iter 2000 to 3000"]
    assert [one.is_emphasised for one in made.series] == [True, False]
    assert made.x.labels[:3] == ("conv1_1", "conv1_2", "conv2_1")
    layer = made.x.labels.index("conv3_2")
    assert made.series[0].y[layer] == analysis.snapshots[1].debug["conv3_2"].relative_change
    targets = [shape.target for shape in build_chart(made).shapes if shape.target and shape.target.kind == "point"]
    assert ("conv3_2", "iter 2000", 0) in {(t.node, t.other_node, t.index) for t in targets}
    assert len([t for t in targets if t.node]) == 24


def test_dead_neurons_are_shown_by_rectifier_in_percent():
    made = chart_by_layer(make_analysis("deep"), "dead_share")
    assert made.x.labels[-1] == "relu5"
    assert made.y.unit == "%"


def test_a_chart_by_iteration_has_a_line_for_each_layer_of_a_group():
    made = chart_by_iteration(
        make_analysis("deep", n_snapshots=3), "mean_abs_weight", ["conv2_1", "relu2_1", "conv2_2"]
    )
    assert [one.name for one in made.series] == ["conv2_1", "conv2_2"]
    assert made.series[0].x.tolist() == [1000, 2000, 3000]
    assert made.series[0].snapshots == ("iter 1000", "iter 2000", "iter 3000")


def test_snapshots_without_iterations_are_named():
    analysis = with_snapshot(make_analysis("lenet", n_snapshots=2), 0, iteration=None, label="first")
    made = chart_by_iteration(analysis, "mean_abs_weight")
    assert made.x.labels == ("first", "iter 2000")


def test_the_training_shows_the_error_of_an_accuracy_beside_the_snapshots():
    made = training_chart(make_analysis("lenet", n_snapshots=2), "error")
    assert [one.name for one in made.series] == ["test error", "snapshots on made up"]
    assert made.series[0].y[0] == pytest.approx(0.9)
    assert made.series[1].y.tolist() == pytest.approx([0.02, 0.01])
    assert made.notes == ("snapshots: 400 images of made up", "curves: made up, on the training's own data")


def test_a_wide_range_is_logarithmic_unless_in_percent_or_with_zeros():
    analysis = make_analysis("lenet")
    assert not training_chart(analysis, "loss").y.is_log
    assert training_chart(with_snapshot(analysis, loss=1e-3), "loss").y.is_log
    debug = {name: replace(info, mean_abs_weight=0.0) for name, info in analysis.snapshots[0].debug.items()}
    assert not chart_by_layer(with_snapshot(analysis, debug=debug), "mean_abs_weight").y.is_log


@pytest.mark.parametrize("quantity", sorted(QUANTITIES))
def test_a_chart_without_values_says_what_to_do(quantity):
    analysis = make_analysis("lenet")
    made = chart_by_layer(with_snapshot(analysis, debug={}), quantity)
    assert made.series == () and made.empty.endswith(".")
    assert made.empty in [shape.text for shape in build_chart(made).shapes if isinstance(shape, Text)]


def test_a_chart_in_words_gives_the_range_of_each_line():
    """One value, as of a single snapshot, is a range too."""
    analysis = with_snapshot(make_analysis("lenet"), error=1 / 12, loss=0.5)
    words = describe_chart(training_chart(replace(analysis, curves=()), "error"))
    assert words == "Error by iteration. snapshots on made up: 8.33%."
    assert describe_chart(chart([0.25, 0.125, np.nan])).endswith(": 0.125 to 0.25.")


def test_an_unknown_value_is_a_gap():
    lines = [s for s in build_chart(chart([1, 2, np.nan, 4, 5])).shapes if s.name.startswith("chart/line")]
    assert len(lines) == 2


def test_a_zero_on_a_logarithmic_axis_is_a_gap():
    shapes = build_chart(chart([1, 0, 1000], is_log=True)).shapes
    assert len([s for s in shapes if s.name.startswith("chart/dot")]) == 2


@pytest.mark.parametrize(("kind", "n_snapshots"), [("deep", 5), ("inception", 3)])
@pytest.mark.parametrize("size", [(960, 260), (520, 220)])
def test_everything_lies_inside_and_names_are_unique(kind, n_snapshots, size):
    made = chart_by_layer(make_analysis(kind, n_snapshots=n_snapshots), "relative_change")
    scene = build_chart(made, size=size, theme=DARK)
    names = [shape.name for shape in scene.shapes]
    assert len(set(names)) == len(names)
    for shape in scene.shapes:
        if isinstance(shape, Path):
            assert shape.points.min() >= 0
            assert (shape.points.max(0) <= size).all()
        elif isinstance(shape, Text) and not shape.angle:
            width = text_width(shape.text, shape.size, shape.weight)
            left = shape.x - {"start": 0, "middle": width / 2, "end": width}[shape.anchor]
            assert left >= 0 and left + width <= size[0] and 0 < shape.y <= size[1], shape


def test_long_curves_are_thinned_without_losing_peaks():
    values = np.random.default_rng(0).normal(size=20000)
    values[7777] = 50
    scene = build_chart(chart(values))
    (line,) = [shape for shape in scene.shapes if shape.name.startswith("chart/line")]
    top = min(s.points[0, 1] for s in scene.shapes if s.name.startswith("chart/y/") and isinstance(s, Path))
    assert len(line.points) < 15000
    assert line.points[:, 1].min() == pytest.approx(top, abs=(line.points[:, 1].max() - top) * 0.3)
    assert not [shape for shape in scene.shapes if shape.name.startswith("chart/dot")]


def test_the_last_snapshot_stands_out_on_both_grounds():
    made = chart_by_layer(make_analysis("deep", n_snapshots=5), "mean_abs_weight")
    for theme in (LIGHT, DARK):
        first, *_, last = (contrast(line_colour(made, one, theme), theme.ground) for one in made.series)
        assert last > 2 * first and first > 2


def test_runs_of_names_that_start_alike():
    assert label_runs(("a/1", "a/2", "b", "b/x", "a/3")) == [("a", 0, 1), ("b", 2, 3), ("a", 4, 4)]


def test_lines_of_several_snapshots_have_colours_that_differ():
    made = chart_by_layer(make_analysis("deep", n_snapshots=5), "mean_abs_weight")
    for theme in (LIGHT, DARK):
        colours = np.array([rgb(line_colour(made, one, theme)) for one in made.series], float)
        assert np.linalg.norm(np.diff(colours, axis=0), axis=1).min() > 40
        # None of them is a grey: the snapshots in the middle would look alike.
        assert np.ptp(colours, axis=1).min() > 50


def test_a_series_keeps_its_lengths():
    with pytest.raises(ValueError, match="nodes must be empty or have 2"):
        Series("x", np.zeros(2), np.zeros(2), ("a",))


def many_lines(n, *, chosen=0):
    """Lines with a step each, at their own heights."""
    x = np.arange(4.0)
    series = tuple(Series(f"iter {k}", x, np.full(4, k + 1.0), (), (), k, k == chosen) for k in range(n))
    return Chart("A chart", Axis("x"), Axis("y"), series, is_ordered=True)


def test_names_without_room_are_counted():
    texts = {s.name: s.text for s in build_chart(many_lines(40, chosen=7)).shapes if isinstance(s, Text)}
    names = [text for name, text in texts.items() if name.startswith("chart/name/")]
    assert texts["chart/names/more"] == f"+ {40 - len(names)} more"
    assert {"iter 0", "iter 7", "iter 39"} <= set(names)


def test_only_the_line_that_is_looked_at_has_dots_where_there_are_many():
    shapes = build_chart(many_lines(40, chosen=7)).shapes
    assert {s.name.split("/")[2] for s in shapes if s.name.startswith("chart/dot/")} == {"7"}


def test_nothing_stands_out_at_a_snapshot_without_values():
    """The first snapshot has no change since one before it."""
    made = chart_by_layer(make_analysis("deep", n_snapshots=3), "relative_change", snapshot="iter 1000")
    assert not any(one.is_emphasised for one in made.series)
    assert made.notes[0] == "nothing known at iter 1000"
    assert not [s for s in build_chart(made).shapes if isinstance(s, Text) and s.weight == "bold" and "iter" in s.text]


def test_changes_over_intervals_of_several_lengths_are_divided_by_them():
    analysis = make_analysis("deep", n_snapshots=3)
    changes = [one.debug["conv3_2"].relative_change for one in analysis.snapshots[1:]]
    analysis = with_snapshot(analysis, 2, iteration=6000, label="iter 6000")
    made = chart_by_layer(analysis, "relative_change")
    layer = made.x.labels.index("conv3_2")
    assert [one.y[layer] for one in made.series] == pytest.approx([changes[0], changes[1] / 4])
    assert made.y.title.endswith("per 1000 iterations") and "intervals differ" in made.notes[0]
    by_iteration = chart_by_iteration(analysis, "relative_change", ["conv3_2"])
    assert by_iteration.series[0].y[1:] == pytest.approx([changes[0], changes[1] / 4])
    assert "per 1000" not in chart_by_layer(analysis, "mean_abs_weight").y.title


@pytest.mark.parametrize("make", [chart_by_iteration, training_chart])
def test_the_chosen_snapshot_is_marked(make):
    made = make(make_analysis("lenet", n_snapshots=3), snapshot="iter 2000")
    assert (made.here, made.here_name) == (2000.0, "iter 2000")
    shapes = {s.name: s for s in build_chart(made).shapes}
    ticks = {s.text: s.x for s in shapes.values() if isinstance(s, Text) and s.name.startswith("chart/x/")}
    assert shapes["chart/here"].points[0, 0] == pytest.approx(ticks["2000"])
    assert shapes["chart/here/name"].text == "iter 2000"


def test_a_logarithmic_axis_ends_with_its_values():
    ticks = [s for s in build_chart(chart([0.003, 40], is_log=True), size=(400, 120)).shapes if "/y/" in s.name]
    assert [s.text for s in ticks if isinstance(s, Text)] in (["0.01", "0.1", "1", "10"], ["0.01", "1"])
