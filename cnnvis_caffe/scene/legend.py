"""The legend under the picture: what sizes and colours mean, the classes, and what must be said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.bundles import quantity_range
from cnnvis_caffe.scene.facets import Drawing, matrix_scale
from cnnvis_caffe.scene.lettering import shorten, shorten_end, text_width
from cnnvis_caffe.scene.neurons import facet_of, features_of, patches_of, present_classes, snapshot_of_clusters
from cnnvis_caffe.scene.shapes import Path, Picture, Rectangle, Shape, Style, Target, Text
from cnnvis_caffe.scene.stack import moved
from cnnvis_caffe.scene.theme import SIZES, Theme
from cnnvis_caffe.scene.wording import class_name, figure, percent

TARGET = Target("legend")
IMPORTANCE_NAMES = {"mean": "mean activation", "maximum": "largest activation", "contribution": "contribution"}
QUANTITY_NAMES = {
    "gradient": "gradient of the loss, absolute",
    "relative_change": "relative change since the snapshot before",
}
MOST_LISTED_CLASSES = 20


@dataclass(frozen=True)
class Entry:
    """One part of the legend: a heading over its symbols, drawn from (0, 0) on."""

    shapes: tuple[Shape, ...]
    width: float


class _Pen:
    """Puts symbols and words side by side under a heading."""

    def __init__(self, theme: Theme, name: str, heading: str) -> None:
        self.theme, self.name = theme, f"legend/{name}"
        self.x = 0.0
        self.shapes: list[Shape] = []
        self._widest = text_width(heading, SIZES.small, "bold")
        self.shapes.append(
            Text(f"{self.name}/heading", 0, 11, heading, SIZES.small, theme.ink, weight="bold", target=TARGET)
        )

    def words(self, text: str, *, gap: float = 6.0, muted: bool = True) -> None:
        """Write some words."""
        colour = self.theme.muted if muted else self.theme.ink
        self.shapes.append(Text(self._next(), self.x, 32, text, SIZES.small, colour, target=TARGET))
        self.x += text_width(text, SIZES.small) + gap

    def strip(self, pixels: np.ndarray, width: float = 96.0) -> None:
        """Draw the colours of a map."""
        self.shapes.append(Picture(self._next(), self.x, 23, width, 10, pixels, target=TARGET))
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

    def entry(self) -> Entry:
        """Return what was drawn."""
        return Entry(tuple(self.shapes), max(self._widest, self.x))

    def _next(self) -> str:
        return f"{self.name}/{len(self.shapes)}"


def legend_height(entries: tuple[Entry, ...], notes: tuple[str, ...], width: float) -> float:
    """Return the room that a legend takes in a picture of a width."""
    rows = len(_rows(entries, width)) if entries else 0
    return SIZES.legend_top + rows * SIZES.legend_row + (20 if notes else 0) + 8


def legend_shapes(drawing: Drawing, entries: tuple[Entry, ...], notes: tuple[str, ...]) -> Iterator[Shape]:
    """Yield the legend at the foot of the picture."""
    geometry, theme = drawing.geometry, drawing.theme
    top = geometry.height - legend_height(entries, notes, geometry.width)
    line = Style(theme.line)
    yield Rectangle("legend/line", SIZES.margin, top, geometry.width - 2 * SIZES.margin, 1, line, target=TARGET)
    y = top + SIZES.legend_top
    for row in _rows(entries, geometry.width):
        x = SIZES.margin
        for entry in row:
            yield from (moved(shape, x, y) for shape in entry.shapes)
            x += entry.width + SIZES.legend_gap
        y += SIZES.legend_row
    if notes:
        text = shorten_end("  ·  ".join(notes), geometry.width - 2 * SIZES.margin, SIZES.small)
        yield Text("legend/notes", SIZES.margin, y + 11, text, SIZES.small, theme.muted, target=TARGET)


def legend_entries(
    analysis: Analysis, aggregation: Aggregation, view: View, theme: Theme, drawing: Drawing | None = None
) -> tuple[Entry, ...]:
    """Return the parts of the legend that a view needs; without a drawing of the same extent, for measuring."""
    facets = _facets_shown(analysis, aggregation, view)
    entries = []
    if "features" in facets:
        entries.append(_features_entry(analysis, view, theme, has_silent=drawing is None or _any_silent(drawing)))
    signed = drawing is None or _any_signed(drawing, "activations")
    if "activations" in facets:
        entries.append(_matrix_entry(theme, "activations", "Mean activation, neurons × classes", signed))
    if "contributions" in facets:
        entries.append(_matrix_entry(theme, "contributions", "Contribution to the class score", True))
    if any(gap.biclusters for gap in aggregation.gaps):
        entries.append(_edges_entry(view, theme, aggregation, drawing))
    classes = _classes_entry(analysis, view, theme, has_matrices=bool(facets - {"features"}))
    if classes is not None:
        entries.append(classes)
    return tuple(entries)


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
        what = "gradients" if view.edges == "gradient" else "relative changes"
        notes.append(f"This file holds no {what}: edges show their sign")
    if view.classes:
        share = percent(view.class_cutoff)
        notes.append(f"Translucent: below {share} of the layer's largest mean activation on the chosen classes")
    return tuple(notes)


def _rows(entries: tuple[Entry, ...], width: float) -> list[list[Entry]]:
    """Break a legend into rows that fit."""
    rows: list[list[Entry]] = []
    used = 0.0
    for entry in entries:
        if not rows or used + SIZES.legend_gap + entry.width > width - 2 * SIZES.margin:
            rows.append([])
            used = -SIZES.legend_gap
        rows[-1].append(entry)
        used += SIZES.legend_gap + entry.width
    return rows


def _facets_shown(analysis: Analysis, aggregation: Aggregation, view: View) -> set[str]:
    """Facets that some cluster shows."""
    return {
        facet_of(view, column.node, tuple(cluster.neurons.tolist()))
        for column in aggregation.columns
        if column.node != analysis.data.input_name
        for cluster in column.clusters
    }


def _any_signed(drawing: Drawing, facet: str) -> bool:
    """Whether some layer's matrix has negative values worth a colour."""
    return any(
        matrix_scale(drawing, column.node, facet)[1]
        for column in drawing.aggregation.columns
        if features_of(drawing.snapshot, column.node) is not None
    )


def _any_silent(drawing: Drawing) -> bool:
    """Whether some shown patch is crossed out."""
    for column, filled in zip(drawing.aggregation.columns, drawing.geometry.contents):
        patches = patches_of(drawing.analysis, drawing.snapshot, column, drawing.cache)
        if any(not patches.pixels(neuron).size for contents in filled for neuron in contents.neurons.tolist()):
            return True
    return False


def _features_entry(analysis: Analysis, view: View, theme: Theme, *, has_silent: bool) -> Entry:
    """Sizes of patches."""
    pen = _Pen(theme, "features", "Learned features: the image patch each neuron responds to most")
    style = Style(theme.line, theme.muted, 1.0)
    pen.words("area: ", gap=4)
    for side in (6.0, 11.0, 16.0):
        pen.square(side, style)
    pen.gap(2)
    of_classes = " on the chosen classes" if view.classes else ""
    # Also where that is the one shown: a legend that grew and shrank with the snapshot would move the picture.
    label = shorten(snapshot_of_clusters(analysis, view).label, 140.0, SIZES.small)
    at = f", {label}" if len(analysis.snapshots) > 1 else ""
    pen.words(f"{IMPORTANCE_NAMES[view.importance]}{of_classes}{at}", gap=16)
    if has_silent:
        pen.crossed()
        pen.words("never responds")
    return pen.entry()


def _matrix_entry(theme: Theme, name: str, heading: str, has_sign: bool) -> Entry:
    """Colours of matrices."""
    pen = _Pen(theme, name, heading)
    if name == "activations":
        pen.words("0")
        pen.strip(theme.activation.strip(96))
        pen.words("layer's largest")
    if has_sign:
        if name == "activations":
            pen.gap(10)
            pen.words("with negative ones: −")
        else:
            pen.words("lowers −")
        pen.strip(theme.contribution.strip(96), 72.0 if name == "activations" else 96.0)
        pen.words("+" if name == "activations" else "+ raises")
    return pen.entry()


def _edges_entry(view: View, theme: Theme, aggregation: Aggregation, drawing: Drawing | None) -> Entry:
    """Colours and widths of edges."""
    shows_quantity = any(gap.quantity is not None for gap in aggregation.gaps)
    shown = "" if view.edge_filter >= 1 else f": the strongest, {percent(view.edge_filter)} of all strength"
    pen = _Pen(theme, "edges", f"Connections between clusters{shown}")
    if shows_quantity:
        span = quantity_range(drawing) if drawing is not None else None
        least, most = (figure(span.least, 2), figure(span.most, 2)) if span is not None else ("0.0001", "0.0001")
        pen.words(f"{QUANTITY_NAMES.get(view.edges, view.edges)}  {least}")
        pen.strip(theme.quantity.strip(96))
        pen.words(f"{most} (equal ratios)" if span is not None and span.is_logarithmic else most, gap=16)
    else:
        pen.curve(theme.positive, 3.5, 0.8)
        pen.words("positive", gap=12)
        pen.curve(theme.negative, 3.5, 0.8)
        pen.words("negative weights", gap=16)
    for width in (1.0, 3.0, 6.0):
        pen.curve(theme.neutral, width, 0.8, 18.0)
    pen.words("stronger")
    return pen.entry()


def _classes_entry(analysis: Analysis, view: View, theme: Theme, *, has_matrices: bool) -> Entry | None:
    """Colours of the classes, as long as there are few; of the chosen ones where no matrix shows the others."""
    present = present_classes(analysis)
    colours = theme.class_colours(present)
    if not colours and not view.classes:
        return None
    is_whole = not view.classes or (has_matrices and bool(colours))
    pen = _Pen(theme, "classes", "Classes" if is_whole else "Chosen classes")
    listed = tuple(present) if is_whole else view.classes
    for index in listed[:MOST_LISTED_CLASSES]:
        target = Target("class", members=(index,))
        if index in colours:
            pen.dot(colours[index], target)
        is_muted = bool(view.classes) and index not in view.classes
        pen.words(shorten(class_name(analysis, index), 90.0, SIZES.small), gap=10, muted=is_muted)
    if len(listed) > MOST_LISTED_CLASSES:
        pen.words(f"and {len(listed) - MOST_LISTED_CLASSES} more")
    return pen.entry()
