"""The lines of a chart as shapes, with their points and their names at their ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.records.chart import Chart, Series
from cnnvis_caffe.scene.chart_frame import CHART, ChartFrame, names_left_out
from cnnvis_caffe.scene.lettering import cap_height, shorten
from cnnvis_caffe.scene.shapes import Path, Rectangle, Shape, Style, Target, Text, straight
from cnnvis_caffe.scene.theme import SIZES, Theme

#: Places in the theme's colours of classes that can be told apart as lines on the ground of both themes.
_LINE_COLOURS = (4, 5, 2, 6, 1, 0)


def line_shapes(frame: ChartFrame, number: int, theme: Theme, name: str, *, chosen: bool) -> Iterator[Shape]:
    """Draw a line with gaps where nothing is known, and its points; thicker if it is `chosen`."""
    colour = line_colour(frame.chart, frame.chart.series[number], theme)
    width = CHART.line_chosen if chosen else CHART.line
    for piece, points in enumerate(_pieces(frame.line(number))):
        if len(points) > 1:
            style = Style(stroke=colour, stroke_width=width, opacity=1.0 if chosen else 0.85)
            yield Path(f"{name}/line/{number}/{piece}", straight(_thinned(points)), style)
    radius = CHART.dot_chosen if chosen else CHART.dot
    style = Style(fill=colour, stroke=theme.ground, stroke_width=1.0 if chosen else 0.75)
    places = frame.places(number)
    for point in _dotted(frame, places, chosen).tolist():
        at_x, at_y = places[point].tolist()
        yield dot(f"{name}/dot/{number}/{point}", at_x, at_y, radius, style)


def band_shapes(frame: ChartFrame, number: int, theme: Theme, name: str) -> Iterator[Shape]:
    """Draw the spread around a line."""
    outline = frame.band(number)
    if outline is not None:
        colour = line_colour(frame.chart, frame.chart.series[number], theme)
        style = Style(fill=colour, opacity=0.16)
        yield Path(f"{name}/band/{number}", straight([(x, y) for x, y in outline.tolist()]), style, True)


def _dotted(frame: ChartFrame, places: np.ndarray, chosen: bool) -> np.ndarray:
    """The points of a line that get a dot: all, or those without a neighbour where dots would hide the lines."""
    known = np.isfinite(places[:, 1])
    # Dots of a curve with a point for every pixel would only make it thick.
    if known.sum() > max(2.0, (frame.right - frame.left) / (5 * CHART.dot)):
        return np.zeros(0, np.int64)
    if chosen or len(frame.chart.series) <= CHART.dotted_lines:
        return np.flatnonzero(known)
    beside = np.zeros(len(known), bool)
    beside[1:] |= known[:-1]
    beside[:-1] |= known[1:]
    return np.flatnonzero(known & ~beside)


def is_chosen(chart: Chart, series: Series) -> bool:
    """Return whether a line is drawn as one that is looked at."""
    return series.is_emphasised and (chart.is_ordered or len(chart.series) <= len(_LINE_COLOURS))


def point_shapes(frame: ChartFrame, number: int, name: str) -> Iterator[Shape]:
    """Lay invisible rectangles, which answer to the pointer, around the points of a layer or a snapshot."""
    series = frame.chart.series[number]
    if not series.nodes and not series.snapshots:
        return
    hit = CHART.hit
    for point, (at_x, at_y) in enumerate(frame.places(number).tolist()):
        if at_y == at_y:
            target = Target(
                "point",
                series.nodes[point] if series.nodes else "",
                (point,),
                series.snapshots[point] if series.snapshots else "",
                index=number,
            )
            yield Rectangle(
                f"{name}/point/{number}/{point}", at_x - hit, at_y - hit, 2 * hit, 2 * hit, Style(), target=target
            )


def name_shapes(frame: ChartFrame, theme: Theme, name: str) -> Iterator[Shape]:
    """Write names at the ends of the lines, apart from each other; where not all fit, say how many are missing."""
    chart = frame.chart
    ends = [(number, *end) for number in range(len(chart.series)) if (end := _end_of(frame, number))]
    room = max(1, int((frame.bottom - frame.top) // CHART.label_step) + 1)
    n_left_out, foot = 0, frame.bottom
    if len(ends) > room:
        named = named_lines(chart, [end[0] for end in ends], max(room - 1, 1))
        n_left_out = len(ends) - len(named)
        ends = [end for end in ends if end[0] in named]
        foot -= CHART.label_step
    placed = spread(np.array([end[2] for end in ends]), CHART.label_step, frame.top, foot)
    for (number, at_x, at_y), label_y in zip(ends, placed.tolist()):
        yield from _name(frame, number, (at_x, at_y), label_y, theme, name)
    if n_left_out and room > 1:
        at_x, at_y = frame.right + CHART.label_gap, frame.bottom + cap_height(SIZES.small) / 2
        text = shorten(names_left_out(n_left_out), frame.label_room, SIZES.small)
        yield Text(f"{name}/names/more", at_x, at_y, text, SIZES.small, theme.muted)


def named_lines(chart: Chart, numbers: list[int], room: int) -> set[int]:
    """Choose the lines whose names are written where not all fit: those looked at, first and last, then evenly."""
    wanted = [number for number in numbers if chart.is_ordered and chart.series[number].is_emphasised]
    kept = set([*wanted, numbers[-1], numbers[0]][:room])
    spare = [number for number in numbers if number not in kept]
    n_more = min(room - len(kept), len(spare))
    return kept | {spare[int(i)] for i in np.linspace(0, len(spare) - 1, n_more).round()} if n_more else kept


def _end_of(frame: ChartFrame, number: int) -> tuple[float, float] | None:
    """Where a line ends in sight."""
    places = frame.line(number)
    known = places[np.isfinite(places[:, 1])]
    return tuple(known[-1].tolist()) if len(known) else None


def _name(
    frame: ChartFrame, number: int, end: tuple[float, float], label_y: float, theme: Theme, name: str
) -> Iterator[Shape]:
    """The name of a line, and what leads there from its end."""
    chart, series = frame.chart, frame.chart.series[number]
    chosen = series.is_emphasised and len(chart.series) > 1 and chart.is_ordered
    colour = line_colour(chart, series, theme)
    leaves, arrives = end[0] + CHART.dot_chosen + 2, frame.right + CHART.label_gap - 4
    if leaves < arrives:
        # Level until it leaves the chart, so that it is no part of the curve.
        leader = straight([(leaves, end[1]), (max(leaves, frame.right), end[1]), (arrives, label_y)])
        yield Path(f"{name}/leader/{number}", leader, Style(stroke=colour, stroke_width=1.0, opacity=0.6))
    weight = "bold" if chosen else "regular"
    text = shorten(series.name, frame.label_room, SIZES.small, weight)
    yield Text(
        f"{name}/name/{number}", frame.right + CHART.label_gap, label_y + cap_height(SIZES.small) / 2, text,
        SIZES.small, theme.ink if chosen or not chart.is_ordered else theme.muted, weight=weight,
        target=_series_target(chart, number),
    )  # fmt: skip


def _series_target(chart: Chart, number: int) -> Target | None:
    """What the name of a line stands for: its snapshot, or its layer."""
    series = chart.series[number]
    if chart.is_ordered and series.snapshots:
        return Target("point", "", (), series.snapshots[0], index=number)
    if series.nodes and len(set(series.nodes)) == 1:
        return Target("column", series.nodes[0], index=number)
    return None


def line_colour(chart: Chart, series: Series, theme: Theme) -> str:
    """Return the colour of a line: along one scale for snapshots and for many layers, so that the last stands out."""
    if not chart.is_ordered and len(chart.series) <= len(_LINE_COLOURS):
        return theme.classes[_LINE_COLOURS[series.rank % len(_LINE_COLOURS)]]
    ranks = [one.rank for one in chart.series]
    if len(ranks) == 1:
        return theme.positive
    share = (series.rank - min(ranks)) / (max(ranks) - min(ranks))
    return theme.order.colour(share)


def dot(name: str, x: float, y: float, radius: float, style: Style) -> Rectangle:
    """Return a circle: a rectangle whose corners are as round as can be."""
    return Rectangle(name, x - radius, y - radius, 2 * radius, 2 * radius, style, radius)


def spread(wanted: np.ndarray, step: float, low: float, high: float) -> np.ndarray:
    """Return places at least `step` apart, near to the wanted ones and between two ends if they fit there.

    Parameters
    ----------
    wanted : ndarray of shape (n,), float
    step, low, high : float

    Returns
    -------
    ndarray of shape (n,), float64
        In the order of `wanted`.
    """
    order = np.argsort(wanted, kind="stable")
    groups: list[list[float]] = []  # mean of the first place that each wants, and how many
    for number in order:
        groups.append([float(wanted[number]), 1])
        while len(groups) > 1 and groups[-2][0] + step * groups[-2][1] > groups[-1][0]:
            first, last = groups[-2], groups.pop()
            # The last group's members would lie first[1] steps further down.
            first[0] = (first[0] * first[1] + (last[0] - step * first[1]) * last[1]) / (first[1] + last[1])
            first[1] += last[1]
    placed = np.concatenate([start + step * np.arange(n) for start, n in groups]) if groups else np.zeros(0)
    if len(placed):
        steps = step * np.arange(len(placed))
        placed = np.maximum(placed, low + steps)
        placed = np.minimum(placed, max(high, low + steps[-1]) - steps[::-1])
    result = np.empty(len(placed))
    result[order] = placed
    return result


def _pieces(places: np.ndarray) -> Iterator[list[tuple[float, float]]]:
    """The runs of points without a gap."""
    run: list[tuple[float, float]] = []
    for at_x, at_y in places.tolist():
        if at_y == at_y:
            run.append((at_x, at_y))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points, or of very many the lowest and the highest for each unit of width: the line looks the same."""
    if len(points) < 4 * max(points[-1][0] - points[0][0], 1):
        return points
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        columns.setdefault(int(point[0]), []).append(point)
    kept = []
    for group in columns.values():
        low, high = min(group, key=lambda p: p[1]), max(group, key=lambda p: p[1])
        kept += sorted({group[0], low, high, group[-1]}, key=group.index)
    return kept
