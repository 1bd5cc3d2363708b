"""Says in words and numbers what a thing in the picture is: for the card at the pointer, the status line, the lists."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.readings.by_class import activation_by_class, measure_of, strongest_class, strongest_few
from cnnvis_caffe.readings.dead import dead_neurons
from cnnvis_caffe.readings.facets import MATRIX_FACETS
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import EDGE_QUANTITIES, View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import class_name, counted, figure, percent
from cnnvis_caffe.viewer.model.bundles import bundle_name, numbered
from cnnvis_caffe.viewer.model.lookup import cluster_number, column_of, gap_between


@dataclass(frozen=True, eq=False)
class Card:
    """What is said about a thing.

    Attributes
    ----------
    title : str
    rows : tuple of (str, str)
        Name and value with its unit.
    picture : ndarray of shape (h, w, 3), uint8, or None
    note : str
        What must be said beside it.
    """

    title: str
    rows: tuple[tuple[str, str], ...] = ()
    picture: np.ndarray | None = None
    note: str = ""

    @property
    def line(self) -> str:
        """Return everything in one line."""
        return " · ".join([self.title, *(f"{name} {value}".strip() for name, value in self.rows)])


def describe(
    analysis: Analysis, aggregation: Aggregation | None, view: View, target: Target, class_index: int = -1
) -> Card:
    """Say what a target is.

    Parameters
    ----------
    analysis : Analysis
    aggregation : Aggregation or None
        What is shown; None says less.
    view : View
    target : Target
    class_index : int
        The class of a matrix's cell, else -1.

    Returns
    -------
    Card
    """
    words = {
        "neuron": _neuron,
        "cluster": _cluster,
        "column": _column,
        "group": _column,
        "edge": _edge,
        "bicluster": _bicluster,
        "class": _class,
    }.get(target.kind)
    if words is None:
        return Card({"legend": "Legend", "image": "Image"}.get(target.kind, target.kind.capitalize()))
    return words(analysis, aggregation, view, target, class_index)


def title_of(aggregation: Aggregation | None, node: str) -> str:
    """Return the title of a column, or the node's name where it is not shown."""
    column = column_of(aggregation, node)
    return column.title if column is not None else node


def neuron_name(node: str, neuron: int) -> str:
    """Return the name of a neuron, as the lists and the search write it."""
    return f"{node} · neuron {neuron}"


def group_name(aggregation: Aggregation | None, target: Target) -> str:
    """Return what the neurons of a target are together: "cluster 3", "5 neurons"; empty for a whole layer."""
    if not target.members:
        return ""
    number = cluster_number(column_of(aggregation, target.node), target.members)
    if target.kind == "cluster" and number >= 0 or target.index >= 0:
        return f"cluster {(number if number >= 0 else target.index) + 1}"
    return counted(len(target.members), "neuron")


def _neuron(analysis: Analysis, aggregation: Aggregation | None, view: View, target: Target, class_index: int) -> Card:
    neuron = target.members[0]
    node = analysis.node(target.node)
    if len(target.members) > 1:
        return Card(f"{target.node} · {counted(len(target.members), 'neuron')}")
    snapshot = analysis.snapshot(view.snapshot)
    features = snapshot.features.get(target.node)
    title = neuron_name(target.node, neuron)
    if features is None:
        channels = "BGR" if analysis.data.channel_order == "BGR" else analysis.data.channel_order
        names = {"R": "red", "G": "green", "B": "blue"}
        name = names.get(channels[neuron], "") if channels in ("RGB", "BGR") and neuron < 3 else "grey"
        height, width = (node.positions + (1, 1))[:2]
        return Card(f"{target.node} · channel {neuron}", (("", name), ("images of", f"{width}×{height} px")))
    if neuron >= features.n_neurons:
        return Card(title)
    rows = []
    if 0 <= class_index < analysis.data.n_classes:
        facet = MATRIX_FACETS.get(view.facet, MATRIX_FACETS["activations"])
        value = float(facet.values(features)[neuron, class_index])
        rows.append((f"{facet.value} on {class_name(analysis, class_index)}", figure(value)))
    rows.append(("mean", figure(float(features.overall_mean[neuron]))))
    rows.append(("largest", figure(float(features.overall_maximum[neuron]))))
    measure = measure_of(analysis, target.node)
    best = strongest_class(activation_by_class(features, measure)[neuron])
    if best >= 0:
        rows.append((f"strongest by {measure}", class_name(analysis, best)))
    dead = dead_neurons(analysis, snapshot, target.node)
    if dead is not None and dead[neuron]:
        rows.append(("", "never fires"))
    if node.field_px != (0, 0):
        whole = tuple(analysis.data.input_shape[1:])
        field = node.field_px if node.positions else whole
        rows.append(("receptive field", f"{field[1]}×{field[0]} px"))
    thumbnails = snapshot.thumbnails.get(target.node)
    picture = thumbnails[neuron] if thumbnails is not None and neuron < len(thumbnails) else None
    return Card(title, tuple(rows), picture if picture is not None and picture.size else None)


def _cluster(analysis: Analysis, aggregation: Aggregation | None, view: View, target: Target, class_index: int) -> Card:
    rows = [("", counted(len(target.members), "neuron"))]
    column = column_of(aggregation, target.node)
    shown = cluster_number(column, target.members)
    number = shown if shown >= 0 else target.index
    if column is not None and shown >= 0:
        cluster, total = column.clusters[shown], float(column.importance.sum())
        if total > 0:
            rows.append(("importance", f"{percent(cluster.importance / total)} of the layer's"))
        if view.classes and not cluster.is_strong:
            rows.append(("", f"not strongly activated by the chosen {analysis.data.columns}"))
    features = analysis.snapshot(view.snapshot).features.get(target.node)
    if features is not None and target.members:
        measure = measure_of(analysis, target.node)
        values = activation_by_class(features, measure)[list(target.members)].mean(0)
        names = ", ".join(class_name(analysis, c) for c in strongest_few(values))
        if names:
            rows.append((f"strongest by {measure}", names))
    return Card(f"{title_of(aggregation, target.node)} · cluster {number + 1}", tuple(rows))


def _column(analysis: Analysis, aggregation: Aggregation | None, view: View, target: Target, class_index: int) -> Card:
    try:
        node = analysis.node(target.node)
    except KeyError:
        return Card(target.node)
    rows = [("", node.type), ("", counted(node.n_neurons, "neuron"))]
    if node.settings:
        rows.append(("", node.settings))
    if node.field_px != (0, 0) and node.role != "input":
        rows.append(("receptive field", f"{node.field_px[1]}×{node.field_px[0]} px"))
    note = ""
    if aggregation is not None:
        for group in aggregation.groups:
            if target.node in group.nodes and len(group.columns) > 1:
                rows.append(("group", f"{group.name} of {counted(len(group.columns), 'layer')}"))
                note = "" if group.is_expanded else "stands for its group; expand it to see every layer"
    return Card(title_of(aggregation, target.node), tuple(rows), note=note)


def _edge(analysis: Analysis, aggregation: Aggregation | None, view: View, target: Target, class_index: int) -> Card:
    sign = {1: "positive", -1: "negative"}.get(target.sign, "")
    gap = gap_between(aggregation, target.node, target.other_node)
    names = f"{title_of(aggregation, target.node)} → {title_of(aggregation, target.other_node)}"
    if gap is None or aggregation is None:
        return Card(names, (("", sign),))
    a = cluster_number(column_of(aggregation, target.node), target.members)
    b = cluster_number(column_of(aggregation, target.other_node), target.other_members)
    rows = []
    if a >= 0 and b >= 0:
        rows.append(("cluster", f"{a + 1} → {b + 1}"))
        strength = (gap.positive if target.sign >= 0 else gap.negative)[a, b]
        if view.strength == "signed":
            rows.append((f"mean {sign} weight".replace("  ", " "), figure(float(target.sign or 1) * float(strength))))
        else:
            rows += [("", f"{sign} on average" if sign else ""), ("mean |weight|", figure(float(strength)))]
        if gap.quantity is not None:
            rows.append((EDGE_QUANTITIES[view.edges].words, figure(float(gap.quantity[a, b]))))
    else:
        if len(target.members) == 1:
            rows.append(("from neuron", str(target.members[0])))
        if len(target.other_members) == 1:
            rows.append(("to neuron", str(target.other_members[0])))
        rows.append(("", sign))
    note = f"product along paths over {gap.n_steps} layers" if gap.n_steps > 1 else gap.note
    return Card(names, tuple(row for row in rows if row[1]), note=note)


def _bicluster(
    analysis: Analysis, aggregation: Aggregation | None, view: View, target: Target, class_index: int
) -> Card:
    gap = gap_between(aggregation, target.node, target.other_node)
    names = f"{title_of(aggregation, target.node)} → {title_of(aggregation, target.other_node)}"
    if gap is None or not 0 <= target.index < len(gap.biclusters):
        return Card(f"Bundle · {names}")
    bundle = gap.biclusters[target.index]
    matrix = gap.positive if bundle.sign > 0 else gap.negative
    strength = sum(float(matrix[edge]) for edge in bundle.edges)
    rows = (
        ("", "positive" if bundle.sign > 0 else "negative"),
        ("clusters", f"{numbered(bundle.sources)} → {numbered(bundle.targets)}"),
        ("joins", f"{counted(len(bundle.sources), 'cluster')} with {counted(len(bundle.targets), 'cluster')}"),
        ("", counted(len(bundle.edges), "connection")),
        ("strength", figure(bundle.sign * strength)),
    )
    return Card(f"{bundle_name(target.index)} · {names}", rows, note=gap.note)


def _class(analysis: Analysis, aggregation: Aggregation | None, view: View, target: Target, class_index: int) -> Card:
    number = target.members[0] if target.members else class_index
    if not 0 <= number < analysis.data.n_classes:
        return Card(analysis.data.column.capitalize())
    count = int(analysis.data.class_count[number])
    title = f"{analysis.data.column.capitalize()} {class_name(analysis, number)}"
    return Card(title, (("", counted(count, analysis.data.item)),))
