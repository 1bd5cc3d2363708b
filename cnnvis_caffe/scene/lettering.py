"""Text measured without a screen, from the widths of the one font that all pictures are written in."""

from __future__ import annotations

import functools
import json
import pathlib

FOLDER = pathlib.Path(__file__).with_name("fonts")
ELLIPSIS = "…"


@functools.lru_cache(maxsize=1)
def _metrics() -> dict[str, dict]:
    """Read the table that tools/make_font.py wrote."""
    return json.loads((FOLDER / "metrics.json").read_text("utf-8"))


def font_family() -> str:
    """Return the name of the font's family."""
    return str(_metrics()["family"])


def font_files() -> dict[str, pathlib.Path]:
    """Return the files of the font by weight, "regular" and "bold"."""
    return {weight: FOLDER / f"CNNVisSans-{weight.capitalize()}.otf" for weight in ("regular", "bold")}


def cap_height(size: float) -> float:
    """Return the height of capitals and figures of a size."""
    return float(_metrics()["regular"]["cap_height"]) * size / 1000


@functools.lru_cache(maxsize=65536)
def text_width(text: str, size: float, weight: str = "regular") -> float:
    """Return the width of a line of text in scene units; letters that the font lacks count as wide as "M"."""
    widths = _metrics()[weight]["widths"]
    widest = widths["M"]
    return sum(widths.get(letter, widest) for letter in text) * size / 1000


def shorten(text: str, width: float, size: float, weight: str = "regular") -> str:
    """Return the text, or as much of its start and end as fits with "…" between; empty when not even two letters do.

    Both ends of a layer's name tell something (`inception_4a…3x3`), so that the middle is what goes.
    """
    if text_width(text, size, weight) <= width:
        return text
    fitting, least, most = "", 2, len(text) - 1
    while least <= most:
        kept = (least + most) // 2
        tail = kept // 2
        candidate = text[: kept - tail].rstrip() + ELLIPSIS + text[len(text) - tail :].lstrip()
        if text_width(candidate, size, weight) <= width:
            fitting, least = candidate, kept + 1
        else:
            most = kept - 1
    return fitting


def shorten_end(text: str, width: float, size: float, weight: str = "regular") -> str:
    """Return the text, or as many of its words as fit and "…"; empty when not even one does."""
    if text_width(text, size, weight) <= width:
        return text
    words = text.split(" ")
    for kept in range(len(words) - 1, 0, -1):
        candidate = " ".join(words[:kept]).rstrip(" ,;·") + ELLIPSIS
        if text_width(candidate, size, weight) <= width:
            return candidate
    return ""
