"""Draws the confusion matrix: how often a class is named as another one."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.scene.lettering import cap_height, shorten, text_width
from cnnvis_caffe.scene.shapes import Bitmap, Rectangle, Scene, Shape, Style, Target, Text
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import class_name, counted, data_line, percent, whole

#: Sizes in scene units.
PAGE = SimpleNamespace(
    margin=24.0,
    head=64.0,  # title, and the line under it
    matrix=560.0,  # side of the squares together
    largest_cell=64.0,
    label=150.0,  # most room for a name
    gap=8.0,
    foot=30.0,
    with_numbers=30.0,  # narrower cells hold no number
    with_targets=4.0,  # narrower cells cannot be clicked
    with_names=9.0,  # narrower cells have no name beside them
)
#: What is counted, by task.
_COUNTED = {"pixels": "pixel", "pairs": "pair"}


def build_confusion(analysis: Analysis, snapshot: Snapshot, theme: Theme = LIGHT) -> Scene:
    """Draw the confusion matrix of a snapshot.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    theme : Theme, optional

    Returns
    -------
    Scene
        A row for each class that the data have; its squares are shares of the row. Columns are answers.

    Raises
    ------
    CnnvisError
        If the analysis has none: answers are not classes, or nothing says what is right.
    """
    if snapshot.confusion is None:
        raise CnnvisError(
            f"{analysis.path or analysis.title}: has no confusion matrix; it takes answers that are classes, and "
            "images with labels, analysed by this version"
        )
    return _scene(ConfusionMatrix(analysis, snapshot, theme, PAGE.margin, PAGE.head))


def _scene(matrix: ConfusionMatrix) -> Scene:
    """The matrix as a picture of its own."""
    analysis, theme, line = matrix.analysis, matrix.theme, data_line(matrix.analysis, matrix.snapshot)
    title = f"{analysis.title}: what is taken for what"
    shapes = (
        Text("title", PAGE.margin, 34, title, SIZES.title, theme.ink, weight="bold"),
        Text("data", PAGE.margin, 54, line, SIZES.small, theme.muted),
        *matrix.shapes(),
    )
    return Scene(
        max(matrix.right + 110, 640.0),
        matrix.bottom + PAGE.foot + PAGE.margin,
        theme.ground,
        shapes,
        title,
        f"Confusion matrix of {matrix.total}: rows are {analysis.data.columns}, columns answers. {line}",
    )


class ConfusionMatrix:
    """The matrix with its names and numbers, at a place.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
        With a confusion matrix.
    theme : Theme
    x, y : float
        Of its left upper corner.
    side : float
        Of the squares together, at most.
    chosen : (int, int), optional
        The class and the answer of a square that is marked.
    has_targets : bool
        Whether its squares can be clicked.

    Attributes
    ----------
    right, bottom : float
        Of the squares.
    total : str
        How much was counted, in words.
    """

    def __init__(
        self,
        analysis: Analysis,
        snapshot: Snapshot,
        theme: Theme,
        x: float,
        y: float,
        side: float = PAGE.matrix,
        chosen: tuple[int, int] | None = None,
        *,
        has_targets: bool = False,
    ) -> None:
        assert snapshot.confusion is not None
        self.analysis, self.snapshot, self.theme = analysis, snapshot, theme
        self._x, self._chosen, self._has_targets = x, chosen, has_targets
        self.rows: list[int] = np.flatnonzero(snapshot.confusion.sum(1)).tolist()
        self.columns: list[int] = np.flatnonzero(snapshot.confusion.any(0) | snapshot.confusion.any(1)).tolist()
        self.counts = snapshot.confusion[np.ix_(self.rows, self.columns)]
        self.cell = min(PAGE.largest_cell, side / max(self.counts.shape))
        names = [class_name(analysis, c) for c in self.columns] if self.cell >= PAGE.with_names else []
        self.size = min(SIZES.small, self.cell * 0.9)
        longest = max((text_width(name, self.size) for name in names), default=0.0)
        self.room = float(np.ceil(min(PAGE.label, longest))) + PAGE.gap
        # Names of narrow columns stand on their ends.
        self.is_turned = longest > self.cell - 4
        self.left = x + self.room
        self.top = y + (self.room if self.is_turned else SIZES.small + PAGE.gap) + SIZES.small + 2 * PAGE.gap
        height, width = (n * self.cell for n in self.counts.shape)
        self.right, self.bottom = self.left + width, self.top + height
        self.unit = _COUNTED.get(analysis.data.task, analysis.data.item)
        self.total = counted(int(round(self.counts.sum())), self.unit)

    def shapes(self) -> Iterator[Shape]:
        """Everything; `PAGE.foot` below the squares stands what the rows are."""
        height, width = (n * self.cell for n in self.counts.shape)
        y = self.top - (self.room if self.is_turned else SIZES.small + PAGE.gap) - PAGE.gap - 2
        yield Text("answers", self.left, y, f"named as  ({self.total})", SIZES.small, self.theme.muted, weight="bold")
        yield from self._matrix(width, height)
        yield from self._names()
        yield from self._numbers()
        yield from self._foot(width, height, self.unit)
        if self._has_targets:
            yield from self._squares()

    def _squares(self) -> Iterator[Shape]:
        """What answers to the pointer, and the mark of the chosen square."""
        if self.cell >= PAGE.with_targets:
            for row, column in np.argwhere(self.counts > 0).tolist():
                yield self._square(f"square/{row}/{column}", row, column, Style())
        if self._chosen is not None and self._chosen[0] in self.rows and self._chosen[1] in self.columns:
            row, column = self.rows.index(self._chosen[0]), self.columns.index(self._chosen[1])
            yield self._square("chosen", row, column, Style(stroke=self.theme.selection, stroke_width=SIZES.selection))

    def _square(self, name: str, row: int, column: int, style: Style) -> Rectangle:
        """A square over a cell, which stands for it."""
        target = Target("cell", members=(self.rows[row],), other_members=(self.columns[column],))
        x, y = self.left + column * self.cell, self.top + row * self.cell
        return Rectangle(name, x, y, self.cell, self.cell, style, target=target)

    def _matrix(self, width: float, height: float) -> Iterator[Shape]:
        """The squares, each a share of its row."""
        shares = self.counts / self.counts.sum(1, keepdims=True)
        pixels = self.theme.activation.pixels(shares)
        yield Bitmap("matrix", self.left, self.top, width, height, pixels, is_smooth=False)
        frame = Style(stroke=self.theme.frame)
        yield Rectangle("frame", self.left, self.top, width, height, frame)
        for row, number in enumerate(self.rows):
            column = self.columns.index(number)
            x, y = self.left + column * self.cell, self.top + row * self.cell
            if self.cell >= PAGE.with_names:
                yield Rectangle(f"right/{number}", x, y, self.cell, self.cell, Style(stroke=self.theme.ink))

    def _names(self) -> Iterator[Shape]:
        """The names of the classes, beside rows and above columns."""
        if self.cell < PAGE.with_names:
            return
        drop = cap_height(self.size) / 2
        for row, number in enumerate(self.rows):
            text = shorten(class_name(self.analysis, number), self.room - PAGE.gap, self.size)
            y = self.top + (row + 0.5) * self.cell + drop
            yield Text(f"row/{number}", self.left - PAGE.gap, y, text, self.size, self.theme.ink, anchor="end")
        for column, number in enumerate(self.columns):
            x = self.left + (column + 0.5) * self.cell
            name = class_name(self.analysis, number)
            if self.is_turned:
                text = shorten(name, self.room - PAGE.gap, self.size)
                y = self.top - PAGE.gap
                yield Text(f"column/{number}", x + drop, y, text, self.size, self.theme.ink, angle=-90)
            else:
                y = self.top - PAGE.gap
                yield Text(f"column/{number}", x, y, name, self.size, self.theme.ink, anchor="middle")

    def _numbers(self) -> Iterator[Shape]:
        """How many there are in each square."""
        if self.cell < PAGE.with_numbers:
            return
        shares = self.counts / self.counts.sum(1, keepdims=True)
        drop = cap_height(SIZES.small) / 2
        for row, column in np.argwhere(self.counts > 0):
            text = shorten(whole(int(round(self.counts[row, column]))), self.cell - 4, SIZES.small)
            is_strong = shares[row, column] > 0.5
            x, y = self.left + (column + 0.5) * self.cell, self.top + (row + 0.5) * self.cell + drop
            colour = self.theme.ground if is_strong else self.theme.ink
            yield Text(f"count/{row}/{column}", x, y, text, SIZES.small, colour, anchor="middle")

    def _foot(self, width: float, height: float, unit: str) -> Iterator[Shape]:
        """The share of each class that is right, at the right; what the rows are, below."""
        right = [self.counts[row, self.columns.index(number)] for row, number in enumerate(self.rows)]
        x = self.left + width + PAGE.gap
        if self.cell >= PAGE.with_names:
            yield Text("right", x, self.top - PAGE.gap, "right", SIZES.small, self.theme.muted, weight="bold")
            for row, number in enumerate(self.rows):
                y = self.top + (row + 0.5) * self.cell + cap_height(self.size) / 2
                text = percent(float(right[row] / self.counts[row].sum()))
                yield Text(f"share/{number}", x, y, text, self.size, self.theme.ink)
        text = f"Rows: the {self.analysis.data.column} of each {unit}. Colour: share of the row."
        yield Text("foot", self._x, self.top + height + PAGE.foot, text, SIZES.small, self.theme.muted)
