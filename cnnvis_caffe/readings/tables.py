"""The tables of an analysis, as command line, window and API give them: each is made here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Union

import numpy as np

from cnnvis_caffe.readings.by_class import (
    activation_by_class,
    active_share,
    measure_of,
    neurons_of_class,
    strongest_classes,
)
from cnnvis_caffe.readings.comparison import Comparison
from cnnvis_caffe.readings.neurons import NeuronNumbers, neuron_numbers
from cnnvis_caffe.records.aggregation import Column, Gap
from cnnvis_caffe.records.analysis import Analysis, LayerFeatures, Snapshot
from cnnvis_caffe.text.words import class_name

#: A cell of a table holds one of these.
Cell = Union[str, int, float, None]

BY_CLASS = ("mean", "peak", "maximum", "active_share", "contribution", "contribution_all")
OVERALL = ("overall_mean", "variance", "minimum", "overall_maximum")
SQUARE = ("similarity", "correlation")
LINKS = ("weight", "abs_weight", "gradient", "abs_gradient")
PLACES = ("neuron", "rank", "image", "class", "response", "row", "column", "y0", "x0", "y1", "x1")
DEBUG = ("mean_abs_weight", "mean_abs_gradient", "relative_change", "last_update", "dead_share")
TABLES = ("neurons", *BY_CLASS, "overall", "top", *SQUARE, *LINKS, "debug", "curves", "confusion", "measures")

#: A part of a large table: its layer, the names of its columns, and its rows.
Part = tuple[str, Sequence[str], np.ndarray]


class Table(NamedTuple):
    """A table.

    Attributes
    ----------
    columns : tuple of str
    rows : list of tuple
    """

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


# For people: a row in words and numbers.


def layers_table(analysis: Analysis, snapshot: Snapshot) -> Table:
    """List the layers with their debugging information; None where a value is not known."""
    names = ("mean_abs_weight", "mean_abs_gradient", "relative_change", "dead_share")
    rows: list[tuple[Cell, ...]] = []
    for node in analysis.nodes:
        if node.name in snapshot.debug:
            debug = snapshot.debug[node.name]
            values = (known(getattr(debug, name)) for name in names)
            rows.append((node.name, node.type, node.settings, node.n_neurons, *values))
    return Table(("layer", "type", "settings", "neurons", *names), rows)


def neurons_table(analysis: Analysis, snapshot: Snapshot, layer: str) -> Table:
    """List the neurons of a layer with what they do over all images."""
    features = snapshot.features_of(layer)
    share = active_share(analysis, features)
    best = strongest_classes(analysis, snapshot, layer).tolist()
    names = analysis.data.class_names
    rows: list[tuple[Cell, ...]] = [
        (
            index,
            float(features.overall_mean[index]),
            float(features.minimum[index]),
            float(features.overall_maximum[index]),
            names[best[index]] if best[index] >= 0 else None,
            float(share[index]),
            int(features.top_image[index, 0]),
        )
        for index in range(features.n_neurons)
    ]
    columns = ("neuron", "mean", "minimum", "maximum", "strongest class", "active share", "top image")
    return Table(columns, rows)


def neurons_for_classes(analysis: Analysis, snapshot: Snapshot, layer: str, classes: Sequence[int]) -> Table:
    """List the neurons of a layer with what they do for some classes; all classes where none is given."""
    names, values = neuron_columns(neuron_numbers(analysis, snapshot, layer, classes))
    whole = [name in ("neuron", "redundant_with", "redundant") for name in names]
    at = names.index("strongest_class"), names.index("dead")
    rows: list[tuple[Cell, ...]] = []
    for row in values.tolist():
        cells: list[Cell] = [
            None if math.isnan(value) else int(value) if is_whole else value for value, is_whole in zip(row, whole)
        ]
        strongest, dead = (cells[place] for place in at)
        cells[at[0]] = None if strongest is None else class_name(analysis, int(strongest))
        cells[at[1]] = None if dead is None else ("yes" if dead else "no")
        rows.append(tuple(cells))
    return Table(tuple(name.replace("_", " ") for name in names), rows)


def patches_table(analysis: Analysis, features: LayerFeatures, neuron: int, n_patches: int) -> Table:
    """List the patches that a neuron responds to most: where they are, and how strongly it responds."""
    names, classes = analysis.data.class_names, analysis.image_class
    rows: list[tuple[Cell, ...]] = [
        (
            rank,
            image,
            names[classes[image]] if classes.get(image, -1) >= 0 else None,
            float(features.top_response[neuron, rank]),
            *map(int, features.top_box[neuron, rank]),
        )
        for rank, image in enumerate(features.top_image[neuron, :n_patches].tolist())
    ]
    return Table(("rank", "image", "class", "response", "y0", "x0", "y1", "x1"), rows)


def comparison_table(comparison: Comparison) -> Table:
    """List the layers of two snapshots with what differs."""
    rows: list[tuple[Cell, ...]] = [
        (row.layer, *row.n_neurons, known(row.weight_change), known(row.distance), known(row.top_shared))
        for row in comparison.layers
    ]
    return Table(("layer", "neurons A", "neurons B", "weight change", "distance", "top shared"), rows)


def classes_of_neuron(analysis: Analysis, snapshot: Snapshot, layer: str, neuron: int) -> Table:
    """List the classes with what a neuron does on each."""
    features = snapshot.features_of(layer)
    columns = ("layer", "neuron", "class", "mean", "peak", "maximum", "share of images active", "contribution")
    values = (features.mean, features.peak, features.maximum, features.active_share, features.contribution)
    rows: list[tuple[Cell, ...]] = [
        (layer, neuron, class_name(analysis, c), *(float(value[neuron, c]) for value in values))
        for c in range(analysis.data.n_classes)
    ]
    return Table(columns, rows)


def neurons_by_class(
    analysis: Analysis, snapshot: Snapshot, layer: str, neurons: Sequence[int], column: Column | None
) -> Table:
    """List neurons of a layer with their clusters, and with what they do on each class."""
    features, measure = snapshot.features_of(layer), measure_of(analysis, layer)
    by_class = activation_by_class(features, measure)
    names = [class_name(analysis, c) for c in range(analysis.data.n_classes)]
    strongest = strongest_classes(analysis, snapshot, layer).tolist()
    rows: list[tuple[Cell, ...]] = [
        (
            layer,
            int(i),
            int(column.labels[i]) + 1 if column is not None else "",
            float(features.overall_mean[i]),
            float(features.overall_maximum[i]),
            names[strongest[i]] if strongest[i] >= 0 else "",
            *map(float, by_class[i]),
        )
        for i in neurons
    ]
    head = ("layer", "neuron", "cluster", "mean", "largest", f"strongest by {measure}")
    return Table((*head, *(f"{measure} on {name}" for name in names)), rows)


def neurons_for_class(analysis: Analysis, snapshot: Snapshot, layers: Sequence[str], index: int) -> Table:
    """List the neurons of some layers that respond to a class."""
    name = class_name(analysis, index)
    rows: list[tuple[Cell, ...]] = []
    for layer in layers:
        features = snapshot.features.get(layer)
        if features is not None:
            for i in neurons_of_class(analysis, snapshot, layer, index):
                values = (features.mean[i, index], features.active_share[i, index], features.contribution[i, index])
                rows.append((layer, int(i), name, *map(float, values)))
    return Table(("layer", "neuron", "class", "mean", "share of images active", "contribution"), rows)


def clusters_of_gap(gap: Gap | None) -> Table:
    """List the pairs of clusters of two columns with the strength between them."""
    rows: list[tuple[Cell, ...]] = []
    if gap is not None:
        kept = gap.kept_positive | gap.kept_negative
        for a, b in np.ndindex(*gap.positive.shape):
            strengths = float(gap.positive[a, b]), -float(gap.negative[a, b])
            rows.append((gap.source, a + 1, gap.target, b + 1, *strengths, "yes" if kept[a, b] else "no"))
    return Table(("from layer", "cluster", "to layer", "cluster", "positive", "negative", "shown"), rows)


def confusion_table(analysis: Analysis, snapshot: Snapshot) -> Table:
    """List how often each class is taken for each class; no rows where this was not counted."""
    names = analysis.data.class_names
    confusion = np.zeros((0, 0)) if snapshot.confusion is None else snapshot.confusion
    rows: list[tuple[Cell, ...]] = [(names[c], *map(float, row)) for c, row in enumerate(confusion)]
    return Table((analysis.data.column, *names[: len(confusion)]), rows)


def measures_table(analysis: Analysis, snapshot: Snapshot) -> Table:
    """List how right the answers are, over all data and by class, beside what guessing gives."""
    rows: list[tuple[Cell, ...]] = []
    for measure in snapshot.measures:
        rows.append((measure.name, "all", known(measure.overall), known(measure.guess)))
        for name, value, guess in zip(analysis.data.class_names, measure.values, measure.guesses):
            if math.isfinite(value):
                rows.append((measure.name, name, known(value), known(guess)))
    return Table(("measure", analysis.data.column, "value", "guessing"), rows)


def known(value: float) -> float | None:
    """Return a number, or None for NaN and infinities."""
    return float(value) if math.isfinite(value) else None


# For programs: numbers alone, a part for each layer.


def neuron_columns(numbers: NeuronNumbers) -> tuple[tuple[str, ...], np.ndarray]:
    """Return what neurons do for the chosen classes as one array: names of its columns, and (n, n_columns) float64."""
    columns = {
        "neuron": numbers.neuron,
        "strongest_class": np.where(numbers.strongest >= 0, numbers.strongest, np.nan),
        "mean": numbers.mean,
        "selectivity": numbers.selectivity,
        "contribution": numbers.contribution,
        "active_share": numbers.active_share,
        "dead": numbers.dead,
        "redundant_with": numbers.twin,
        "redundant": numbers.twins,
    }
    return tuple(columns), np.column_stack(list(columns.values())).astype(np.float64)


def table_parts(
    analysis: Analysis, snapshot: Snapshot, table: str, layers: Sequence[str], classes: Sequence[int] = ()
) -> Iterator[Part]:
    """A table, layer by layer; the first column numbers neurons, layers, or points.

    `classes` are those for which "neurons" measures; empty for all.
    """
    numbered = enumerate(analysis.data.class_names)
    headings = [name if name == str(number) else f"{number} {name}" for number, name in numbered]
    if table == "debug":
        for one in analysis.snapshots:
            iteration = math.nan if one.iteration is None else one.iteration
            for name, debug in one.debug.items():
                yield name, ["iteration", *DEBUG], _rows([[iteration, *(getattr(debug, q) for q in DEBUG)]])
        return
    if table == "curves":
        for curve in analysis.curves:
            yield curve.name, ["iteration", "value"], np.column_stack([curve.iterations, curve.values])
        return
    if table == "confusion":
        if snapshot.confusion is not None:
            yield "confusion", ["class", *headings[: len(snapshot.confusion)]], _numbered(snapshot.confusion)
        return
    if table == "measures":
        for measure in snapshot.measures:
            both = np.column_stack([np.r_[measure.overall, measure.values], np.r_[measure.guess, measure.guesses]])
            yield measure.name, ["class", "value", "guessing"], np.column_stack([np.arange(-1, len(both) - 1), both])
        return
    for name in layers:
        if table in BY_CLASS:
            values = getattr(snapshot.features[name], table)
            if values is not None:
                yield name, ["neuron", *headings], _numbered(values)
        elif table == "neurons":
            yield (name, *neuron_columns(neuron_numbers(analysis, snapshot, name, classes)))
        elif table == "overall":
            features = snapshot.features[name]
            yield name, ["neuron", *OVERALL], _numbered(np.column_stack([getattr(features, one) for one in OVERALL]))
        elif table == "top":
            yield name, PLACES, _top(analysis, snapshot, name)
        else:
            owner = snapshot.connections[name] if table in LINKS else snapshot
            source = getattr(owner, table) if table in LINKS else getattr(owner, table).get(name)
            if source is not None:
                yield name, ["neuron", *map(str, range(source.shape[1]))], _numbered(source)


def _top(analysis: Analysis, snapshot: Snapshot, name: str) -> np.ndarray:
    """The top images of a layer's neurons, one a row."""
    features = snapshot.features[name]
    rows = [
        [neuron, rank, image, analysis.image_class.get(image, -1), features.top_response[neuron, rank],
         *features.top_position[neuron, rank], *features.top_box[neuron, rank]]
        for neuron, images in enumerate(features.top_image.tolist())
        for rank, image in enumerate(images)
        if image >= 0
    ]  # fmt: skip
    return _rows(rows, len(PLACES))


def _rows(rows: Sequence[Sequence[float]], n_columns: int = 0) -> np.ndarray:
    """Rows as one array, also when there are none."""
    return np.array(rows, np.float64).reshape(len(rows), -1 if rows else n_columns)


def _numbered(values: np.ndarray) -> np.ndarray:
    """A table with the number of each neuron in its first column."""
    return np.column_stack([np.arange(len(values)), values.astype(np.float64)])
