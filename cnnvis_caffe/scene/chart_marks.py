"""Marks over a line chart: the point under the pointer with its value, a line or a layer that is looked at."""

from __future__ import annotations

from collections.abc import Iterator

from cnnvis_caffe.records.chart import Chart
from cnnvis_caffe.scene.chart_frame import CHART, ChartFrame
from cnnvis_caffe.scene.chart_lines import dot, line_colour, line_shapes
from cnnvis_caffe.scene.lettering import cap_height, shorten, text_width
from cnnvis_caffe.scene.shapes import Path, Rectangle, Shape, Style, Text, straight
from cnnvis_caffe.scene.theme import SIZES, Theme
from cnnvis_caffe.text.words import counted, figure, percent


def node_marks(frame: ChartFrame, node: str, theme: Theme, name: str = "mark") -> Iterator[Shape]:
    """Mark a layer: its place on an axis of layers, else its line."""
    for number, series in enumerate(frame.chart.series):
        if node not in series.nodes:
            continue
        if len(set(series.nodes)) == 1:
            yield from line_shapes(frame, number, theme, name, chosen=True)
        elif frame.labels:
            place = float(series.x[series.nodes.index(node)])
            if frame.x_low <= place <= frame.x_high:
                at = frame.x(place)
                style = Style(stroke=theme.selection, stroke_width=1.5)
                yield Path(f"{name}/node", straight([(at, frame.top), (at, frame.bottom)]), style)
        return


def point_marks(frame: ChartFrame, number: int, point: int, theme: Theme, name: str = "mark") -> Iterator[Shape]:
    """Mark a point of a line: the whole line, the point, and beside it whose it is and its value."""
    chart = frame.chart
    x, y = frame.places(number)[point].tolist()
    yield from line_shapes(frame, number, theme, name, chosen=True)
    colour = line_colour(chart, chart.series[number], theme)
    style = Style(fill=colour, stroke=theme.ink, stroke_width=1.5)
    yield dot(f"{name}/point", x, y, CHART.dot_chosen + 1.5, style)
    where, line, value = point_in_words(chart, number, point)
    rows = [(text, "bold") for text in (line,) if text] + [(f"{where} · {value}", "regular")]
    others = frame.same_place(number, point)
    if others:
        same = chart.series[others[0]].name if len(others) == 1 else counted(len(others), "other line")
        rows.append((f"here too: {same}", "regular"))
    yield from _flag(frame, (x, y), rows, theme, name)


def point_in_words(chart: Chart, number: int, point: int) -> tuple[str, str, str]:
    """Return where a point of a line is, the line's name (empty where that says the same) and the value."""
    series = chart.series[number]
    value = percent(float(series.y[point])) if chart.y.unit == "%" else figure(float(series.y[point]))
    labels, at = chart.x.labels, float(series.x[point])
    if labels:
        where = labels[int(at)]
    else:
        where = series.snapshots[point] if series.snapshots else f"{chart.x.title} {figure(at, 6)}"
    return where, "" if series.name == where else series.name, value


def _flag(
    frame: ChartFrame, at: tuple[float, float], rows: list[tuple[str, str]], theme: Theme, name: str
) -> Iterator[Shape]:
    """Some lines of text in a box beside a point, inside the chart."""
    x, y, width, height = frame.box
    room = width - 2 * CHART.flag_padding
    texts = [(shorten(text, room, SIZES.small, weight), weight) for text, weight in rows]
    wide = max(text_width(text, SIZES.small, weight) for text, weight in texts) + 2 * CHART.flag_padding
    high = len(texts) * CHART.flag_line + CHART.flag_padding
    left = at[0] + CHART.flag_away
    if left + wide > x + width:
        left = max(at[0] - CHART.flag_away - wide, x)
    top = at[1] - CHART.flag_away - high
    if top < y:
        top = min(at[1] + CHART.flag_away, y + height - high)
    style = Style(fill=theme.surface, stroke=theme.neutral, stroke_width=1.0)
    yield Rectangle(f"{name}/flag", left, top, wide, high, style, SIZES.corner)
    for number, (text, weight) in enumerate(texts):
        middle = top + CHART.flag_padding / 2 + (number + 0.5) * CHART.flag_line
        baseline = middle + cap_height(SIZES.small) / 2
        at_x = left + CHART.flag_padding
        yield Text(f"{name}/flag/{number}", at_x, baseline, text, SIZES.small, theme.ink, weight=weight)
