"""The axes of a line chart as shapes: grid, ticks, names of layers, and the mark of the chosen snapshot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.scene.chart_frame import CHART, ChartFrame, label_runs
from cnnvis_caffe.scene.lettering import cap_height, shorten, text_width
from cnnvis_caffe.scene.shapes import Path, Shape, Style, Target, Text, straight
from cnnvis_caffe.scene.theme import SIZES, Theme
from cnnvis_caffe.scene.ticks import linear_ticks, tick_texts


def axis_shapes(frame: ChartFrame, theme: Theme, name: str) -> Iterator[Shape]:
    """Draw the lines behind a chart and what its axes say."""
    middle = cap_height(SIZES.small) / 2
    for number, (tick, text) in enumerate(zip(frame.y_ticks, frame.y_texts)):
        at = frame.y(tick)
        style = Style(stroke=theme.line, stroke_width=CHART.grid)
        yield Path(f"{name}/y/{number}", straight([(frame.left, at), (frame.right, at)]), style)
        at_text = frame.left - CHART.tick_gap
        yield Text(f"{name}/y/{number}/text", at_text, at + middle, text, SIZES.small, theme.muted, "end")
    foot = straight([(frame.left, frame.bottom), (frame.right, frame.bottom)])
    yield Path(f"{name}/foot", foot, Style(stroke=theme.neutral, stroke_width=CHART.grid))
    baseline = frame.bottom + CHART.tick_gap + cap_height(SIZES.small)
    if not frame.labels:
        yield from _number_ticks(frame, theme, name, baseline)
    elif frame.is_grouped:
        yield from _group_names(frame, theme, name, baseline)
    else:
        yield from _label_ticks(frame, theme, name, baseline)
    yield from _here(frame, theme, name)


def _here(frame: ChartFrame, theme: Theme, name: str) -> Iterator[Shape]:
    """A line where the chosen snapshot is, with its name."""
    here = frame.chart.here
    if here is None or not frame.x_low <= here <= frame.x_high:
        return
    at = frame.x(here)
    style = Style(stroke=theme.selection, stroke_width=1.5)
    yield Path(f"{name}/here", straight([(at, frame.top - 3), (at, frame.bottom)]), style)
    half = text_width(frame.chart.here_name, SIZES.small) / 2
    middle = min(max(at, frame.left + half), max(frame.right - half, frame.left + half))
    yield Text(f"{name}/here/name", middle, frame.top - 6, frame.chart.here_name, SIZES.small, theme.muted, "middle")


def _label_ticks(frame: ChartFrame, theme: Theme, name: str, baseline: float) -> Iterator[Shape]:
    """A tick for each name in sight, and as many names as have room."""
    nodes = next((one.nodes for one in frame.chart.series if one.nodes), ())
    first, last = frame.label_range
    style = Style(stroke=theme.neutral, stroke_width=CHART.grid)
    for number in range(first, last + 1):
        at = frame.x(number)
        yield Path(f"{name}/x/{number}", straight([(at, frame.bottom), (at, frame.bottom + 3)]), style)
        if (number - first) % frame.every:
            continue
        target = Target("column", nodes[number]) if nodes else None
        if frame.is_turned:
            room = CHART.turned_height / np.sin(np.radians(-CHART.turned)) - 12
            text = shorten(frame.labels[number], room, SIZES.small)
            yield Text(
                f"{name}/x/{number}/text", at + 3, baseline, text, SIZES.small, theme.muted, "end",
                angle=CHART.turned, target=target,
            )  # fmt: skip
            continue
        pitch = frame.every * (frame.right - frame.left) / (frame.x_high - frame.x_low)
        text = shorten(frame.labels[number], pitch - CHART.tick_gap / 2, SIZES.small)
        half = text_width(text, SIZES.small) / 2
        middle = max(at, frame.box[0] + half)
        yield Text(f"{name}/x/{number}/text", middle, baseline, text, SIZES.small, theme.muted, "middle", target=target)
    if frame.every > 1:
        ways = (f"1 name in {frame.every} is shown", f"1 name in {frame.every}", f"1 in {frame.every}")
        text = next((way for way in ways if text_width(way, SIZES.small) <= frame.label_room), "")
        at = frame.right + CHART.label_gap
        if text:
            yield Text(f"{name}/x/title", at, baseline, text, SIZES.small, theme.muted)


def _group_names(frame: ChartFrame, theme: Theme, name: str, baseline: float) -> Iterator[Shape]:
    """Names of runs of layers that start alike, with a line between one run and the next."""
    start, end = frame.label_range
    for number, (group, first, last) in enumerate(label_runs(frame.labels[start : end + 1])):
        left = frame.x(max(start + first - 0.5, frame.x_low))
        right = frame.x(min(start + last + 0.5, frame.x_high))
        if first:
            style = Style(stroke=theme.line, stroke_width=CHART.grid)
            yield Path(f"{name}/x/{number}", straight([(left, frame.top), (left, frame.bottom + 4)]), style)
        text = shorten(group, right - left - 4, SIZES.small)
        if text:
            middle = (left + right) / 2
            yield Text(f"{name}/x/{number}/text", middle, baseline, text, SIZES.small, theme.muted, "middle")


def _number_ticks(frame: ChartFrame, theme: Theme, name: str, baseline: float) -> Iterator[Shape]:
    """Ticks of an axis of numbers, inside its range."""
    n = max(2, round((frame.right - frame.left) / CHART.x_tick_every))
    inside = [t for t in linear_ticks(frame.x_low, frame.x_high, n) if frame.x_low <= t <= frame.x_high]
    texts = tick_texts(inside, frame.chart.x.unit) if inside else []
    style = Style(stroke=theme.neutral, stroke_width=CHART.grid)
    for number, (tick, text) in enumerate(zip(inside, texts)):
        at = frame.x(tick)
        yield Path(f"{name}/x/{number}", straight([(at, frame.bottom), (at, frame.bottom + 3)]), style)
        yield Text(f"{name}/x/{number}/text", at, baseline, text, SIZES.small, theme.muted, "middle")
    at = frame.right + CHART.label_gap
    if texts:
        at = max(at, frame.x(inside[-1]) + text_width(texts[-1], SIZES.small) / 2 + CHART.tick_gap)
    title = shorten(frame.chart.x.title, frame.box[0] + frame.box[2] - at, SIZES.small)
    if title:
        yield Text(f"{name}/x/title", at, baseline, title, SIZES.small, theme.muted)
