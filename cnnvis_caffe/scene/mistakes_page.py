"""The page of mistakes: what is taken for what, how well each class is answered, and what drives one mistake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.readings.connections import Connection
from cnnvis_caffe.readings.mistakes import (
    Mistake,
    measure_by_column,
    mistake,
    mistakes,
    separators,
    worst_columns,
)
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.records.measure import Measure
from cnnvis_caffe.scene.confusion import PAGE as MATRIX
from cnnvis_caffe.scene.confusion import ConfusionMatrix
from cnnvis_caffe.scene.lettering import cap_height, shorten, text_width
from cnnvis_caffe.scene.page import PAGE, Page, fit
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Shape, Style, Target, straight
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import class_name, counted, data_line, figure, percent, whole

#: Sizes of this page in scene units, beside those of all pages.
ROOM = SimpleNamespace(
    side=380.0,  # of the matrix's squares together
    after_matrix=72.0,  # the shares beside it
    least_list=300.0,
    n_columns=12,  # that have a bar; the worst of more
    n_mistakes=8,
    side_of_image=88.0,
    n_images=9,
    n_separators=8,
)


def build_mistakes_page(
    analysis: Analysis, snapshot: Snapshot | str, *, cell: tuple[int, int] | None = None, theme: Theme = LIGHT
) -> Scene:
    """Lay out the page of mistakes.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot or str
        Or its label; the last one if it is empty.
    cell : (int, int), optional
        A class and what it is named as, whose images and neurons are shown; the most frequent mistake if left out.
    theme : Theme, optional

    Returns
    -------
    Scene
        With targets of the kinds "cell", "image", "neuron" and "class".

    Raises
    ------
    CnnvisError
        If nothing is known of right and wrong answers, or there is no such snapshot.
    """
    shown = snapshot if isinstance(snapshot, Snapshot) else analysis.snapshot(snapshot)
    if not shown.measures and shown.confusion is None:
        raise CnnvisError(why_nothing(analysis))
    found = mistakes(shown)
    if cell is None and found:
        cell = found[0].row, found[0].column
    page = _MistakesPage(analysis, shown, theme, found, cell if shown.confusion is not None else None)
    return page.scene(tuple(page.shapes()), "Where it errs", page.description())


def why_nothing(analysis: Analysis) -> str:
    """Say why an analysis has no page of mistakes."""
    return (
        f"{analysis.path or analysis.title}: does not say which answers are right. It takes data with labels, analysed "
        "by this version."
    )


@dataclass
class _MistakesPage(Page):
    """The page while it is laid out."""

    found: list[Mistake]
    cell: tuple[int, int] | None

    prefix, width = "mistakes", PAGE.narrow

    def shapes(self) -> Iterator[Shape]:
        """Everything, from top to bottom."""
        data, snapshot = self.analysis.data, self.snapshot
        line = [self.analysis.title, data_line(self.analysis, snapshot)]
        yield from self.headline("Where it errs", snapshot.label, line)
        yield from self.fact_row(self.facts())
        top, left = self.bottom + PAGE.section_gap, self.left
        bottom = top
        if snapshot.confusion is not None:
            yield from self.section("matrix", "What is taken for what", left, top, 400, "click a square")
            matrix = ConfusionMatrix(
                self.analysis, snapshot, self.theme, left, top + 20, ROOM.side, self.cell, has_targets=True
            )
            yield from matrix.shapes()
            bottom = matrix.bottom + MATRIX.foot
            left = min(matrix.right + ROOM.after_matrix, self.right - ROOM.least_list)
        measure = measure_by_column(snapshot)
        if measure is not None:
            yield from self.columns(measure, left, top, min(self.right - left, 560.0))
            bottom, top = max(bottom, self.bottom), self.bottom + PAGE.section_gap
        if self.found:
            yield from self.pairs(left, top, min(self.right - left, 560.0))
            bottom = max(bottom, self.bottom)
        self.bottom = bottom
        if self.cell is not None:
            yield from self.chosen(mistake(snapshot, *self.cell))
        elif data.task != "classes":
            note = f"Images of a mistake are known where each image has one class; this network answers {data.columns}."
            self.bottom += PAGE.section_gap
            yield self.text("note", self.left, self.bottom, note, SIZES.text)

    def facts(self) -> list[tuple[str, str, Target | None]]:
        """All measures beside what guessing gives, and what goes wrong most."""
        facts: list[tuple[str, str, Target | None]] = []
        for one in self.snapshot.measures[:3]:
            guess = f" (guessing: {_value(one, one.guess)})" if np.isfinite(one.guess) else ""
            facts.append((f"{one.name}{guess}", _value(one, one.overall), None))
        if self.found:
            first = self.found[0]
            count = counted(round(first.count), self.unit())
            facts.append((f"most often wrong: {count}", self.named(first), _cell(first)))
            n_wrong = sum(one.count for one in self.found)
            facts.append(("wrong in all", whole(round(n_wrong)), None))
        return facts

    def unit(self) -> str:
        """What is counted."""
        return {"pixels": "pixel", "pairs": "pair"}.get(self.analysis.data.task, "image")

    def named(self, one: Mistake) -> str:
        """A mistake in words."""
        return f"{class_name(self.analysis, one.row)} → {class_name(self.analysis, one.column)}"

    def columns(self, measure: Measure, x: float, y: float, width: float) -> Iterator[Shape]:
        """Bars of a measure by class, the worst first, with a mark at what guessing gives."""
        data, worst = self.analysis.data, worst_columns(measure)
        shown = worst[: ROOM.n_columns]
        title = f"{measure.name[:1].upper()}{measure.name[1:]} by {data.column}"
        note = "the worst first" if len(shown) == len(worst) else f"the worst {len(shown)} of {len(worst)}"
        yield from self.section("columns", title, x, y, width, note)
        y += PAGE.section_head
        names = [class_name(self.analysis, c) for c in shown]
        room = min(PAGE.name_most, max((text_width(name, SIZES.small) for name in names), default=0.0)) + 8
        left, right = x + room, x + width - PAGE.value - 12
        values = measure.values[shown]
        guesses = measure.guesses[shown]
        known = [*np.abs(values), *np.abs(guesses[np.isfinite(guesses)])]
        largest = max(known, default=1.0) or 1.0
        middle = cap_height(SIZES.small) / 2
        colour = self.theme.positive if measure.is_better_high else self.theme.negative
        for row, (c, value, guess) in enumerate(zip(shown, values.tolist(), guesses.tolist())):
            at, target = y + (row + 0.5) * PAGE.row, Target("class", "", (c,))
            name = shorten(names[row], room - 8, SIZES.small)
            ink = self.theme.ink
            yield self.text(f"column/{c}", left - 8, at + middle, name, anchor="end", colour=ink, target=target)
            length = max(abs(value) / largest * (right - left), 0.5)
            bar = f"mistakes/column/{c}/bar"
            yield Rectangle(bar, left, at - PAGE.bar / 2, length, PAGE.bar, Style(fill=colour), 1.0, target)
            if np.isfinite(guess):
                mark = left + abs(guess) / largest * (right - left)
                points = straight([(mark, at - PAGE.bar / 2 - 2), (mark, at + PAGE.bar / 2 + 2)])
                yield Path(f"mistakes/column/{c}/guess", points, Style(stroke=self.theme.muted, stroke_width=1.5))
            text = _value(measure, value)
            yield self.text(f"column/{c}/value", x + width, at + middle, text, anchor="end", colour=ink)
        self.bottom = y + len(shown) * PAGE.row

    def pairs(self, x: float, y: float, width: float) -> Iterator[Shape]:
        """The most frequent mistakes."""
        shown = self.found[: ROOM.n_mistakes]
        note = f"{len(shown)} of {len(self.found)} kinds; click one"
        yield from self.section("pairs", "Most often mistaken", x, y, width, note)
        y += PAGE.section_head
        middle, room = cap_height(SIZES.small) / 2, width - 2 * PAGE.value - 56
        for row, one in enumerate(shown):
            at, target = y + (row + 0.5) * PAGE.row, _cell(one)
            is_chosen = self.cell == (one.row, one.column)
            if is_chosen:
                style = Style(stroke=self.theme.selection, stroke_width=SIZES.selection)
                yield Rectangle(
                    "mistakes/pair/chosen", x - 6, at - PAGE.row / 2 + 1, width + 12, PAGE.row - 2, style, 2.0, target
                )
            name = shorten(f"{class_name(self.analysis, one.row)}  named as  {class_name(self.analysis, one.column)}",
                           room, SIZES.small)  # fmt: skip
            yield self.text(f"pair/{row}", x, at + middle, name, colour=self.theme.ink, target=target)
            count, end = whole(round(one.count)), x + width - PAGE.value - 48
            yield self.text(f"pair/{row}/count", end, at + middle, count, anchor="end", colour=self.theme.ink)
            share = f"{percent(round(one.share, 3))} of it"
            yield self.text(f"pair/{row}/share", x + width, at + middle, share, anchor="end")
        self.bottom = y + len(shown) * PAGE.row

    def chosen(self, one: Mistake) -> Iterator[Shape]:
        """The images of a cell, and the neurons that tell its two classes apart."""
        first, second = (class_name(self.analysis, c) for c in (one.row, one.column))
        is_right = one.row == one.column
        y = self.bottom + PAGE.section_gap
        what = f"{first}, named right" if is_right else f"{first}, named as {second}"
        order = "those that were nearly wrong first" if is_right else "the plainest mistakes first"
        note = f"{counted(round(one.count), self.unit())}, {percent(one.share)} of {first}; {order}"
        yield from self.section("cell", what, self.left, y, self.right - self.left, note)
        yield from self.images(one, y + PAGE.section_head)
        if not is_right:
            yield from self.drivers(one, first, second)

    def images(self, one: Mistake, y: float) -> Iterator[Shape]:
        """Some images of a cell."""
        cells = self.snapshot.cell_images
        indices = cells.of(one.row, one.column)[: ROOM.n_images].tolist() if cells is not None else []
        if not indices:
            why = "none are kept of this square" if cells is not None else "the file of an older version has none"
            why = "there are none" if not one.count else why
            if self.unit() != "image":
                why = f"{self.unit()}s are counted here"
            yield self.text("images/none", self.left, y + SIZES.text, f"No images: {why}.", SIZES.text)
            self.bottom = y + PAGE.row
            return
        assert cells is not None
        leads = cells.lead[(cells.row == one.row) & (cells.column == one.column)]
        width = (self.right - self.left - (ROOM.n_images - 1) * PAGE.gap) / ROOM.n_images
        side = min(width, ROOM.side_of_image)
        for number, index in enumerate(indices):
            x, target = self.left + number * (width + PAGE.gap), Target("image", "", (index,), index=number)
            image = self.analysis.images[index] if index in self.analysis.images else None  # noqa: SIM401
            if image is None:
                style = Style(fill=self.theme.line)
                yield Rectangle(f"mistakes/image/{number}", x, y, side, side, style, SIZES.corner, target)
            else:
                height, wide = fit(image, side)
                left, top = x + (side - wide) / 2, y + (side - height) / 2
                yield Bitmap(f"mistakes/image/{number}", left, top, wide, height, image, target=target)
            yield self.text(f"image/{number}/index", x, y + side + 14, f"#{index}", target=target)
            lead = figure(abs(float(leads[number])))
            yield self.text(f"image/{number}/lead", x + side, y + side + 14, lead, anchor="end")
        word = "next score" if one.row == one.column else f"score of {class_name(self.analysis, one.row)}"
        answer = class_name(self.analysis, one.column)
        words = f"Numbers at the right: how far the score of {answer} is ahead of the {word}."
        yield self.text("images/words", self.left, y + side + 32, words)
        self.bottom = y + side + 32

    def drivers(self, one: Mistake, first: str, second: str) -> Iterator[Shape]:
        """The neurons that speak for one of the two classes and not for the other."""
        found = separators(self.analysis, self.snapshot, one.row, one.column)
        top = self.bottom + PAGE.section_gap
        width = (self.right - self.left - PAGE.section_gap) / 2
        shown = [
            [two for two in found if (two.difference > 0) == is_second][: ROOM.n_separators]
            for is_second in (True, False)
        ]
        largest = max((two.share for part in shown for two in part), default=1.0)
        bottom = top
        for number, (part, name, sign) in enumerate(zip(shown, (second, first), (1, -1))):
            x = self.left + number * (width + PAGE.section_gap)
            ends = [Connection(two.node, two.neuron, sign * two.share) for two in part]
            title = f"What speaks for {name}"
            note = "share of what separates the two in its layer" if not number else f"and against {second}"
            empty = f"Nothing is known: no contributions, or no images of {name}."
            place = (x, top, width)
            written = _unsigned_percent
            yield from self.neuron_bars(f"driver{number}", title, note, ends, place, empty, largest, written)
            bottom = max(bottom, self.bottom)
        words = (
            f"A neuron separates the two by what it adds to the score of {second} on images of {second}, minus what it "
            f"adds to that of {first} on images of {first}."
        )
        yield self.text("drivers/words", self.left, bottom + 14, words)
        self.bottom = bottom + 20

    def description(self) -> str:
        """The page in words."""
        few = "; ".join(f"{self.named(one)}: {whole(round(one.count))}" for one in self.found[:5])
        return f"Where {self.analysis.title} errs. {data_line(self.analysis, self.snapshot)}. " + (
            f"Most often mistaken: {few}." if few else ""
        )


def _value(measure: Measure, value: float) -> str:
    """A value of a measure with its unit."""
    return percent(value) if measure.unit == "%" else figure(value)


def _cell(one: Mistake) -> Target:
    """The square of a mistake."""
    return Target("cell", members=(one.row,), other_members=(one.column,))


def _unsigned_percent(share: float) -> str:
    """A share whose sign only gives its bar a colour."""
    return percent(round(abs(share), 3))
