"""Draws variants of a network beside each other: a row for each, with its errors as bars and its size."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cnnvis_caffe.records.variant import Ablation, Retrained
from cnnvis_caffe.scene.lettering import cap_height, shorten_end, text_width
from cnnvis_caffe.scene.shapes import Rectangle, Scene, Shape, Style, Text
from cnnvis_caffe.scene.theme import CLASS_COLOURS, LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import counted, percent, whole

_ROW, _HEAD, _NAME, _BAR, _GAP, _COUNT = 44.0, 78.0, 320.0, 280.0, 16.0, 110.0
_PARTS = {"train": "training images", "test": "test images"}
_COLOURS = {"train": CLASS_COLOURS[1], "test": CLASS_COLOURS[4]}


def ablation_scene(found: Ablation, theme: Theme = LIGHT) -> Scene:
    """Lay out the errors of variants.

    Parameters
    ----------
    found : Ablation
    theme : Theme, optional

    Returns
    -------
    Scene
        Two bars for each accuracy of each variant: on training and on test images.
    """
    names = found.accuracies
    left = SIZES.margin
    width = 2 * left + _NAME + max(len(names), 1) * (_BAR + _GAP) + _COUNT
    shapes: list[Shape] = [
        Text("title", left, left + cap_height(SIZES.title), shorten_end(found.title, width - 2 * left, SIZES.title),
             SIZES.title, theme.ink, weight="bold"),
    ]  # fmt: skip
    line = "each variant trained from scratch" if not any(row.kept for row in found.rows) else (
        "layers that still fit began with weights of before"
    )  # fmt: skip
    shapes.append(Text("line", left, left + 32, line, SIZES.text, theme.muted))
    largest = max((row.error(part, name) for row in found.rows for part in _PARTS for name in names
                   if not math.isnan(row.error(part, name))), default=1.0) or 1.0  # fmt: skip
    head = left + _HEAD - 10
    for column, name in enumerate(names):
        x = left + _NAME + column * (_BAR + _GAP)
        title = "error" if len(names) == 1 else f"error by {name}"
        shapes.append(Text(f"head/{column}", x, head, title, SIZES.text, theme.ink, weight="bold"))
        shapes += _legend(column, x + text_width(title, SIZES.text, "bold") + _GAP, head, theme)
    shapes.append(Text("head/size", width - left, head, "parameters", SIZES.text, theme.ink, "end", "bold"))
    for place, row in enumerate(found.rows):
        shapes += _row(row, place, names, left + _HEAD + place * _ROW, width, largest, theme)
    height = 2 * left + _HEAD + len(found.rows) * _ROW
    words = "; ".join(_words(row, names) for row in found.rows)
    title = f"{found.title}: {counted(len(found.rows), 'variant')}"
    return Scene(width, height, theme.ground, tuple(shapes), title, words)


def _legend(column: int, x: float, base: float, theme: Theme) -> Iterator[Shape]:
    """Which colour is which images."""
    for part, title in _PARTS.items():
        yield Rectangle(f"legend/{column}/{part}", x, base - 9, 9, 9, Style(fill=_COLOURS[part]))
        yield Text(f"legend/{column}/{part}/text", x + 13, base, title, SIZES.small, theme.muted)
        x += 13 + text_width(title, SIZES.small) + 12


def _row(
    row: Retrained, place: int, names: tuple[str, ...], y: float, width: float, largest: float, theme: Theme
) -> Iterator[Shape]:
    """One variant."""
    left = SIZES.margin
    base = y + _ROW / 2 + cap_height(SIZES.text) / 2
    yield Text(f"name/{place}", left, base, shorten_end(row.words, _NAME - _GAP, SIZES.text), SIZES.text, theme.ink)
    yield Text(f"size/{place}", width - left, base, whole(row.n_parameters), SIZES.text, theme.muted, "end")
    if row.diverged is not None:
        text = f"diverged in iteration {row.diverged}"
        yield Text(f"diverged/{place}", left + _NAME, base, text, SIZES.text, theme.muted)
        return
    room = _BAR - text_width("100.0%", SIZES.small) - 6
    for column, name in enumerate(names):
        x = left + _NAME + column * (_BAR + _GAP)
        for line, part in enumerate(_PARTS):
            error = row.error(part, name)
            top = y + 6 + line * 16
            length = 0.0 if math.isnan(error) else room * error / largest
            yield Rectangle(f"bar/{place}/{column}/{part}", x, top, length, 13, Style(fill=_COLOURS[part]))
            yield Text(f"bar/{place}/{column}/{part}/text", x + length + 5, top + 11, percent(error), SIZES.small,
                       theme.ink)  # fmt: skip


def _words(row: Retrained, names: tuple[str, ...]) -> str:
    """One variant in words."""
    errors = ", ".join(f"{name} error {percent(row.error('test', name))}" for name in names)
    return f"{row.words}: {errors or 'no accuracy'}, {counted(row.n_parameters, 'parameter')}"
