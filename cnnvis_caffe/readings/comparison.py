"""Compares two snapshots or two models in numbers: which layers and neurons differ most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.readings.by_class import strongest_classes
from cnnvis_caffe.readings.layers import activation_behind, weight_layers
from cnnvis_caffe.records.analysis import Analysis, Node, Snapshot
from cnnvis_caffe.text.words import whole


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two.

    Attributes
    ----------
    name : str
        What tells it from the other one: label of the snapshot, and title where that differs too.
    analysis : Analysis
    snapshot : Snapshot
    """

    name: str
    analysis: Analysis
    snapshot: Snapshot


@dataclass(frozen=True)
class LayerRow:
    """One layer in both; NaN where a number is not known.

    Attributes
    ----------
    layer : str
        The layer with weights.
    shown : str
        The node whose activations are compared; empty where there is none in both.
    n_neurons : (int, int)
        Of both.
    mean_abs_weight, mean_abs_gradient, dead_share : (float, float)
    weight_change : float
        Mean |difference of the connections| by mean |connection| of the first; NaN for layers of other shapes.
    distance : float
        Median of the cosine distance of the mean activations by class, 0 to 2, over the neurons that are not zero
        for all classes in both.
    top_shared : float
        Mean share of the strongest images that a neuron has in both; NaN if the data differ.
    """

    layer: str
    shown: str
    n_neurons: tuple[int, int]
    mean_abs_weight: tuple[float, float]
    mean_abs_gradient: tuple[float, float]
    dead_share: tuple[float, float]
    weight_change: float
    distance: float
    top_shared: float


@dataclass(frozen=True)
class NeuronRow:
    """One neuron in both, matched by layer and index.

    Attributes
    ----------
    node : str
    neuron : int
    distance : float
        Cosine distance of its mean activations by class.
    top_shared : float
        Share of its strongest images that it has in both; NaN if the data differ.
    best : (int, int)
        Class that it responds to most in both; -1 where no class activates it.
    """

    node: str
    neuron: int
    distance: float
    top_shared: float
    best: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The differences between two sides.

    Attributes
    ----------
    first, second : Side
    layers : tuple of LayerRow
        In the order of the first network, then what only the second one has.
    neurons : tuple of NeuronRow
        Those that changed most, the farthest first.
    notes : tuple of str
        What must be said beside it.
    """

    first: Side
    second: Side
    layers: tuple[LayerRow, ...]
    neurons: tuple[NeuronRow, ...]
    notes: tuple[str, ...] = ()


def compare(first: tuple[Analysis, Snapshot], second: tuple[Analysis, Snapshot], *, n_neurons: int = 24) -> Comparison:
    """Compare two snapshots of one analysis or of two.

    Parameters
    ----------
    first, second : tuple of Analysis and Snapshot
    n_neurons : int
        How many neurons are listed at most.
    """
    names = side_names(first, second)
    one, two = Side(names[0], *first), Side(names[1], *second)
    same_data = one.analysis.data.source == two.analysis.data.source
    same_classes = one.analysis.data.class_names == two.analysis.data.class_names
    layers, neurons = [], []
    theirs = {node.name: node for node in weight_layers(two.analysis)}
    for node in weight_layers(one.analysis):
        other = theirs.pop(node.name, None)
        row, found = _layer(one, two, node, other, same_data, same_classes)
        layers.append(row)
        neurons += found
    for other in theirs.values():
        layers.append(_layer(one, two, None, other, same_data, same_classes)[0])
    neurons.sort(key=lambda row: (-row.distance, row.node, row.neuron))
    notes = []
    if not same_data:
        notes.append(f"different data: {one.analysis.data.source} and {two.analysis.data.source}")
    elif one.analysis.data.n_images != two.analysis.data.n_images:
        notes.append(f"{whole(one.analysis.data.n_images)} and {whole(two.analysis.data.n_images)} images")
    if not same_classes:
        notes.append("different classes: activations are not compared")
    if one.analysis is not two.analysis and same_classes:
        notes.append("neurons are matched by layer and number; in networks trained apart that means nothing")
    return Comparison(one, two, tuple(layers), tuple(_spread(neurons, n_neurons)), tuple(notes))


def side_names(first: tuple[Analysis, Snapshot], second: tuple[Analysis, Snapshot]) -> tuple[str, str]:
    """Name two sides by what differs: the snapshots, else the networks, else the files."""
    (one, left), (two, right) = first, second
    if one is two or (one.title == two.title and left.label != right.label):
        return left.label, right.label
    if one.title != two.title:
        return f"{one.title}, {left.label}", f"{two.title}, {right.label}"
    names = [analysis.path.replace("\\", "/").rsplit("/", 1)[-1].split(".cnnvis")[0] for analysis in (one, two)]
    if all(names) and names[0] != names[1]:
        return names[0], names[1]
    return f"{left.label} (first)", f"{right.label} (second)"


def _spread(neurons: list[NeuronRow], most: int) -> list[NeuronRow]:
    """The neurons that differ most; at most a third of them are of one layer, so that no layer hides the others."""
    layers = len({row.node for row in neurons})
    limit = most if layers < 2 else max(1, most // min(layers, 3))
    kept: list[NeuronRow] = []
    counts: dict[str, int] = {}
    for row in neurons:
        if len(kept) < most and counts.get(row.node, 0) < limit and row.distance > 0:
            kept.append(row)
            counts[row.node] = counts.get(row.node, 0) + 1
    return kept


def _layer(
    one: Side, two: Side, node: Node | None, other: Node | None, same_data: bool, same_classes: bool
) -> tuple[LayerRow, list[NeuronRow]]:
    """The row of a layer, and all its neurons."""
    name = (node or other).name  # type: ignore[union-attr]
    change = distance = shared = float("nan")
    shown = ""
    rows: list[NeuronRow] = []
    if node is not None and other is not None:
        change = _weight_change(one, two, name)
        shown = _shown(one, two, name)
        if shown and same_classes:
            rows, is_awake = _neurons(one, two, shown, same_data)
            if rows:
                awake = [row for row, is_so in zip(rows, is_awake) if is_so]
                distance = float(np.median([row.distance for row in awake])) if awake else 0.0
                known = [row.top_shared for row in awake if np.isfinite(row.top_shared)]
                shared = float(np.mean(known)) if known else float("nan")
    row = LayerRow(
        name,
        shown,
        (node.n_neurons if node else 0, other.n_neurons if other else 0),
        _pair(one, two, name, "mean_abs_weight"),
        _pair(one, two, name, "mean_abs_gradient"),
        (_dead(one, name), _dead(two, name)),
        change,
        distance,
        shared,
    )
    return row, rows


def _pair(one: Side, two: Side, name: str, figure: str) -> tuple[float, float]:
    """A number of the debugging information in both."""
    found = (side.snapshot.debug.get(name) for side in (one, two))
    left, right = (float("nan") if info is None else float(getattr(info, figure)) for info in found)
    return left, right


def _dead(side: Side, layer: str) -> float:
    """Share of dead neurons of the rectifier behind a layer; NaN without one."""
    for node in side.analysis.nodes:
        if node.owner == layer and node.role == "rectifier":
            info = side.snapshot.debug.get(node.name)
            return float("nan") if info is None else float(info.dead_share)
    return float("nan")


def _weight_change(one: Side, two: Side, name: str) -> float:
    """Mean |difference| of the connections by their mean size in the first."""
    left, right = (side.snapshot.connections.get(name) for side in (one, two))
    if left is None or right is None or left.weight.shape != right.weight.shape:
        return float("nan")
    size = float(np.abs(left.weight).mean())
    return float(np.abs(right.weight - left.weight).mean()) / size if size else float("nan")


def _shown(one: Side, two: Side, layer: str) -> str:
    """The node of a layer whose activations are compared: the first activation behind it, else itself."""
    known = [name for name in one.snapshot.features if name in two.snapshot.features]
    found = activation_behind(one.analysis, layer, known)
    name = layer if found is None else found.name
    if name not in known or one.analysis.data.n_classes != two.analysis.data.n_classes:
        return ""
    return name


def _neurons(one: Side, two: Side, node: str, same_data: bool) -> tuple[list[NeuronRow], np.ndarray]:
    """All neurons of a node that both have, by number, and which are not zero for all classes in both."""
    left, right = one.snapshot.features[node], two.snapshot.features[node]
    n = min(left.n_neurons, right.n_neurons)
    a, b = (np.nan_to_num(side.mean[:n].astype(np.float64)) for side in (left, right))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both_silent = (np.linalg.norm(a, axis=1) == 0) & (np.linalg.norm(b, axis=1) == 0)
    cosine = np.divide((a * b).sum(1), lengths, out=np.zeros(n), where=lengths > 0)
    distance = np.where(both_silent, 0.0, np.clip(1 - cosine, 0, 2))
    distance[distance < 1e-9] = 0.0
    best = [strongest_classes(side.analysis, side.snapshot, node) for side in (one, two)]
    rows = [
        NeuronRow(
            node,
            neuron,
            float(distance[neuron]),
            _shared(left.top_image[neuron], right.top_image[neuron]) if same_data else float("nan"),
            (int(best[0][neuron]), int(best[1][neuron])),
        )
        for neuron in range(n)
    ]
    return rows, ~both_silent


def _shared(left: np.ndarray, right: np.ndarray) -> float:
    """Share of the strongest images that two lists have in common."""
    first, second = ({int(i) for i in images if i >= 0} for images in (left, right))
    most = max(len(first), len(second))
    return len(first & second) / most if most else float("nan")


def comparison_json(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as values that JSON can hold; None for unknown numbers."""

    def side(one: Side) -> dict[str, object]:
        return {
            "name": one.name,
            "network": one.analysis.title,
            "file": one.analysis.path,
            "snapshot": one.snapshot.label,
            "data": one.analysis.data.source,
            "n_images": one.analysis.data.n_images,
            "loss": _known(one.snapshot.loss),
            "error": _known(one.snapshot.error),
        }

    def row(values: object) -> dict[str, object]:
        return {
            name: [_known(part) for part in value] if isinstance(value, tuple) else _known(value)
            for name, value in vars(values).items()
        }

    return {
        "first": side(comparison.first),
        "second": side(comparison.second),
        "layers": [row(layer) for layer in comparison.layers],
        "neurons": [row(neuron) for neuron in comparison.neurons],
        "notes": list(comparison.notes),
    }


def _known(value: object) -> object:
    """The value, or None for NaN and infinities."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
