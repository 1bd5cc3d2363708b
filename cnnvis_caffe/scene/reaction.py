"""Draws what one neuron makes of an image, by every method side by side, beside its nine best images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.records.explanation import Explanation, SeenImage
from cnnvis_caffe.scene.explanation import METHOD_TITLES, SMALL_IMAGE_PX, explanation_pixels
from cnnvis_caffe.scene.lettering import cap_height, shorten, shorten_end
from cnnvis_caffe.scene.shapes import Bitmap, Rectangle, Scene, Shape, Style, Text
from cnnvis_caffe.scene.theme import SIZES, Theme

#: Sizes in scene units.
STRIP = SimpleNamespace(
    margin=12.0,
    gap=12.0,
    head=40.0,  # title and line under it
    column_head=20.0,
    line=16.0,  # text under a tile
    row_gap=10.0,
    best_gap=3.0,
    least_tile=72.0,
    most_tile=168.0,
)
N_BEST = 9
#: Methods in few words, for narrow columns.
_HEADS = {**METHOD_TITLES, "guided": "guided", "integrated": "integrated"}


@dataclass(frozen=True, eq=False)
class ExplainedRow:
    """What there is of one image.

    Attributes
    ----------
    image : SeenImage
    letter : str
        "A" or "B" where two are compared, else empty.
    explanations : tuple of Explanation or None
        One for each method, None for those that are still being made.
    """

    image: SeenImage
    letter: str
    explanations: tuple[Explanation | None, ...]


@dataclass(frozen=True, eq=False)
class BestPatch:
    """One of the patches that the neuron responds to most.

    Attributes
    ----------
    pixels : ndarray of shape (h, w, 3), uint8
    response : float
    """

    pixels: np.ndarray
    response: float


def strip_scene(
    title: str,
    line: str,
    methods: Sequence[str],
    rows: Sequence[ExplainedRow],
    best: Sequence[BestPatch],
    size: tuple[float, float],
    theme: Theme,
) -> Scene:
    """Lay out the methods in columns, a row for each image, and the best patches at the right.

    Parameters
    ----------
    title, line : str
        What is explained, and what is said under it.
    methods : sequence of str
        Of `METHOD_TITLES`.
    rows : sequence of ExplainedRow
    best : sequence of BestPatch
        At most `N_BEST`; empty where the neuron has none.
    size : (float, float)
        Room for it; it may come out higher.
    theme : Theme

    Returns
    -------
    Scene
    """
    layout = _Strip(theme, size, len(methods) + bool(best), rows)
    shapes: list[Shape] = list(layout.heading(title, line))
    for column, method in enumerate(methods):
        shapes += layout.column_head(column, _HEADS[method])
    for number, row in enumerate(rows):
        for column, (method, found) in enumerate(zip(methods, row.explanations)):
            shapes += layout.tile(number, column, method, row, found)
    if best:
        shapes += layout.column_head(len(methods), "its nine best" if len(best) == N_BEST else "its best")
        shapes += layout.best(len(methods), best)
    said = [f"{METHOD_TITLES[one.method]}: {one.note}" for row in rows for one in row.explanations if one and one.note]
    return Scene(layout.width, layout.bottom, theme.ground, tuple(shapes), title, "; ".join([line, *said]))


class _Strip:
    """Tiles in rows and columns, as large as the room allows."""

    def __init__(
        self, theme: Theme, size: tuple[float, float], n_columns: int, rows: Sequence[ExplainedRow]
    ) -> None:
        self.theme = theme
        height, width = rows[0].image.pixels.shape[:2] if rows else (1, 1)
        self.is_smooth = max(height, width) > SMALL_IMAGE_PX
        aspect = width / height
        room = size[0] - 2 * STRIP.margin - (n_columns - 1) * STRIP.gap
        by_height = (size[1] - STRIP.head - STRIP.column_head) / max(len(rows), 1) - STRIP.line - STRIP.row_gap
        widest = min(room / max(n_columns, 1), by_height * aspect, STRIP.most_tile)
        self.tile_width = max(widest, STRIP.least_tile)
        self.tile_height = self.tile_width / aspect
        self.width = max(size[0], 2 * STRIP.margin + n_columns * (self.tile_width + STRIP.gap) - STRIP.gap)
        self.top = STRIP.head + STRIP.column_head
        row_height = self.tile_height + STRIP.line + STRIP.row_gap
        self.bottom = max(self.top + max(len(rows), 1) * row_height, 1.0)
        self._row_height = row_height

    def _x(self, column: int) -> float:
        return float(STRIP.margin + column * (self.tile_width + STRIP.gap))

    def _y(self, row: int) -> float:
        return float(self.top + row * self._row_height)

    def heading(self, title: str, line: str) -> Iterator[Shape]:
        """The title and what stands under it."""
        theme, room = self.theme, self.width - 2 * STRIP.margin
        y = 8 + cap_height(SIZES.head)
        shown = shorten(title, room, SIZES.head, "bold")
        yield Text("title", STRIP.margin, y, shown, SIZES.head, theme.ink, weight="bold")
        yield Text("line", STRIP.margin, y + 16, shorten_end(line, room, SIZES.small), SIZES.small, theme.muted)

    def column_head(self, column: int, text: str) -> Iterator[Shape]:
        """What a column shows."""
        y = STRIP.head + STRIP.column_head - 6
        shown = shorten_end(text, self.tile_width, SIZES.small)
        yield Text(f"column/{column}", self._x(column), y, shown, SIZES.small, self.theme.ink)

    def tile(
        self, row: int, column: int, method: str, what: ExplainedRow, found: Explanation | None
    ) -> Iterator[Shape]:
        """An explanation, or the place where it will be."""
        x, y, theme = self._x(column), self._y(row), self.theme
        name = f"{row}/{method}"
        width, height = self.tile_width, self.tile_height
        if found is None or not found.values.size:
            yield Rectangle(f"frame/{name}", x, y, width, height, Style(theme.surface, theme.line), 2.0)
            middle = y + height / 2 + cap_height(SIZES.small) / 2
            text = "…" if found is None else shorten_end(found.note, width - 8, SIZES.small)
            yield Text(f"wait/{name}", x + width / 2, middle, text, SIZES.small, theme.muted, "middle")
            return
        pixels = explanation_pixels(found, what.image, theme)
        yield Bitmap(f"tile/{name}", x, y, width, height, pixels, is_smooth=self.is_smooth)
        yield Rectangle(f"frame/{name}", x, y, width, height, Style(stroke=theme.frame))
        note = f"{what.letter}: {found.note}" if what.letter and found.note else what.letter or found.note
        if note:
            base = y + height + 4 + cap_height(SIZES.small)
            yield Text(f"note/{name}", x, base, shorten(note, width, SIZES.small), SIZES.small, theme.muted)

    def best(self, column: int, best: Sequence[BestPatch]) -> Iterator[Shape]:
        """The best patches, three in a row."""
        x, y = self._x(column), self._y(0)
        side = (min(self.tile_width, self.tile_height) - 2 * STRIP.best_gap) / 3
        for number, patch in enumerate(best[:N_BEST]):
            height, width = patch.pixels.shape[:2]
            scale = side / max(height, width, 1)
            at_x = x + (number % 3) * (side + STRIP.best_gap) + (side - width * scale) / 2
            at_y = y + (number // 3) * (side + STRIP.best_gap) + (side - height * scale) / 2
            is_smooth = max(height, width) > SMALL_IMAGE_PX
            box = at_x, at_y, width * scale, height * scale
            yield Bitmap(f"best/{number}", *box, patch.pixels, is_smooth=is_smooth)
            yield Rectangle(f"best/{number}/frame", *box, Style(stroke=self.theme.frame))
