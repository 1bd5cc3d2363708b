"""A slim drawing of a graph beside a list of its nodes: where branches fork and join, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_ASCII = str.maketrans({"●": "*", "│": "|", "├": "+", "┤": "+", "┼": "+", "┴": "+", "─": "-", "╯": "'", "╰": "'"})


class Gutter:
    """Draws one line for each node of a graph whose nodes come in order.

    Parameters
    ----------
    sources : sequence of sequence of int
        For each node, the earlier nodes that it reads.

    Attributes
    ----------
    lines : list of str
        The drawing of each node: a dot in its lane, with lines to the lanes that it reads.
    between : list of str
        What to draw on a line in front of each node: the lanes that are open there.
    is_branching : bool
        Whether there is ever more than one lane.
    """

    def __init__(self, sources: Sequence[Sequence[int]]) -> None:
        self._left = [0] * len(sources)  # readers that are still to come
        for row in sources:
            for source in set(row):
                self._left[source] += 1
        self._lanes: list[int | None] = []
        self.lines: list[str] = []
        self.between: list[str] = []
        for node, row in enumerate(sources):
            self.between.append(_spaced("│" if lane is not None else " " for lane in self._lanes))
            self.lines.append(self._draw(node, set(row)))
        self.is_branching = any(len(line) > 1 for line in self.lines)

    def _draw(self, node: int, row: set[int]) -> str:
        """Close the lanes that nobody needs any more, open the node's own, and draw both."""
        before = list(self._lanes)
        reading = [lane for lane, owner in enumerate(self._lanes) if owner in row]
        for source in row:
            self._left[source] -= 1
        closing = [lane for lane in reading if self._left[before[lane]] == 0]  # type: ignore[index]
        for lane in closing:
            self._lanes[lane] = None
        free = closing or [
            lane for lane, owner in enumerate(self._lanes) if owner is None and lane > max(reading, default=-1)
        ]
        if not free:
            self._lanes.append(None)
            free = [len(self._lanes) - 1]
        own = free[0]
        self._lanes[own] = node if self._left[node] else None
        while self._lanes and self._lanes[-1] is None:
            self._lanes.pop()
        return _connected(before, reading, closing, own)


def _connected(before: Sequence[int | None], reading: Sequence[int], closing: Sequence[int], own: int) -> str:
    """One line: the dot, the lanes that it reads, and those that pass."""
    first, last = min([own, *reading]), max([own, *reading])
    parts = []
    for lane in range(max(len(before), own + 1)):
        inside = first < lane < last
        if lane == own:
            part = "●"
        elif lane in closing:
            part = "┴" if inside else "╯" if lane > own else "╰"
        elif lane in reading:
            part = "┼" if inside else "┤" if lane > own else "├"
        elif lane < len(before) and before[lane] is not None:
            part = "┼" if inside else "│"
        else:
            part = "─" if inside else " "
        parts.append(part + ("─" if first <= lane < last else " "))
    return "".join(parts).rstrip()


def _spaced(parts: Iterable[str]) -> str:
    """Signs with room between them."""
    return " ".join(parts).rstrip()


def to_ascii(text: str) -> str:
    """Return a drawing in signs that every terminal has.

    Parameters
    ----------
    text : str
    """
    return text.translate(_ASCII)
