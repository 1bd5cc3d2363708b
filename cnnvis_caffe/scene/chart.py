"""A line chart as shapes: round ticks, names at the lines in place of a legend, and an answer for every point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.records.chart import Chart, Series
from cnnvis_caffe.scene.chart_axes import axis_shapes
from cnnvis_caffe.scene.chart_frame import CHART, ChartFrame
from cnnvis_caffe.scene.chart_lines import band_shapes, is_chosen, line_shapes, name_shapes, point_shapes
from cnnvis_caffe.scene.lettering import cap_height, shorten_end, text_width
from cnnvis_caffe.scene.shapes import Scene, Shape, Text
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import figure, percent


def build_chart(chart: Chart, *, size: tuple[float, float] | None = None, theme: Theme = LIGHT) -> Scene:
    """Draw a chart as a scene of its own.

    Parameters
    ----------
    chart : Chart
    size : (float, float), optional
        Width and height in scene units.
    theme : Theme, optional
    """
    width, height = size or (CHART.width, CHART.height)
    margin = SIZES.margin * 2 / 3
    shapes = chart_shapes(chart, margin, margin, width - 2 * margin, height - 2 * margin, theme)
    return Scene(width, height, theme.ground, tuple(shapes), chart.title, describe_chart(chart), chart.notes)


def describe_chart(chart: Chart) -> str:
    """Return a chart in words, for those who cannot see it."""
    lines = [f"{one.name}: {_range_in_words(one, chart)}" for one in chart.series]
    return f"{chart.title}. " + ("; ".join(lines) + "." if lines else chart.empty)


def chart_shapes(
    chart: Chart, x: float, y: float, width: float, height: float, theme: Theme = LIGHT, *, name: str = "chart"
) -> Iterator[Shape]:
    """Draw a chart with its title into a rectangle.

    Parameters
    ----------
    chart : Chart
    x, y, width, height : float
        Of the rectangle, in scene units.
    theme : Theme, optional
    name : str, optional
        Start of the shapes' names.

    Yields
    ------
    Shape
        Points answer with a target of kind "point": `node` is the layer, `other_node` the snapshot's label, `index`
        the number of the line, `members` the number of the point.
    """
    yield from _head(chart, x, y, width, theme, name)
    if not has_values(chart):
        yield Text(
            f"{name}/empty", x + width / 2, y + CHART.head + (height - CHART.head) / 2,
            shorten_end(chart.empty, width, SIZES.text), SIZES.text, theme.muted, "middle",
        )  # fmt: skip
        return
    frame = ChartFrame(chart, x, y + CHART.head, width, height - CHART.head)
    yield from plot_shapes(frame, theme, name)
    for number in frame.order:
        yield from point_shapes(frame, number, name)


def plot_shapes(frame: ChartFrame, theme: Theme = LIGHT, name: str = "chart") -> Iterator[Shape]:
    """Draw axes, lines and names of a chart into its frame."""
    yield from axis_shapes(frame, theme, name)
    for number in frame.order:
        yield from band_shapes(frame, number, theme, name)
    for number in frame.order:
        chosen = is_chosen(frame.chart, frame.chart.series[number])
        yield from line_shapes(frame, number, theme, name, chosen=chosen)
    yield from name_shapes(frame, theme, name)


def has_values(chart: Chart) -> bool:
    """Return whether a chart has a value that its y axis can show."""
    return any((one.y > (0 if chart.y.is_log else -np.inf)).any() for one in chart.series)


def _head(chart: Chart, x: float, y: float, width: float, theme: Theme, name: str) -> Iterator[Shape]:
    """Title, and beside it what must be said."""
    baseline = y + cap_height(SIZES.head) + 2
    title = shorten_end(chart.title, width, SIZES.head, "bold")
    yield Text(f"{name}/title", x, baseline, title, SIZES.head, theme.ink, weight="bold")
    room = width - text_width(title, SIZES.head, "bold") - 24
    notes = (*chart.notes, "logarithmic axis") if chart.y.is_log else chart.notes if chart.series else ()
    note = shorten_end(" · ".join(notes), room, SIZES.small)
    if note:
        at = x + text_width(title, SIZES.head, "bold") + 12
        yield Text(f"{name}/note", at, baseline, note, SIZES.small, theme.muted)


def _range_in_words(series: Series, chart: Chart) -> str:
    """From what to what a line goes."""
    known = series.y[np.isfinite(series.y)]
    if not len(known):
        return "nothing known"
    write = percent if chart.y.unit == "%" else figure
    return " to ".join(dict.fromkeys([write(float(known.min())), write(float(known.max()))]))
