"""Measures the time that the stages of a picture take."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter, process_time


@dataclass
class Clock:
    """Seconds of wall and of processor time by stage."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._last = perf_counter(), process_time()

    def lap(self, stage: str) -> None:
        """Note what has passed since the last lap."""
        now = perf_counter(), process_time()
        self.wall[stage] = round(now[0] - self._last[0], 4)
        self.cpu[stage] = round(now[1] - self._last[1], 4)
        self._last = now
