"""Draws what is selected: its outline, and a neuron's own curves to the neurons of the neighbouring columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from cnnvis_caffe.layout.routing import curve
from cnnvis_caffe.scene.facets import PictureLayout
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Shape, Style, Target
from cnnvis_caffe.scene.theme import SIZES

#: Curves of a selected neuron in each gap: the strongest.
MOST_CURVES = 24

#: Rows of a matrix that are lower have no outlines, where several are selected, but a bar of this width beside them.
LEAST_OUTLINED, BAR = 10.0, 3.0

#: From source and target column to the signed relation of their neurons, (n_target, n_source).
Relations = Callable[[str, str], np.ndarray]
Box = tuple[float, float, float, float]
#: First and last x of a neuron's cluster, and of its column.
Span = tuple[tuple[float, float], tuple[float, float]]


def selection_shapes(
    layout: PictureLayout, selection: Target, shapes: list[Shape], relations: Relations | None
) -> Iterator[Shape]:
    """Yield what a selection adds on top of a picture that is drawn already."""
    style = Style("", layout.theme.selection, SIZES.selection)
    if selection.kind == "neuron" and selection.members:
        boxes = neuron_boxes(layout, shapes)
        if relations is not None and len(selection.members) == 1:
            yield from _own_curves(layout, selection, boxes, relations)
        found = {
            neuron: boxes[selection.node, neuron] for neuron in selection.members if (selection.node, neuron) in boxes
        }
        if len(found) > 1:
            yield from _beside_thin_rows(layout, selection.node, found, shapes)
        for neuron, box in found.items():
            yield Rectangle(f"selection/{selection.node}/{neuron}", *_grown(box, 2.0), style, 2.0)
        return
    for shape in shapes:
        if isinstance(shape, Rectangle) and shape.target == selection and selection.kind in ("cluster", "bicluster"):
            box = (shape.x, shape.y, shape.width, shape.height)
            yield Rectangle(f"selection/{shape.name}", *_grown(box, 2.0), style, shape.corner + 2)
            return


def _beside_thin_rows(layout: PictureLayout, node: str, found: dict[int, Box], shapes: list[Shape]) -> Iterator[Shape]:
    """Bars at the left of those rows whose outlines would cover the matrix; what has a bar is taken out."""
    style = Style(layout.theme.selection)
    for shape in shapes:
        if not (isinstance(shape, Bitmap) and shape.rows and shape.target is not None and shape.target.node == node):
            continue
        height = shape.height / len(shape.rows)
        if height >= LEAST_OUTLINED:
            continue
        run: list[int] = []
        for at, neuron in enumerate((*shape.rows, -1)):
            if neuron in found:
                run.append(neuron)
                continue
            if run:
                top = shape.y + (at - len(run)) * height
                name = f"selection/{node}/{run[0]}/bar"
                yield Rectangle(name, shape.x - BAR - 1.0, top, BAR, len(run) * height, style)
                for one in run:
                    del found[one]
                run = []


def neuron_boxes(layout: PictureLayout, shapes: list[Shape]) -> Mapping[tuple[str, int], Box]:
    """Return where each neuron stands: its patch, its row of a matrix, or the cluster that it is hidden in."""
    boxes: dict[tuple[str, int], Box] = {}
    for number, column in enumerate(layout.aggregation.columns):
        for index, cluster in enumerate(column.clusters):
            box = layout.geometry.cluster_box(number, index)
            for neuron in cluster.neurons.tolist():
                boxes[column.node, neuron] = box
    for shape in shapes:
        if isinstance(shape, Bitmap) and shape.rows and shape.target is not None:
            height = shape.height / len(shape.rows)
            for at, neuron in enumerate(shape.rows):
                boxes[shape.target.node, neuron] = (shape.x, shape.y + at * height, shape.width, height)
        elif isinstance(shape, (Bitmap, Rectangle)) and shape.target is not None and shape.target.kind == "neuron":
            boxes[shape.target.node, shape.target.members[0]] = (shape.x, shape.y, shape.width, shape.height)
    return boxes


def _own_curves(
    layout: PictureLayout, selection: Target, boxes: Mapping[tuple[str, int], Box], relations: Relations
) -> Iterator[Shape]:
    """The strongest connections of one neuron, both ways."""
    neuron = selection.members[0]
    me = boxes.get((selection.node, neuron))
    if me is None:
        return
    spans = _spans(layout)
    for gap in layout.aggregation.gaps:
        if selection.node == gap.source:
            strengths, other, goes_on = relations(gap.source, gap.target)[:, neuron], gap.target, True
        elif selection.node == gap.target:
            strengths, other, goes_on = relations(gap.source, gap.target)[neuron], gap.source, False
        else:
            continue
        strengths = np.nan_to_num(np.asarray(strengths, np.float64))
        largest = float(np.abs(strengths).max(initial=0.0))
        if largest <= 0:
            continue
        strongest = np.argsort(-np.abs(strengths), kind="stable")[:MOST_CURVES]
        for neuron_there in strongest[::-1].tolist():
            strength = float(strengths[neuron_there])
            box = boxes.get((other, neuron_there))
            if box is None or strength == 0:
                continue
            yield from _own_curve(layout, selection, (other, neuron_there), me, box, strength / largest, goes_on, spans)


def _spans(layout: PictureLayout) -> dict[tuple[str, int], Span]:
    """Where the cluster and the column of each neuron begin and end."""
    found: dict[tuple[str, int], Span] = {}
    for number, column in enumerate(layout.aggregation.columns):
        x, _, width, _ = layout.geometry.column_box(number)
        for index, cluster in enumerate(column.clusters):
            left, _, extent, _ = layout.geometry.cluster_box(number, index)
            for neuron in cluster.neurons.tolist():
                found[column.node, neuron] = (left, left + extent), (x, x + width)
    return found


def _own_curve(
    layout: PictureLayout,
    selection: Target,
    other: tuple[str, int],
    me: Box,
    box: Box,
    strength: float,
    goes_on: bool,
    spans: Mapping[tuple[str, int], Span],
) -> Iterator[Shape]:
    """One curve, with the outline of the neuron at its end."""
    theme = layout.theme
    sign = 1 if strength > 0 else -1
    start, end = (me, box) if goes_on else (box, me)
    width = max(SIZES.edge_own_min, SIZES.edge_own_most * float(np.sqrt(abs(strength))))
    ends = (selection.node, selection.members[0]), other
    (source, first), (target, second) = ends if goes_on else ends[::-1]
    stands_for = Target("edge", source, (first,), target, (second,), sign=sign)
    # Between the clusters a curve, bent only between the columns, and inside them a thin line to the patch.
    (_, right), (_, last) = spans[source, first]
    (left, _), (begin, _) = spans[target, second]
    y0, y1 = start[1] + start[3] / 2, end[1] + end[3] / 2
    name = f"own/{source}/{first}/{target}/{second}"
    opacity = 0.3 + 0.6 * abs(strength)
    for side, (x0, x1), y in (("start", (start[0] + start[2], right), y0), ("end", (left, end[0]), y1)):
        if x1 > x0:
            thin = Style("", theme.sign(sign), SIZES.edge_own_min, 0.5 * opacity)
            yield Path(f"{name}/{side}", np.linspace((x0, y), (x1, y), 4), thin, target=stands_for)
    style = Style("", theme.sign(sign), width, opacity)
    stops = [(right, y0), *([(last, y0)] if last > right else []), *([(begin, y1)] if begin < left else []), (left, y1)]
    yield Path(name, curve(stops), style, target=stands_for)
    outline = Style("", theme.sign(sign), 1.5, 0.4 + 0.6 * abs(strength))
    yield Rectangle(f"own/{other[0]}/{other[1]}/outline/{source}", *_grown(box, 1.0), outline, 1.0)


def _grown(box: Box, by: float) -> Box:
    """A box with a margin around."""
    return box[0] - by, box[1] - by, box[2] + 2 * by, box[3] + 2 * by
