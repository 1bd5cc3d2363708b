"""Plain text: tables, lists, and numbers of a length that can be read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from cnnvis_caffe.text.plain import visible

_GAP = "  "
_LEAST = 16  # a column that gives way, and the last one, are not narrower
_UNITS = ("", "k", "M", "G", "T")


def table(
    rows: Iterable[Sequence[str]], align: str, *, width: int | None = None, flexible: int | None = None
) -> list[str]:
    """Return the lines of a table.

    Parameters
    ----------
    rows : iterable of sequence of str
        A row shorter than `align` ends early.
    align : str
        One letter for each column: "<" or ">".
    width : int, optional
        Longer lines are cut.
    flexible : int, optional
        A column that is made narrower first, so that the others have room.

    Returns
    -------
    list of str
        Without spaces at the end.
    """
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(len(align))]
    if width is not None and flexible is not None:
        excess = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1) + min(widths[-1], _LEAST) - width
        if excess > 0:
            widths[flexible] = max(min(widths[flexible], _LEAST), widths[flexible] - excess)
    lines = []
    for row in rows:
        cells = [
            cut(cell, room).rjust(room) if side == ">" else cut(cell, room).ljust(room)
            for cell, side, room in zip(row, align, widths)
        ]
        line = _GAP.join(cells).rstrip()
        lines.append(line if width is None else cut(line, width))
    return lines


def cut(text: str, length: int) -> str:
    """Return text that is not longer than `length`, with dots where something is missing."""
    return text if len(text) <= length else f"{text[: max(length - 3, 0)]}..."


def count(number: float | None) -> str:
    """Return a whole number with commas; "?" for None."""
    return "?" if number is None else f"{number:,.0f}"


def short(number: float | None) -> str:
    """Return a number with a unit of thousands: 288 k, 1.6 M, 1.18 G; "?" for None."""
    if number is None:
        return "?"
    power = 0
    while abs(number) >= 999.5 and power < len(_UNITS) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.3g} {_UNITS[power]}".rstrip()


def size(n_bytes: float | None) -> str:
    """Return a size in bytes, in units of 1024: 1.64 MiB; "?" for None."""
    if n_bytes is None:
        return "?"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n_bytes < 1000 or unit == "GiB":
            break
        n_bytes /= 1024
    return f"{n_bytes:.3g} {unit}" if n_bytes < 1000 else f"{n_bytes:.0f} {unit}"


def number(value: float | None) -> str:
    """Return a number with three digits that matter; "-" for None."""
    return "-" if value is None else "0" if value == 0 else f"{value:.3g}"


def share(part: int, whole: int) -> str:
    """Return a share in percent; empty for none, so that what is there is seen."""
    if not part:
        return ""
    percent = 100 * part / whole
    return (
        "<0.1%"
        if percent < 0.1
        else f"{percent:.1f}%"
        if percent < 99.95 and percent != round(percent)
        else f"{percent:.0f}%"
    )


def shape(lengths: Sequence[int] | None) -> str:
    """Return a shape: 20x5x5; "1" for a single value, "?" for None."""
    if lengths is None:
        return "?"
    return "x".join(map(str, lengths)) if lengths else "1"


def step(value: float | None) -> str:
    """Return a stride in pixels: 4, 0.5; empty for None."""
    if value is None:
        return ""
    return f"{value:.0f}" if math.isclose(value, round(value)) else f"{value:.3g}"


def plural(number: int, word: str) -> str:
    """Return "1 layer", "2 layers"."""
    plurals = {"class": "classes"}
    return f"{number:,} {word if number == 1 else plurals.get(word, word + 's')}"


def listed(words: Iterable[str], most: int = 4) -> str:
    """Return "a, b and c", or "a, b, c and 9 more"."""
    words = list(words)
    if len(words) > most + 1:
        words = [*words[:most], f"{len(words) - most} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
