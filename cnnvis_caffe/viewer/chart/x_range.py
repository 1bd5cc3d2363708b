"""Zooming and panning along the x axis of a chart: plain arithmetic, without a window."""

from __future__ import annotations

Range = tuple[float, float]

#: Share of the whole axis that is shown at least: of numbers, and at least so many names.
LEAST_SHARE = 0.002
LEAST_NAMES = 2.0


def zoomed(shown: Range, full: Range, factor: float, at: float, *, has_names: bool = False) -> Range | None:
    """Return the range after zooming about a value, which keeps its place; None for the whole axis.

    Parameters
    ----------
    shown, full : (float, float)
        The range in sight, and the whole axis.
    factor : float
        Above 1 to see less of the axis.
    at : float
    has_names : bool
        Whether the axis has a name at each whole number.
    """
    whole = full[1] - full[0]
    least = min(LEAST_NAMES if has_names else LEAST_SHARE * whole, whole)
    length = min(max((shown[1] - shown[0]) / factor, least), whole)
    share = (at - shown[0]) / (shown[1] - shown[0])
    return _inside(at - share * length, length, full)


def panned(shown: Range, full: Range, by: float) -> Range | None:
    """Return the range after moving along the axis, as far as the axis goes; None for the whole axis."""
    return _inside(shown[0] + by, shown[1] - shown[0], full)


def _inside(low: float, length: float, full: Range) -> Range | None:
    if length >= (full[1] - full[0]) * (1 - 1e-9):
        return None
    low = min(max(low, full[0]), full[1] - length)
    return low, low + length
