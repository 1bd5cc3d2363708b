"""A line chart as shapes: round ticks, names at the lines in place of a legend, and an answer for every point."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.records.chart import Chart, Series
from cnnvis_caffe.scene.heads import straight
from cnnvis_caffe.scene.lettering import cap_height, shorten, shorten_end, text_width
from cnnvis_caffe.scene.shapes import Path, Rectangle, Scene, Shape, Style, Target, Text
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.scene.ticks import linear_ticks, log_ticks, tick_texts
from cnnvis_caffe.text.words import figure, percent

#: Sizes of charts in scene units.
CHART = SimpleNamespace(
    width=960.0,
    height=260.0,
    head=32.0,  # the title's line
    line=1.25,
    line_chosen=2.0,
    dot=2.25,  # radius
    dot_chosen=3.25,
    hit=9.0,  # what answers around a point
    label_step=15.0,  # between names of lines
    label_gap=16.0,  # from the last point to a name
    label_most=190.0,  # width of names
    tick_gap=8.0,
    x_label_height=20.0,
    inset=28.0,  # from the axis to the first layer
    turned=-38.0,  # degrees of names that do not fit side by side
    turned_height=64.0,
    tick_every=44.0,  # height of one step of the y axis, about
    x_tick_every=96.0,
    grid=1.0,
)

#: Places in the theme's colours of classes that can be told apart as lines on the ground of both themes.
_LINE_COLOURS = (4, 5, 2, 6, 1, 0)


def build_chart(chart: Chart, *, size: tuple[float, float] | None = None, theme: Theme = LIGHT) -> Scene:
    """Paint a chart into a scene of its own.

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
    """Paint a chart into a rectangle.

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
    if not any((one.y > (0 if chart.y.is_log else -np.inf)).any() for one in chart.series):
        yield Text(
            f"{name}/empty", x + width / 2, y + CHART.head + (height - CHART.head) / 2,
            shorten_end(chart.empty, width, SIZES.text), SIZES.text, theme.muted, "middle",
        )  # fmt: skip
        return
    frame = _Frame(chart, x, y + CHART.head, width, height - CHART.head)
    yield from _grid(chart, frame, theme, name)
    order = sorted(range(len(chart.series)), key=lambda number: chart.series[number].is_emphasised)
    for number in order:
        yield from _line(chart, number, frame, theme, name)
    yield from _names(chart, frame, theme, name)
    for number in order:
        yield from _answers(chart, number, frame, name)


class _Frame:
    """Where values lie: ticks, and the rectangle between the axes."""

    def __init__(self, chart: Chart, x: float, y: float, width: float, height: float) -> None:
        values = np.concatenate([one.y for one in chart.series])
        values = values[np.isfinite(values)]
        places = np.concatenate([one.x for one in chart.series])
        self.is_log = chart.y.is_log
        n = max(2, round(height / CHART.tick_every))
        if self.is_log:
            values = values[values > 0]
            self.y_ticks = log_ticks(float(values.min()), float(values.max()), n)
        else:
            low, high = float(values.min()), float(values.max())
            # Zero belongs to the axis unless all that is shown would shrink to a line at its end.
            low = min(low, 0.0) if high <= 0 or low / high < 0.6 else low
            self.y_ticks = linear_ticks(low, high, n)
        self.y_texts = tick_texts(self.y_ticks, chart.y.unit, is_log=self.is_log)
        self.left = x + max(text_width(text, SIZES.small) for text in self.y_texts) + CHART.tick_gap
        names = [one.name for one in chart.series]
        room = min(CHART.label_most, width / 3)
        label = max(text_width(text, SIZES.small, "bold") for text in names) + CHART.label_gap
        self.right = x + width - min(room, label)
        self.label_room = min(room, label) - CHART.label_gap
        self.labels = chart.x.labels
        self.is_turned, self.is_grouped, self.every = False, False, 1
        if self.labels:
            pitch = (self.right - self.left) / len(self.labels)
            widest = max(text_width(text, SIZES.small) for text in self.labels)
            inset = 0.5 if widest > CHART.inset or pitch < CHART.inset else CHART.inset / pitch
            self.x_low, self.x_high = -inset, len(self.labels) - 1 + inset
            slope = -np.sin(np.radians(CHART.turned))
            self.is_turned = widest + CHART.tick_gap > pitch
            self.is_grouped = pitch * slope < SIZES.small and len(label_runs(self.labels)) < 0.6 * len(self.labels)
            foot = CHART.x_label_height
            if self.is_turned and not self.is_grouped:
                # Turned names reach to the left of their tick.
                self.left = max(self.left, x + min(text_width(self.labels[0], SIZES.small), 80.0) - pitch / 2)
                self.every = max(1, int(np.ceil(SIZES.small / (pitch * slope))))
                foot = min(CHART.turned_height, widest * slope + CHART.x_label_height)
        else:
            self.x_low, self.x_high = float(places.min()), float(places.max())
            if self.x_low == self.x_high:
                self.x_low, self.x_high = self.x_low - 0.5, self.x_high + 0.5
            elif 0 < self.x_low < 0.35 * self.x_high:
                self.x_low = 0.0
            foot = CHART.x_label_height
        self.top, self.bottom = y + SIZES.small / 2, y + height - foot
        self.width, self.height = width, height

    def x(self, value: float) -> float:
        """Place of a value along the x axis."""
        return self.left + (value - self.x_low) / (self.x_high - self.x_low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Place of a value along the y axis."""
        low, high = self.y_ticks[0], self.y_ticks[-1]
        if self.is_log:
            low, high, value = np.log10(low), np.log10(high), np.log10(value)
        return float(self.bottom - (value - low) / (high - low) * (self.bottom - self.top))


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


def _grid(chart: Chart, frame: _Frame, theme: Theme, name: str) -> Iterator[Shape]:
    """Lines behind, and what the axes say."""
    middle = cap_height(SIZES.small) / 2
    for number, (tick, text) in enumerate(zip(frame.y_ticks, frame.y_texts)):
        at = frame.y(tick)
        is_foot = number == 0
        style = Style(stroke=theme.neutral if is_foot else theme.line, stroke_width=CHART.grid)
        yield Path(f"{name}/y/{number}", straight([(frame.left, at), (frame.right, at)]), style)
        at_text = frame.left - CHART.tick_gap
        yield Text(f"{name}/y/{number}/text", at_text, at + middle, text, SIZES.small, theme.muted, "end")
    baseline = frame.bottom + CHART.tick_gap + cap_height(SIZES.small)
    if not frame.labels:
        yield from _number_ticks(chart, frame, theme, name, baseline)
        return
    if frame.is_grouped:
        yield from _group_names(frame, theme, name, baseline)
        return
    for number, label in enumerate(frame.labels):
        if number % frame.every:
            continue
        at = frame.x(number)
        style = Style(stroke=theme.neutral, stroke_width=CHART.grid)
        yield Path(f"{name}/x/{number}", straight([(at, frame.bottom), (at, frame.bottom + 3)]), style)
        nodes = next((one.nodes for one in chart.series if one.nodes), ())
        target = Target("column", nodes[number]) if nodes else None
        if frame.is_turned:
            text = shorten(label, CHART.turned_height / np.sin(np.radians(-CHART.turned)) - 12, SIZES.small)
            yield Text(
                f"{name}/x/{number}/text", at + 3, baseline, text, SIZES.small, theme.muted, "end",
                angle=CHART.turned, target=target,
            )  # fmt: skip
        else:
            yield Text(
                f"{name}/x/{number}/text", at, baseline, label, SIZES.small, theme.muted, "middle", target=target
            )


def _group_names(frame: _Frame, theme: Theme, name: str, baseline: float) -> Iterator[Shape]:
    """Names of runs of layers that start alike, with a line between one run and the next."""
    for number, (group, first, last) in enumerate(label_runs(frame.labels)):
        left, right = frame.x(max(first - 0.5, frame.x_low)), frame.x(min(last + 0.5, frame.x_high))
        if first:
            style = Style(stroke=theme.line, stroke_width=CHART.grid)
            yield Path(f"{name}/x/{number}", straight([(left, frame.top), (left, frame.bottom + 4)]), style)
        text = shorten(group, right - left - 4, SIZES.small)
        if text:
            middle = (left + right) / 2
            yield Text(f"{name}/x/{number}/text", middle, baseline, text, SIZES.small, theme.muted, "middle")


def label_runs(labels: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """Return the runs of labels that start alike up to a slash, as name, first and last place."""
    runs: list[tuple[str, int, int]] = []
    for number, label in enumerate(labels):
        group = label.split("/")[0]
        if runs and runs[-1][0] == group:
            runs[-1] = (group, runs[-1][1], number)
        else:
            runs.append((group, number, number))
    return runs


def _number_ticks(chart: Chart, frame: _Frame, theme: Theme, name: str, baseline: float) -> Iterator[Shape]:
    """Ticks of an axis of numbers, inside its range."""
    n = max(2, round((frame.right - frame.left) / CHART.x_tick_every))
    inside = [t for t in linear_ticks(frame.x_low, frame.x_high, n) if frame.x_low <= t <= frame.x_high]
    texts = tick_texts(inside, chart.x.unit) if inside else []
    style = Style(stroke=theme.neutral, stroke_width=CHART.grid)
    for number, (tick, text) in enumerate(zip(inside, texts)):
        at = frame.x(tick)
        yield Path(f"{name}/x/{number}", straight([(at, frame.bottom), (at, frame.bottom + 3)]), style)
        yield Text(f"{name}/x/{number}/text", at, baseline, text, SIZES.small, theme.muted, "middle")
    at = frame.right + CHART.label_gap
    if texts:
        at = max(at, frame.x(inside[-1]) + text_width(texts[-1], SIZES.small) / 2 + CHART.tick_gap)
    yield Text(f"{name}/x/title", at, baseline, chart.x.title, SIZES.small, theme.muted)


def _line(chart: Chart, number: int, frame: _Frame, theme: Theme, name: str) -> Iterator[Shape]:
    """One line with gaps where nothing is known, and its points."""
    series = chart.series[number]
    chosen = series.is_emphasised and (chart.is_ordered or len(chart.series) <= len(_LINE_COLOURS))
    colour = line_colour(chart, series, theme)
    width = CHART.line_chosen if chosen else CHART.line
    places = _places(series, frame)
    for piece, points in enumerate(_pieces(places)):
        if len(points) > 1:
            style = Style(stroke=colour, stroke_width=width, opacity=1.0 if chosen else 0.75)
            yield Path(f"{name}/line/{number}/{piece}", straight(_thinned(points)), style)
    known = places[np.isfinite(places[:, 1])]
    # Dots of a curve with a point for every pixel would only make it thick.
    if len(known) > max(2.0, (frame.right - frame.left) / (5 * CHART.dot)):
        return
    radius = CHART.dot_chosen if chosen else CHART.dot
    for point, (at_x, at_y) in enumerate(places):
        if np.isfinite(at_y):
            style = Style(fill=colour, stroke=theme.ground, stroke_width=1.0 if chosen else 0.75)
            yield Path(f"{name}/dot/{number}/{point}", circle(at_x, at_y, radius), style, True)


def _answers(chart: Chart, number: int, frame: _Frame, name: str) -> Iterator[Shape]:
    """Invisible rectangles around the points that stand for a layer or a snapshot."""
    series = chart.series[number]
    if not series.nodes and not series.snapshots:
        return
    for point, (at_x, at_y) in enumerate(_places(series, frame)):
        if np.isfinite(at_y):
            target = Target(
                "point",
                series.nodes[point] if series.nodes else "",
                (point,),
                series.snapshots[point] if series.snapshots else "",
                index=number,
            )
            hit = CHART.hit
            yield Rectangle(
                f"{name}/point/{number}/{point}", at_x - hit, at_y - hit, 2 * hit, 2 * hit, Style(), target=target
            )


def _names(chart: Chart, frame: _Frame, theme: Theme, name: str) -> Iterator[Shape]:
    """Names at the ends of the lines, apart from each other; where not all fit, those that matter."""
    ends = []
    for number, series in enumerate(chart.series):
        known = _places(series, frame)
        known = known[np.isfinite(known[:, 1])]
        if len(known):
            ends.append((number, *known[-1].tolist()))
    room = max(1, int((frame.bottom - frame.top) // CHART.label_step) + 1)
    if len(ends) > room:
        # First and last and those looked at, then evenly.
        keep = {0, len(ends) - 1} | {i for i, end in enumerate(ends) if chart.series[end[0]].is_emphasised}
        keep = set(sorted(keep)[-room:]) if len(keep) > room else keep
        spare = [i for i in range(len(ends)) if i not in keep]
        n_more = max(room - len(keep), 0)
        picks = {spare[int(i)] for i in np.linspace(0, len(spare) - 1, n_more).round()} if spare else set()
        ends = [ends[i] for i in sorted(keep | picks)]
    wanted = np.array([end[2] for end in ends])
    placed = spread(wanted, CHART.label_step, frame.top, frame.bottom)
    for (number, at_x, at_y), label_y in zip(ends, placed):
        series = chart.series[number]
        chosen = series.is_emphasised and len(chart.series) > 1 and chart.is_ordered
        colour = line_colour(chart, series, theme)
        ends_at = frame.right + CHART.label_gap - 4
        if at_x + CHART.dot_chosen + 2 < ends_at:
            # Level until it leaves the chart, so that it is no part of the curve.
            turn = max(at_x + CHART.dot_chosen + 2, frame.right)
            leader = straight([(at_x + CHART.dot_chosen + 2, at_y), (turn, at_y), (ends_at, label_y)])
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
    # The light end of the scale would vanish on light ground, the dark end on dark ground.
    return theme.quantity.colour(0.82 - 0.72 * share if theme.name == "light" else 0.3 + 0.65 * share)


def circle(x: float, y: float, radius: float) -> np.ndarray:
    """Return a circle as four Bézier pieces."""
    k = 0.5523 * radius
    r = radius
    offsets = [
        (r, 0), (r, k), (k, r), (0, r), (-k, r), (-r, k), (-r, 0),
        (-r, -k), (-k, -r), (0, -r), (k, -r), (r, -k), (r, 0),
    ]  # fmt: skip
    return np.array(offsets, float) + (x, y)


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


def _places(series: Series, frame: _Frame) -> np.ndarray:
    """Places of the points of a line, (n, 2), NaN where nothing is known."""
    shown = np.isfinite(series.y) & ((series.y > 0) | (not frame.is_log))
    return np.array(
        [(frame.x(a), frame.y(b) if known else np.nan) for a, b, known in zip(series.x, series.y, shown)], float
    ).reshape(-1, 2)


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


def _range_in_words(series: Series, chart: Chart) -> str:
    """From what to what a line goes."""
    known = series.y[np.isfinite(series.y)]
    if not len(known):
        return "nothing known"
    write = percent if chart.y.unit == "%" else figure
    return " to ".join(dict.fromkeys([write(float(known.min())), write(float(known.max()))]))
