"""The chart's widget: pointing, clicking, zooming, keys, themes and screens of high density."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.scene.theme import DARK, LIGHT
from cnnvis_caffe.viewer.chart.line_chart import LineChart
from cnnvis_caffe.viewer.qt import QColor, QPoint, QPointF, Qt
from cnnvis_caffe.viewer.widgets import style

from . import pointer


def chart_of(n_points=11):
    x = 100.0 * np.arange(n_points)
    labels = tuple(f"iter {int(v)}" for v in x)
    lines = tuple(
        Series(name, x, values, (name,) * n_points, labels, rank)
        for rank, (name, values) in enumerate((("conv1", x / 100 + 1), ("ip1", np.full(n_points, 5.0))))
    )
    return Chart("Change by iteration", Axis("iteration"), Axis("Change"), lines, here=300.0, here_name="iter 300")


@pytest.fixture
def plot(qtbot):
    """A chart of two lines that is shown."""
    plot = LineChart()
    qtbot.addWidget(plot)
    plot.resize(700, 180)
    plot.show()
    plot.show_chart(chart_of(), LIGHT)
    return plot


def place(plot, number, point):
    """Where a point is, in pixels."""
    return QPointF(*plot.frame.places(number)[point]).toPoint()


def test_the_mark_the_words_and_the_colour_are_of_one_line(plot, qtbot):
    said = []
    plot.pointed.connect(said.append)
    for number, point in ((0, 2), (1, 2)):
        at = place(plot, number, point)
        pointer.move(plot, at)
        assert plot.hover == (number, point)
        series = plot.chart.series[number]
        assert said[-1] == f"iter 200 · {series.name} · change {series.y[point]:g}"
        image = plot.grab().toImage()
        (spot,) = (shape for shape in plot.marks() if shape.name == "mark/point")
        assert image.pixelColor(at) == QColor(spot.style.fill)
    pointer.move(plot, QPoint(5, 5))
    assert plot.hover is None and said[-1] == "" and plot.marks() == []


def test_points_and_names_can_be_clicked(plot, qtbot):
    with qtbot.waitSignal(plot.point_clicked) as clicked:
        pointer.click(plot, place(plot, 0, 3))
    assert clicked.args == ["conv1", "iter 300"]
    name = next(shape for shape in plot.shapes if shape.name == "chart/name/1")
    with qtbot.waitSignal(plot.point_clicked) as clicked:
        pointer.click(plot, QPointF(name.x + 4, name.y - 3).toPoint())
    assert clicked.args == ["ip1", ""]


def test_the_wheel_zooms_about_the_pointer_a_drag_pans_and_a_double_click_shows_everything(plot):
    at = QPoint(300, 60)
    value = plot.frame.x_value(300)
    pointer.wheel(plot, at, 120)
    assert plot.frame.x_value(300) == pytest.approx(value)
    assert plot.frame.x_high - plot.frame.x_low == pytest.approx(1000 / 1.25)
    pointer.wheel(plot, at, 480)
    low, places = plot.frame.x_low, plot.frame.right - plot.frame.left
    per_pixel = (plot.frame.x_high - low) / places
    clicks = []
    plot.point_clicked.connect(lambda *what: clicks.append(what))
    pointer.drag(plot, QPoint(300, 40), QPoint(260, 40))
    assert plot.frame.x_low == pytest.approx(low + 40 * per_pixel, rel=0.02) and not clicks
    pointer.double_click(plot, QPoint(300, 8))
    assert (plot.frame.x_low, plot.frame.x_high) == plot.frame.full


def test_another_chart_of_the_same_axis_keeps_the_part_that_is_shown(plot):
    plot.set_x_range((200.0, 600.0))
    plot.show_chart(chart_of(), DARK)
    assert (plot.frame.x_low, plot.frame.x_high) == (200, 600)
    plot.show_chart(chart_of(7), DARK)
    assert (plot.frame.x_low, plot.frame.x_high) == plot.frame.full


def test_keys_do_all_that_the_pointer_does(plot, qtbot):
    qtbot.keyClick(plot, Qt.Key_Right)
    qtbot.keyClick(plot, Qt.Key_Right)
    assert plot.hover == (0, 1)
    qtbot.keyClick(plot, Qt.Key_Up)
    assert plot.hover == (1, 1)
    with qtbot.waitSignal(plot.point_clicked) as clicked:
        qtbot.keyClick(plot, Qt.Key_Return)
    assert clicked.args == ["ip1", "iter 100"]
    qtbot.keyClick(plot, Qt.Key_Plus)
    assert plot.frame.full != (plot.frame.x_low, plot.frame.x_high) == pytest.approx((100, 900))
    qtbot.keyClick(plot, Qt.Key_Right, Qt.ShiftModifier)
    assert (plot.frame.x_low, plot.frame.x_high) == (200, 1000)
    assert plot.hover is None, "its point is out of sight"
    qtbot.keyClick(plot, Qt.Key_0)
    assert (plot.frame.x_low, plot.frame.x_high) == plot.frame.full


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_it_wears_the_theme_of_the_panel(plot, theme):
    plot.show_chart(chart_of(), theme)
    assert plot.grab().toImage().pixelColor(2, 2) == QColor(style.chrome_of(theme.name).panel)


def test_it_is_painted_once_and_in_the_density_of_the_screen(plot, monkeypatch):
    plot.grab()
    painted = plot._painted
    pointer.move(plot, place(plot, 0, 2))
    plot.grab()
    assert plot._painted is painted
    monkeypatch.setattr(plot, "devicePixelRatioF", lambda: 2.0)
    plot.grab()
    assert (plot._painted.width(), plot._painted.devicePixelRatio()) == (1400, 2.0)


def test_without_values_it_says_what_to_do(plot):
    empty = Chart("t", Axis("layer"), Axis("y"), (), empty="Needs two snapshots.")
    plot.show_chart(empty, LIGHT)
    image = plot.grab().toImage()
    colours = {image.pixel(x, plot.height() // 2) for x in range(plot.width())}
    assert plot.frame is None and len(colours) > 3
    pointer.move(plot, QPoint(300, 60))
    pointer.wheel(plot, QPoint(300, 60), 120)
    assert plot.hover is None
