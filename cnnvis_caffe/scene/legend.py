"""The legend under the picture: what sizes and colours mean, the classes, and what must be said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.readings.facets import MATRIX_FACETS, MatrixFacet
from cnnvis_caffe.readings.scales import Beside, QuantityRange, Scales, knows_quantity
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import EDGE_QUANTITIES, IMPORTANCES, STRENGTHS, STRONG_BY, View
from cnnvis_caffe.scene.facets import PictureLayout
from cnnvis_caffe.scene.lettering import shorten, shorten_end, text_width
from cnnvis_caffe.scene.neurons import facet_of, patches_of, present_classes
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Shape, Style, Target, Text
from cnnvis_caffe.scene.stack import moved
from cnnvis_caffe.scene.theme import SIZES, Theme
from cnnvis_caffe.text.words import class_name, figure, percent

TARGET = Target("legend")
MOST_LISTED_CLASSES = 20
#: Where a legend with headings over its symbols would have more rows, the headings stand before them.
MOST_TALL_ROWS = 2
#: Lines that a list takes at most; the others are counted.
MOST_LIST_LINES = 2
#: Where the words of an entry stand under its heading, and the heading itself.
BASE, HEADING_BASE = 32.0, 11.0
#: Height of a legend of one line, and where its words stand.
LINE_HEIGHT, LINE_BASE = 28.0, 19.0


@dataclass(frozen=True)
class Part:
    """Symbols and words of an entry that stay together, drawn from x = 0 on."""

    shapes: tuple[Shape, ...]
    width: float


@dataclass(frozen=True)
class Entry:
    """One thing that the legend explains.

    Attributes
    ----------
    heading : Text
        Stands over the symbols where there is room.
    brief : Text
        Stands before them elsewhere.
    parts : tuple of Part
    is_list : bool
        Whether parts may be left out and counted.
    n_left_out : int
        How many things of a list are no parts already.
    """

    heading: Text
    brief: Text
    parts: tuple[Part, ...]
    is_list: bool = False
    n_left_out: int = 0

    @property
    def width(self) -> float:
        """With the heading over the symbols."""
        more = _width(_more(self, self.n_left_out)) if self.n_left_out else 0.0
        return max(_width(self.heading), sum(part.width for part in self.parts) + more)


@dataclass(frozen=True)
class _Laid:
    """Shapes of a legend from its upper left corner on, and the room that they take."""

    shapes: tuple[Shape, ...]
    height: float


class _Pen:
    """Puts symbols and words side by side; the heading comes where there is room."""

    def __init__(self, theme: Theme, name: str, heading: str, brief: str) -> None:
        self.theme, self.name = theme, f"legend/{name}"
        self.x = 0.0
        self.shapes: list[Shape] = []
        self._start = 0
        self._parts: list[Part] = []
        self._heading, self._brief = (
            Text(f"{self.name}/heading", 0, HEADING_BASE, text, SIZES.small, theme.ink, weight="bold", target=TARGET)
            for text in (heading, brief)
        )

    def words(self, text: str, *, gap: float = 6.0, muted: bool = True, target: Target = TARGET) -> None:
        """Write some words."""
        colour = self.theme.muted if muted else self.theme.ink
        self.shapes.append(Text(self._next(), self.x, BASE, text, SIZES.small, colour, target=target))
        self.x += text_width(text, SIZES.small) + gap

    def strip(self, pixels: np.ndarray, width: float = 96.0) -> None:
        """Draw the colours of a map."""
        self.shapes.append(Bitmap(self._next(), self.x, 23, width, 10, pixels, target=TARGET))
        frame = Style("", self.theme.line, 1.0)
        self.shapes.append(Rectangle(self._next(), self.x, 23, width, 10, frame, target=TARGET))
        self.x += width + 6

    def square(self, side: float, style: Style) -> None:
        """Draw a square that stands on the line."""
        self.shapes.append(Rectangle(self._next(), self.x, 34 - side, side, side, style, target=TARGET))
        self.x += side + 4

    def crossed(self) -> None:
        """Draw the tile of a neuron without any response."""
        start = self.x
        self.square(12.0, Style(self.theme.ground, self.theme.dead, 1.0))
        ends = np.linspace((start, 34.0), (start + 12.0, 22.0), 4)
        self.shapes.append(Path(self._next(), ends, Style("", self.theme.dead, 1.0), target=TARGET))

    def curve(self, colour: str, width: float, opacity: float, length: float = 26.0) -> None:
        """Draw a piece of a curve."""
        start, end = self.x, self.x + length
        points = np.array([(start, 31), (start + length / 2, 31), (start + length / 2, 25), (end, 25)], float)
        self.shapes.append(Path(self._next(), points, Style("", colour, width, opacity), target=TARGET))
        self.x += length + 6

    def dot(self, colour: str, target: Target) -> None:
        """Draw a dot on the line."""
        self.shapes.append(Rectangle(self._next(), self.x, 24, 8, 8, Style(colour), 4.0, target))
        self.x += 12

    def gap(self, width: float) -> None:
        """Leave some room."""
        self.x += width

    def part(self) -> None:
        """End a part: what follows may stand on the next line."""
        self._parts.append(Part(tuple(self.shapes[self._start :]), self.x))
        self._start, self.x = len(self.shapes), 0.0

    def entry(self, *, is_list: bool = False, n_left_out: int = 0) -> Entry:
        """Return what was drawn."""
        if len(self.shapes) > self._start:
            self.part()
        return Entry(self._heading, self._brief, tuple(self._parts), is_list, n_left_out)

    def _next(self) -> str:
        return f"{self.name}/{len(self.shapes) + 1}"


def legend_height(entries: tuple[Entry, ...], notes: tuple[str, ...], width: float) -> float:
    """Return the room that a legend takes in a picture of a width."""
    return SIZES.legend_top + _laid(entries, width).height + (20 if notes else 0) + 8


def legend_shapes(layout: PictureLayout, entries: tuple[Entry, ...], notes: tuple[str, ...]) -> Iterator[Shape]:
    """Yield the legend at the foot of the picture."""
    geometry, theme = layout.geometry, layout.theme
    top = geometry.height - legend_height(entries, notes, geometry.width)
    line = Style(theme.line)
    yield Rectangle("legend/line", SIZES.margin, top, geometry.width - 2 * SIZES.margin, 1, line, target=TARGET)
    laid = _laid(entries, geometry.width)
    yield from (moved(shape, SIZES.margin, top + SIZES.legend_top) for shape in laid.shapes)
    if notes:
        text = shorten_end("  ·  ".join(notes), geometry.width - 2 * SIZES.margin, SIZES.small)
        y = top + SIZES.legend_top + laid.height + HEADING_BASE
        yield Text("legend/notes", SIZES.margin, y, text, SIZES.small, theme.muted, target=TARGET)


def line_shapes(layout: PictureLayout, entries: tuple[Entry, ...], notes: tuple[str, ...]) -> Iterator[Shape]:
    """Yield the legend as one line of the height `LINE_HEIGHT`, for where the picture needs the room.

    Headings stand before their symbols if all of it fits. Else they are left out, and so is what still does not fit;
    "more…" at the end says so, and that there are notes.
    """
    theme, right = layout.theme, layout.geometry.width - SIZES.margin
    yield Rectangle("legend/line", SIZES.margin, 0, right - SIZES.margin, 1, Style(theme.line), target=TARGET)
    more = Text("legend/more", right, LINE_BASE, "more…", SIZES.small, theme.muted, "end", target=TARGET)
    needed = sum(_brief_width(entry) + sum(part.width for part in entry.parts) + SIZES.legend_gap for entry in entries)
    is_whole = needed - SIZES.legend_gap <= right - SIZES.margin and not any(entry.n_left_out for entry in entries)
    if not is_whole or notes:
        right -= _width(more) + 12
        yield more
    x = SIZES.margin
    for entry in entries:
        if is_whole:
            yield moved(entry.brief, x, LINE_BASE - HEADING_BASE)
            x += _brief_width(entry)
        for part in entry.parts:
            if x + part.width > right:
                break
            yield from (moved(shape, x, LINE_BASE - BASE) for shape in part.shapes)
            x += part.width
        x += SIZES.legend_gap if is_whole else SIZES.legend_gap / 2


def _brief_width(entry: Entry) -> float:
    """Room of a heading before its symbols."""
    return _width(entry.brief) + 12


def legend_entries(
    analysis: Analysis,
    aggregation: Aggregation,
    view: View,
    theme: Theme,
    scales: Scales,
    *,
    layout: PictureLayout | None = None,
    beside: Beside | None = None,
) -> tuple[Entry, ...]:
    """Return the parts of the legend that a view needs, and the picture beside it.

    Parameters
    ----------
    analysis : Analysis
    aggregation : Aggregation
    view : View
    theme : Theme
    scales : Scales
    layout : PictureLayout, optional
        Without it the legend is at least as large, for measuring.
    beside : Beside, optional

    Returns
    -------
    tuple of Entry
    """
    facets = _facets_shown(analysis, aggregation, view)
    entries = []
    if "features" in facets:
        has_silent = layout is None or beside is not None or _any_silent(layout)
        entries.append(_features_entry(analysis, view, theme, has_silent=has_silent))
    for name, facet in MATRIX_FACETS.items():
        if name in facets:
            entries.append(_matrix_entry(analysis, theme, name, facet, scales, aggregation))
    if any(gap.biclusters for gap in aggregation.gaps):
        entries.append(_edges_entry(view, theme, aggregation, scales, beside))
    has_matrices = bool(facets - {"features"})
    is_other = beside is not None and _names(beside.analysis) != _names(analysis)
    sides = [(analysis, " on the left" if is_other else "")]
    if beside is not None and is_other:
        sides.append((beside.analysis, " on the right"))
    found = [_classes_entry(one, view, theme, side, has_matrices=has_matrices) for one, side in sides]
    return (*entries, *(entry for entry in found if entry is not None))


def picture_notes(analysis: Analysis, aggregation: Aggregation, view: View) -> tuple[str, ...]:
    """Return what must be said beside a picture."""
    notes = []
    if any(gap.n_steps > 1 for gap in aggregation.gaps):
        notes.append("Connections between layers that are not neighbours are products along the paths")
    seen = []
    for gap in aggregation.gaps:
        if gap.note and gap.note not in seen:
            seen.append(gap.note)
    notes += seen[:3]
    if view.edges != "weight" and all(gap.quantity is None for gap in aggregation.gaps):
        notes.append(f"There are no numbers for the {EDGE_QUANTITIES[view.edges].words} here: edges show their sign")
    if view.classes:
        share, columns = percent(view.class_cutoff), analysis.data.columns
        words = STRONG_BY[view.strong_by].words
        notes.append(f"Translucent: below {share} of the layer's largest {words} on the chosen {columns}")
    return tuple(notes)


def _laid(entries: tuple[Entry, ...], width: float) -> _Laid:
    """Headings over their symbols, as long as that takes few rows; else everything on lines, which are lower."""
    room = width - 2 * SIZES.margin
    tall = _tall(entries, room)
    return tall if tall is not None else _flat(entries, room)


def _tall(entries: tuple[Entry, ...], room: float) -> _Laid | None:
    """Headings over their symbols; None where that does not fit."""
    shapes: list[Shape] = []
    x, row = 0.0, 0
    for entry in entries:
        if entry.width > room:
            return None
        if x and x + entry.width > room:
            x, row = 0.0, row + 1
            if row == MOST_TALL_ROWS:
                return None
        y = row * SIZES.legend_row
        shapes.append(moved(entry.heading, x, y))
        inner = x
        for part in entry.parts:
            shapes += (moved(shape, inner, y) for shape in part.shapes)
            inner += part.width
        if entry.n_left_out:
            shapes.append(moved(_more(entry, entry.n_left_out), inner, y))
        x += entry.width + SIZES.legend_gap
    return _Laid(tuple(shapes), (row + 1) * SIZES.legend_row if entries else 0.0)


def _flat(entries: tuple[Entry, ...], room: float) -> _Laid:
    """Headings before their symbols, on lines; what does not fit on a line goes on on the next."""
    shapes: list[Shape] = []
    x, line = 0.0, 0
    widest = max(map(_brief_width, entries), default=0.0)
    for entry in entries:
        head = _brief_width(entry)
        if x and x + head + sum(part.width for part in entry.parts) > room:
            x, line = 0.0, line + 1
        head = head if x else widest  # lines that begin with a heading go on at one place
        last = line + MOST_LIST_LINES - 1
        shapes.append(moved(entry.brief, x, line * SIZES.legend_line))
        x += head
        indent = min(x, head)
        for number, part in enumerate(entry.parts):
            n_left = len(entry.parts) - number + entry.n_left_out
            if entry.is_list and line == last:
                more = _more(entry, n_left)
                is_end = n_left == 1 and x + part.width <= room
                if not is_end and x + part.width + _width(more) > room:
                    shapes.append(moved(more, x, line * SIZES.legend_line + HEADING_BASE - BASE))
                    x += _width(more)
                    break
            elif x > indent and x + part.width > room:
                x, line = indent, line + 1
            y = line * SIZES.legend_line + HEADING_BASE - BASE
            shapes += (moved(shape, x, y) for shape in part.shapes)
            x += part.width
        else:
            if entry.n_left_out:
                more = _more(entry, entry.n_left_out)
                shapes.append(moved(more, x, line * SIZES.legend_line + HEADING_BASE - BASE))
                x += _width(more)
        x += SIZES.legend_gap
    return _Laid(tuple(shapes), (line + 1) * SIZES.legend_line)


def _more(entry: Entry, n: int) -> Text:
    """How many things of a list are left out."""
    name = entry.heading.name.replace("heading", "more")
    return Text(name, 0, BASE, f"and {n} more", SIZES.small, entry.heading.colour, target=TARGET)


def _width(text: Text) -> float:
    """How wide a text is."""
    return text_width(text.text, text.size, text.weight)


def _facets_shown(analysis: Analysis, aggregation: Aggregation, view: View) -> set[str]:
    """Facets that some cluster shows."""
    return {
        facet_of(view, column.node, tuple(cluster.neurons.tolist()))
        for column in aggregation.columns
        if column.node != analysis.data.input_name
        for cluster in column.clusters
    }


def _names(analysis: Analysis) -> list[str]:
    """The classes of which there are images."""
    return [class_name(analysis, index) for index in present_classes(analysis)]


def _any_silent(layout: PictureLayout) -> bool:
    """Whether some shown patch is crossed out."""
    for column, filled in zip(layout.aggregation.columns, layout.geometry.contents):
        patches = patches_of(layout.analysis, layout.snapshot, column, layout.cache)
        if any(not patches.pixels(neuron).size for contents in filled for neuron in contents.neurons.tolist()):
            return True
    return False


def _features_entry(analysis: Analysis, view: View, theme: Theme, *, has_silent: bool) -> Entry:
    """Sizes of patches."""
    pen = _Pen(theme, "features", "Learned features: the image patch each neuron responds to most", "Features")
    style = Style(theme.line, theme.muted, 1.0)
    pen.words("area: ", gap=4)
    for side in (6.0, 11.0, 16.0):
        pen.square(side, style)
    pen.gap(2)
    of_classes = f" on the chosen {analysis.data.columns}" if view.classes else ""
    # Also where that is the one shown: a legend that grew and shrank with the snapshot would move the picture.
    label = shorten(analysis.snapshot(view.clusters_of).label, 140.0, SIZES.small)
    at = f", {label}" if len(analysis.snapshots) > 1 else ""
    pen.words(f"{IMPORTANCES[view.importance].words}{of_classes}{at}", gap=16)
    pen.part()
    if has_silent:
        pen.crossed()
        pen.words("never responds")
    return pen.entry()


def _matrix_entry(
    analysis: Analysis, theme: Theme, name: str, facet: MatrixFacet, scales: Scales, aggregation: Aggregation
) -> Entry:
    """Colours of matrices."""
    pen = _Pen(theme, name, facet.heading_for(analysis.data), facet.brief)
    if facet.ends is not None:
        pen.words(facet.ends[0])
        pen.strip(theme.contribution.strip(96))
        pen.words(facet.ends[1])
        return pen.entry()
    pen.words("0")
    pen.strip(theme.activation.strip(96))
    n_snapshots = [len(analysis.snapshots) for analysis in scales.analyses]
    pen.words(
        "layer's largest in both models"
        if len(n_snapshots) > 1
        else "layer's largest, all snapshots"
        if n_snapshots[0] > 1
        else "layer's largest"
    )
    if any(scales.matrix(column.node, name).has_sign for column in aggregation.columns):
        pen.gap(10)
        pen.part()
        pen.words("with negative ones: −")
        pen.strip(theme.contribution.strip(96), 72.0)
        pen.words("+")
    return pen.entry()


def _edges_entry(view: View, theme: Theme, aggregation: Aggregation, scales: Scales, beside: Beside | None) -> Entry:
    """Colours and widths of edges, here and beside."""
    shows_quantity = any(gap.quantity is not None for gap in aggregation.gaps)
    shows_signs = not shows_quantity
    if beside is not None:
        is_known = knows_quantity(beside.analysis, beside.snapshot, view.edges)
        shows_quantity, shows_signs = shows_quantity or is_known, shows_signs or not is_known
    by = STRENGTHS[view.strength].legend
    shown = "" if view.edge_filter >= 1 else f": the strongest, {percent(view.edge_filter)} of all strength"
    pen = _Pen(theme, "edges", f"Connections between clusters{shown}", "Connections")
    if shows_quantity:
        span = scales.quantity(view.edges) or QuantityRange(0.0, 0.0)
        pen.words(EDGE_QUANTITIES[view.edges].legend, gap=9)
        pen.part()
        pen.words(f"≤ {figure(span.least, 2)}")
        pen.strip(theme.quantity.strip(96))
        pen.words(f"≥ {figure(span.most, 2)}{' (equal ratios)' if span.is_logarithmic else ''}", gap=16)
    if shows_quantity and shows_signs:
        pen.part()
        pen.words("where it is not known:", gap=9)
    if shows_signs:
        pen.curve(theme.positive, 3.5, 0.8)
        pen.words("positive", gap=12)
        pen.curve(theme.negative, 3.5, 0.8)
        pen.words("negative on average" if view.strength == "absolute" else "negative weights", gap=16)
    pen.part()
    for width in (1.0, 3.0, 6.0):
        pen.curve(theme.neutral, width, 0.8, 18.0)
    pen.words(f"stronger: {by}")
    return pen.entry()


def _classes_entry(analysis: Analysis, view: View, theme: Theme, side: str, *, has_matrices: bool) -> Entry | None:
    """Colours of the classes, as long as there are few; of the chosen ones where no matrix shows the others."""
    present = present_classes(analysis)
    colours = theme.class_colours(present)
    if not colours and not view.classes:
        return None
    is_whole = not view.classes or (has_matrices and bool(colours))
    words = analysis.data.columns
    heading = f"{words.capitalize() if is_whole else f'Chosen {words}'}{side}"
    pen = _Pen(theme, "classes" + side.replace(" on the ", "/"), heading, heading)
    listed = tuple(present) if is_whole else tuple(c for c in view.classes if c < analysis.data.n_classes)
    for index in listed[:MOST_LISTED_CLASSES]:
        target = Target("class", members=(index,))
        if index in colours:
            pen.dot(colours[index], target)
        is_muted = bool(view.classes) and index not in view.classes
        pen.words(shorten(class_name(analysis, index), 90.0, SIZES.small), gap=10, muted=is_muted, target=target)
        pen.part()
    return pen.entry(is_list=True, n_left_out=max(len(listed) - MOST_LISTED_CLASSES, 0))
