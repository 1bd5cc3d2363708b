"""Going over a chart by keys: from point to point of a line, and from line to line. Needs no window."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.scene.chart_frame import ChartFrame

Point = tuple[int, int]  # the number of a line, and of its point


def next_point(frame: ChartFrame, at: Point | None, step: int) -> Point | None:
    """Return the next point in sight of a line, to the right for `step` 1 and to the left for -1.

    Without a point to start from it is the first or last one of the line that is looked at. None at the end of a line.
    """
    number = _first_line(frame) if at is None else at[0]
    known = _points_in_sight(frame, number)
    if at is not None:
        known = known[known > at[1]] if step > 0 else known[known < at[1]]
    return (number, int(known[0 if step > 0 else -1])) if len(known) else None


def other_line(frame: ChartFrame, at: Point | None, step: int) -> Point | None:
    """Return the point of another line at the same x, below for `step` 1 and above for -1; None if there is none."""
    if at is None:
        return next_point(frame, None, 1)
    here = frame.places(at[0])[at[1]]
    best: tuple[float, Point] | None = None
    for number in range(len(frame.chart.series)):
        places = frame.places(number)
        for point in np.flatnonzero(np.isfinite(places[:, 1]) & (np.abs(places[:, 0] - here[0]) < 1.0)).tolist():
            ahead = step * float(places[point, 1] - here[1])
            # Of points at the same height, one line comes after the other.
            ahead = ahead or 1e-9 * step * (number - at[0])
            if ahead > 0 and (best is None or ahead < best[0]):
                best = ahead, (number, point)
    return best[1] if best is not None else None


def _first_line(frame: ChartFrame) -> int:
    """The line that is looked at, else the first with a point in sight."""
    emphasised = [number for number in frame.order[::-1] if frame.chart.series[number].is_emphasised]
    everything = emphasised if frame.chart.is_ordered else []
    everything = [*everything, *range(len(frame.chart.series))]
    return next((number for number in everything if len(_points_in_sight(frame, number))), 0)


def _points_in_sight(frame: ChartFrame, number: int) -> np.ndarray:
    return np.flatnonzero(np.isfinite(frame.places(number)[:, 1]))
