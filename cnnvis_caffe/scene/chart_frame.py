"""The frame of a line chart: its ticks, and where each value lies between the axes."""

from __future__ import annotations

import math
from functools import cached_property
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.records.chart import Chart
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.theme import SIZES
from cnnvis_caffe.scene.ticks import linear_ticks, log_ticks, tick_texts

#: Sizes of charts in scene units.
CHART = SimpleNamespace(
    width=960.0,
    height=260.0,
    head=32.0,  # the title's line
    line=1.25,
    line_chosen=2.0,
    dot=2.25,  # radius
    dot_chosen=3.25,
    dotted_lines=12,  # of more lines only the one that is looked at has dots
    hit=9.0,  # what answers around a point
    label_step=15.0,  # between names of lines
    label_gap=16.0,  # from the last point to a name
    label_most=190.0,  # width of names
    tick_gap=8.0,
    y_label_least=32.0,  # width kept for the y axis, which then stays in place when its ticks change
    x_label_height=20.0,
    x_label_most=96.0,  # width of a name on the x axis where names stand side by side
    inset=28.0,  # from the axis to the first layer
    turned=-38.0,  # degrees of names that do not fit side by side
    turned_height=64.0,
    turned_share=0.3,  # of the height that turned names may take
    here_height=14.0,  # of the name over the mark of the chosen snapshot
    tick_every=44.0,  # height of one step of the y axis, about
    x_tick_every=96.0,
    x_title_gap=36.0,  # from the end of the x axis to its title
    grid=1.0,
    log_room=0.05,  # beyond the values of a logarithmic axis, as a share of their decades
    flag_padding=6.0,
    flag_away=12.0,
    flag_line=15.0,
)


class ChartFrame:
    """Places of a chart's values.

    Parameters
    ----------
    chart : Chart
        With at least one value that its y axis can show.
    x, y, width, height : float
        Of the rectangle for axes, lines and names, in scene units.
    x_range : (float, float), optional
        The part of the x axis to show; everything by default. The y axis covers what is shown.

    Attributes
    ----------
    left, right, top, bottom : float
        Of the rectangle between the axes.
    x_low, x_high : float
        Ends of the x axis.
    full : (float, float)
        Its ends when everything is shown.
    y_ticks, y_texts : list
        Ticks of the y axis and how they are written.
    labels : tuple of str
        Names on the x axis; empty on an axis of numbers.
    label_room : float
        Width for the names of lines.
    """

    def __init__(
        self,
        chart: Chart,
        x: float,
        y: float,
        width: float,
        height: float,
        x_range: tuple[float, float] | None = None,
    ) -> None:
        self.chart, self.is_log, self.labels = chart, chart.y.is_log, chart.x.labels
        self.box = x, y, width, height
        room = min(CHART.label_most, width / 3)
        label = max(text_width(one.name, SIZES.small, "bold") for one in chart.series) + CHART.label_gap
        if len(chart.series) * CHART.label_step > height:
            label = max(label, text_width(names_left_out(len(chart.series)), SIZES.small) + CHART.label_gap)
        if not self.labels:  # the axis's title stands under the names, behind its last tick
            label = max(label, text_width(chart.x.title, SIZES.small) + CHART.x_title_gap)
        self.right = x + width - min(room, label)
        self.label_room = min(room, label) - CHART.label_gap
        self.left = x + CHART.tick_gap
        self.full = self._full_range()
        self.x_low, self.x_high = x_range or self.full
        self.y_ticks, (self._low, self._high) = self._y_axis(height)
        self.y_texts = tick_texts(self.y_ticks, chart.y.unit, is_log=self.is_log)
        widest = max(text_width(text, SIZES.small) for text in self.y_texts)
        self.left = x + max(widest, CHART.y_label_least) + CHART.tick_gap
        if x_range is None:
            self.full = self.x_low, self.x_high = self._full_range()
        self.top = y + SIZES.small / 2 + (0.0 if chart.here is None else CHART.here_height)
        self.is_turned, self.is_grouped, self.every = False, False, 1
        self.bottom = y + height - (self._place_labels() if self.labels else CHART.x_label_height)

    def _full_range(self) -> tuple[float, float]:
        """Ends of the x axis that shows everything."""
        if self.labels:
            pitch = (self.right - self.left) / len(self.labels)
            widest = max(text_width(text, SIZES.small) for text in self.labels)
            inset = 0.5 if widest > CHART.inset or pitch < CHART.inset else CHART.inset / pitch
            return -inset, len(self.labels) - 1 + inset
        places = np.concatenate([one.x for one in self.chart.series])
        low, high = float(places.min()), float(places.max())
        if low == high:
            return low - 0.5, high + 0.5
        return (0.0 if 0 < low < 0.35 * high else low), high

    def _y_axis(self, height: float) -> tuple[list[float], tuple[float, float]]:
        """Ticks for what is shown, and the heights at the axis's ends."""
        n_lines = len(self.chart.series)
        heights = np.concatenate([self.shown(number)[1] for number in range(n_lines)])
        if not np.isfinite(heights).any():  # nothing lies in the part that is shown: everything is as good as any
            heights = np.concatenate([self._heights(number) for number in range(n_lines)])
        bands = [one.band.ravel() for one in self.chart.series if one.band is not None and not self.is_log]
        heights = np.concatenate([heights, *bands])
        low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
        n = max(2, round(height / CHART.tick_every))
        if not self.is_log:
            # Zero belongs to the axis unless all that is shown would shrink to a line at its end.
            ticks = linear_ticks(min(low, 0.0) if high <= 0 or low / high < 0.6 else low, high, n)
            return ticks, (ticks[0], ticks[-1])
        room = CHART.log_room * (high - low)
        inside = range(math.ceil(low - room), math.floor(high + room) + 1)
        if len(inside) < 2:
            ticks = log_ticks(10.0**low, 10.0**high, n)
            return ticks, (math.log10(ticks[0]), math.log10(ticks[-1]))
        # A low chart has no room for whole decades beyond its values.
        return [10.0**power for power in inside[:: math.ceil(len(inside) / (n + 1))]], (low - room, high + room)

    def _place_labels(self) -> float:
        """Choose how names on the x axis are written: side by side, turned, by group; returns their height."""
        x, _, _, height = self.box
        first, last = self.label_range
        shown = self.labels[first : last + 1]
        pitch = (self.right - self.left) / (self.x_high - self.x_low)
        widest = max((text_width(text, SIZES.small) for text in shown), default=0.0)
        if widest + CHART.tick_gap <= pitch:
            return CHART.x_label_height
        slope = -np.sin(np.radians(CHART.turned))
        self.is_grouped = pitch * slope < SIZES.small and len(label_runs(shown)) < 0.6 * len(shown)
        if self.is_grouped:
            return CHART.x_label_height
        foot = float(min(CHART.turned_height, widest * slope + CHART.x_label_height))
        self.is_turned = foot <= CHART.turned_share * height
        if not self.is_turned:
            self.every = max(1, int(np.ceil((min(widest, CHART.x_label_most) + CHART.tick_gap) / pitch)))
            return CHART.x_label_height
        # Turned names reach to the left of their tick.
        self.left = max(self.left, x + min(text_width(shown[0], SIZES.small), 80.0) - pitch / 2)
        self.every = max(1, int(np.ceil(SIZES.small / (pitch * slope))))
        return foot

    @property
    def label_range(self) -> tuple[int, int]:
        """First and last name in sight on the x axis."""
        return max(int(np.ceil(self.x_low)), 0), min(int(np.floor(self.x_high)), len(self.labels) - 1)

    def x(self, value: float) -> float:
        """Return the place of a value along the x axis."""
        return self.left + (value - self.x_low) / (self.x_high - self.x_low) * (self.right - self.left)

    def x_value(self, place: float) -> float:
        """Return the value at a place along the x axis."""
        return self.x_low + (place - self.left) / (self.right - self.left) * (self.x_high - self.x_low)

    def y(self, value: float) -> float:
        """Return the place of a value along the y axis."""
        return float(self._y_places(np.log10(value) if self.is_log else value))

    def places(self, number: int) -> np.ndarray:
        """Return the places of a line's points, (n, 2) float64; NaN where nothing is known or out of sight."""
        x = self.chart.series[number].x
        heights = np.where((x >= self.x_low) & (x <= self.x_high), self._heights(number), np.nan)
        return np.stack([self._x_places(x), self._y_places(heights)], 1)

    def band(self, number: int) -> np.ndarray | None:
        """Return the outline of the spread around a line, (m, 2) float64; None where it has none in sight."""
        series = self.chart.series[number]
        if series.band is None or self.is_log:
            return None
        low, high = (cut_line(series.x, ends, self.x_low, self.x_high) for ends in series.band.T)
        known = np.isfinite(low[1]) & np.isfinite(high[1])
        if known.sum() < 2:
            return None
        there = np.stack([self._x_places(low[0]), self._y_places(low[1])], 1)[known]
        back = np.stack([self._x_places(high[0]), self._y_places(high[1])], 1)[known]
        return np.concatenate([there, back[::-1], there[:1]])

    def line(self, number: int) -> np.ndarray:
        """Return the places of a line's bends, (n, 2) float64, cut at the ends of the x axis; NaN is a gap."""
        x, heights = self.shown(number)
        return np.stack([self._x_places(x), self._y_places(heights)], 1)

    def shown(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return x and height of the part of a line in sight, (n,) float64 each."""
        return cut_line(self.chart.series[number].x, self._heights(number), self.x_low, self.x_high)

    def nearest(self, x: float, y: float, reach: float) -> tuple[int, int] | None:
        """Return the line and the number of its point nearest to a place; None if none is within reach.

        Of points at the same place it is that of the line painted last.
        """
        owners, points, places = self._all_points
        if not len(places):
            return None
        away = np.hypot(places[:, 0] - x, places[:, 1] - y)
        best = len(away) - 1 - int(away[::-1].argmin())
        return (int(owners[best]), int(points[best])) if away[best] <= reach else None

    def same_place(self, number: int, point: int, reach: float = 2.0) -> list[int]:
        """Return the other lines with a point at the place of a line's point."""
        x, y = self.places(number)[point]
        owners, _, places = self._all_points
        near = np.hypot(places[:, 0] - x, places[:, 1] - y) <= reach
        return [one for one in dict.fromkeys(owners[near].tolist()) if one != number]

    @cached_property
    def order(self) -> list[int]:
        """The lines in painting order: those that are looked at last."""
        return sorted(range(len(self.chart.series)), key=lambda number: self.chart.series[number].is_emphasised)

    @cached_property
    def _all_points(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every point in sight, in painting order: its line, its number there, its place."""
        places = [self.places(number) for number in self.order]
        owners = np.repeat(self.order, [len(one) for one in places])
        points = np.concatenate([np.arange(len(one)) for one in places])
        everything = np.concatenate(places)
        known = np.isfinite(everything[:, 1])
        return owners[known], points[known], everything[known]

    def _heights(self, number: int) -> np.ndarray:
        """Values as they are drawn: logarithms on a logarithmic axis, without what it cannot show."""
        values = self.chart.series[number].y
        if not self.is_log:
            return np.where(np.isfinite(values), values, np.nan)
        return np.log10(values, out=np.full(len(values), np.nan), where=values > 0)

    def _x_places(self, values: np.ndarray) -> np.ndarray:
        return self.left + (values - self.x_low) / (self.x_high - self.x_low) * (self.right - self.left)

    def _y_places(self, heights: np.ndarray | float) -> np.ndarray:
        share = (np.asarray(heights) - self._low) / (self._high - self._low)
        return self.bottom - share * (self.bottom - self.top)


def cut_line(x: np.ndarray, y: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of a line between two places, with its points on the cuts.

    Parameters
    ----------
    x, y : ndarray of shape (n,), float64
        `x` ascending; NaN in `y` is a gap.
    low, high : float

    Returns
    -------
    x, y : ndarray of shape (m,), float64
    """
    if not len(x) or (x.min() >= low and x.max() <= high):
        return x, y
    first, end = int(np.searchsorted(x, low)), int(np.searchsorted(x, high, "right"))
    xs, ys = [x[first:end]], [y[first:end]]
    if 0 < first < len(x):
        xs.insert(0, np.array([low]))
        ys.insert(0, np.interp([low], x[first - 1 : first + 1], y[first - 1 : first + 1]))
    if 0 < end < len(x):
        xs.append(np.array([high]))
        ys.append(np.interp([high], x[end - 1 : end + 1], y[end - 1 : end + 1]))
    return np.concatenate(xs), np.concatenate(ys)


def names_left_out(n: int) -> str:
    """Say how many lines have no name for want of room."""
    return f"+ {n} more"


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
