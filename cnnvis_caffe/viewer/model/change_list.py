"""Lists what changed between two pictures: layers, neurons, connections, classes; each row has its place in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.progress import Progress
from cnnvis_caffe.readings.changes import changed_classes, changed_connections
from cnnvis_caffe.readings.comparison import Comparison, compare
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import class_name, figure, percent

#: Neurons and connections that are listed at most.
MOST = 300
KINDS = ("layers", "neurons", "connections", "classes")

#: What a cell says, and what it is sorted by.
Cell = tuple[str, float]


@dataclass(frozen=True, eq=False)
class ChangeList:
    """Rows of one kind.

    Attributes
    ----------
    titles, tips : tuple of str
        Of the columns; the first ones have words.
    n_words : int
        How many of them.
    rows : tuple of tuple of (str, float)
    targets : tuple of Target
        The place of each row in the first picture; of layers and neurons by their own layer, shown or not.
    between : str
        The names of the two.
    note : str
        Why there are no rows, or what must be said beside them.
    """

    titles: tuple[str, ...]
    tips: tuple[str, ...]
    n_words: int
    rows: tuple[tuple[Cell, ...], ...]
    targets: tuple[Target, ...]
    between: str
    note: str = ""

    def order(self, column: int, *, is_falling: bool) -> np.ndarray:
        """Return the rows sorted by a column, int64; what is not known last."""
        if not self.rows:
            return np.zeros(0, np.int64)
        if column < self.n_words:
            words = [row[column] for row in self.rows]
            return np.array(sorted(range(len(words)), key=lambda i: words[i][::-1], reverse=is_falling), np.int64)
        values = np.array([row[column][1] for row in self.rows])
        return np.argsort(-values if is_falling else values, kind="stable")


def find_changes(
    first: tuple[Analysis, Snapshot], second: tuple[Analysis, Snapshot], progress: Progress
) -> dict[str, ChangeList]:
    """Compare two snapshots or models; a list for each of `KINDS`."""
    progress.start(2, "comparing")
    comparison = compare(first, second, n_neurons=MOST)
    progress.step()
    lists = (_layers, _neurons, _connections, _classes)
    found = {kind: make(comparison) for kind, make in zip(KINDS, lists)}
    progress.done()
    return found


def _number(value: float) -> Cell:
    return ("" if np.isnan(value) else figure(value), value)


def _share(value: float) -> Cell:
    return (percent(value, unknown=""), value)


def _both(values: tuple[float, float], *, is_share: bool = False) -> Cell:
    """Two numbers, or one where they look the same; sorted by their difference."""
    left, right = (percent(v, unknown="–") if is_share else figure(v) for v in values)
    change = values[1] - values[0]
    text = left if left == right else f"{left} → {right}"
    return ("" if np.isnan(values).all() else text, abs(change))


def _text(text: str, place: int = 0) -> Cell:
    return (text, float(place))


def _between(comparison: Comparison) -> str:
    return f"{comparison.first.name} → {comparison.second.name}"


def _notes(comparison: Comparison) -> str:
    return "; ".join(comparison.notes)


def _layers(comparison: Comparison) -> ChangeList:
    titles = (
        "Layer",
        "Weights changed",
        "Activations differ",
        "Shared images",
        "Mean |weight|",
        "Mean |gradient|",
        "Dead",
    )
    tips = (
        "In the order in which they run",
        "Mean |difference| of the connections by the mean |connection| on the left",
        "Median over its neurons of the cosine distance of their mean activations by class, 0 to 2",
        "Mean share of the strongest images that a neuron has in both",
        "Left and right; sorted by the difference",
        "Left and right; sorted by the difference",
        "Share of its rectifier's neurons that never fire; sorted by the difference",
    )
    rows = tuple(
        (
            _text(row.layer, place),
            _share(row.weight_change),
            _number(row.distance),
            _share(row.top_shared),
            _both(row.mean_abs_weight),
            _both(row.mean_abs_gradient),
            _both(row.dead_share, is_share=True),
        )
        for place, row in enumerate(comparison.layers)
    )
    targets = tuple(Target("column", row.shown or row.layer) for row in comparison.layers)
    return ChangeList(titles, tips, 1, rows, targets, _between(comparison), _notes(comparison))


def _neurons(comparison: Comparison) -> ChangeList:
    words = comparison.first.analysis.data
    titles = ("Layer", "Most for", "Neuron", "Activations differ", "Shared images")
    tips = (
        "In the order in which they run",
        f"The {words.column} that it answers to most, left and right",
        "Its number in its layer",
        "Cosine distance of its mean activations by class, 0 to 2",
        "Share of its strongest images that it has in both",
    )
    order = {row.shown: place for place, row in enumerate(comparison.layers)}
    sides = comparison.first.analysis, comparison.second.analysis
    rows = tuple(
        (
            _text(row.node, order.get(row.node, 0)),
            _text(_named(sides, row.best, "nothing")),
            _text(str(row.neuron), row.neuron),
            _number(row.distance),
            _share(row.top_shared),
        )
        for row in comparison.neurons
    )
    targets = tuple(Target("neuron", row.node, (row.neuron,)) for row in comparison.neurons)
    note = "" if rows else "The activations of the two cannot be compared, or none differ."
    return ChangeList(titles, tips, 2, rows, targets, _between(comparison), note or _notes(comparison))


def _connections(comparison: Comparison) -> ChangeList:
    titles = ("Layer", "From neuron", "To neuron", "Weight", "Changed by")
    tips = (
        "The layer with the weights",
        "Of the layer before",
        "Of this layer; a click shows it with all its connections",
        "Mean over the kernel, left and right; sorted by the difference",
        "|Difference| by the mean |connection| of the layer on the left",
    )
    found = changed_connections(comparison.first, comparison.second, MOST)
    order = {row.layer: place for place, row in enumerate(comparison.layers)}
    rows = tuple(
        (
            _text(row.layer, order.get(row.layer, 0)),
            _text(str(row.from_neuron), row.from_neuron),
            _text(str(row.to_neuron), row.to_neuron),
            _both(row.weights),
            _share(row.share),
        )
        for row in found
    )
    targets = tuple(Target("neuron", row.layer, (row.to_neuron,)) for row in found)
    return ChangeList(
        titles,
        tips,
        1,
        rows,
        targets,
        _between(comparison),
        "" if rows else "No layer has weights of one shape in both.",
    )


def _classes(comparison: Comparison) -> ChangeList:
    data = comparison.first.analysis.data
    titles = (data.column.capitalize(), "Else named", "Right", "Change", "Images")
    tips = (
        f"By the number of the {data.column}",
        "As what its other images are named most, left and right",
        "Share of its images that are named right, left and right; sorted by the difference",
        "Right on the right side minus right on the left side",
        "That were analysed",
    )
    sides = comparison.first.analysis, comparison.second.analysis
    found = changed_classes(comparison.first, comparison.second)
    rows = tuple(
        (
            _text(class_name(sides[0], row.number), row.number),
            _text(_named(sides, row.wrong, "–")),
            _both(row.right, is_share=True),
            _share(row.right[1] - row.right[0]),
            _text(str(data.class_count[row.number]), int(data.class_count[row.number])),
        )
        for row in found
    )
    targets = tuple(Target("class", members=(row.number,)) for row in found)
    note = (
        ""
        if rows
        else f"The two have no confusion matrices of the same {data.columns}: nothing is known by {data.column}."
    )
    return ChangeList(titles, tips, 2, rows, targets, _between(comparison), note)


def _named(sides: Sequence[Analysis], numbers: tuple[int, int], nothing: str) -> str:
    """Two classes by name, or one where they are the same."""
    left, right = (class_name(side, c) if c >= 0 else nothing for side, c in zip(sides, numbers))
    return left if left == right else f"{left} → {right}"
