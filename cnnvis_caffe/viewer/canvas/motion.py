"""Moves things on the canvas: for how long, and quick at first."""

from __future__ import annotations

DURATION_S = 0.15


def eased(t: float) -> float:
    """Return how far along something is at a time, both from 0 to 1: quick at first, then slowing down."""
    return 1 - (1 - t) ** 3
