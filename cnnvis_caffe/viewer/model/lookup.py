"""Finds columns, clusters, bundles and groups in what is shown; None where they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnnvis_caffe.records.aggregation import Aggregation, Column, Gap, LayerGroup
from cnnvis_caffe.scene.shapes import Target


def column_of(aggregation: Aggregation | None, node: str) -> Column | None:
    """Return the column of a node."""
    columns = aggregation.columns if aggregation is not None else ()
    return next((column for column in columns if column.node == node), None)


def gap_between(aggregation: Aggregation | None, source: str, target: str) -> Gap | None:
    """Return the gap between the columns of two nodes."""
    gaps = aggregation.gaps if aggregation is not None else ()
    return next((gap for gap in gaps if (gap.source, gap.target) == (source, target)), None)


def clusters_by_themselves(aggregation: Aggregation | None, selection: Target | None) -> int:
    """Return how many clusters a layer has that nobody gave a number: of the selected one, else of the median layer.

    0 without a picture.
    """
    if aggregation is None:
        return 0
    column = column_of(aggregation, selection.node) if selection is not None else None
    if column is not None:
        return len(column.clusters)
    counts = sorted(len(column.clusters) for column in aggregation.columns if len(column.clusters) > 1)
    return counts[len(counts) // 2] if counts else 0


def group_of(aggregation: Aggregation | None, node: str) -> LayerGroup | None:
    """Return the layer group that a node belongs to, or that has this name."""
    groups = aggregation.groups if aggregation is not None else ()
    return next((group for group in groups if node == group.name or node in group.nodes), None)


def cluster_number(column: Column | None, members: tuple[int, ...]) -> int:
    """Return the number of the cluster that has exactly these neurons, or -1."""
    clusters = column.clusters if column is not None else ()
    return next((k for k, one in enumerate(clusters) if tuple(one.neurons.tolist()) == tuple(members)), -1)


def cluster_target(column: Column, number: int) -> Target:
    """Return what stands for a cluster."""
    return Target("cluster", column.node, tuple(column.clusters[number].neurons.tolist()), index=number)


def cluster_around(aggregation: Aggregation | None, target: Target | None) -> Target | None:
    """Return the cluster that a neuron is in, or the cluster itself."""
    if target is None or target.kind not in ("neuron", "cluster") or not target.members:
        return None
    column = column_of(aggregation, target.node)
    if column is None or target.members[0] >= len(column.labels):
        return None
    return cluster_target(column, int(column.labels[target.members[0]]))


def with_toggled(selection: Target | None, target: Target) -> Target | None:
    """Return what is selected when somebody adds a neuron or cluster to it, or takes it away again.

    Parameters
    ----------
    selection : Target or None
    target : Target
        Of another layer, or no neuron or cluster: it alone.
    """
    kinds = ("neuron", "cluster")
    if selection is None or target.kind not in kinds or selection.kind not in kinds or selection.node != target.node:
        return target
    before, new = set(selection.members), set(target.members)
    members = tuple(sorted(before - new if new <= before else before | new))
    return Target("neuron", target.node, members) if members else None


def with_added(selection: Target | None, neurons: Target) -> Target:
    """Return what is selected when somebody adds neurons to it; they alone where it is of another layer."""
    kinds = ("neuron", "cluster")
    if selection is None or selection.kind not in kinds or selection.node != neurons.node:
        return neurons
    return Target("neuron", neurons.node, tuple(sorted({*selection.members, *neurons.members})))


def among_selected(selection: Target | None, target: Target) -> Target:
    """Return all neurons that are selected, where a neuron is one of several; else the target itself."""
    if selection is None or (selection.kind, target.kind) != ("neuron", "neuron") or selection.node != target.node:
        return target
    return selection if set(target.members) <= set(selection.members) else target


def neurons_of(column: Column, clusters: tuple[int, ...]) -> tuple[int, ...]:
    """Return the neurons of some clusters of a column, in the clusters' order."""
    return tuple(np.concatenate([column.clusters[cluster].neurons for cluster in clusters]).tolist())


def in_picture(aggregation: Aggregation, target: Target | None) -> Target | None:
    """Return a selection with the number that it has in a picture; None if it is not in it any more."""
    if target is None or target.kind in ("class", "legend", "image"):
        return target
    if target.kind == "group":
        return target if any(group.name == target.node for group in aggregation.groups) else None
    column = column_of(aggregation, target.node)
    if column is None:
        return None
    if target.kind == "neuron":
        if any(neuron >= len(column.labels) for neuron in target.members):
            return None
        return replace(target, index=int(column.labels[target.members[0]]) if len(target.members) == 1 else -1)
    if target.kind == "cluster":
        number = cluster_number(column, target.members)
        return replace(target, index=number) if number >= 0 else None
    if target.kind in ("edge", "bicluster"):
        return _connection_in_picture(aggregation, target)
    return target


def _connection_in_picture(aggregation: Aggregation, target: Target) -> Target | None:
    """The bicluster or curve of the same clusters, with the number that it has now."""
    gap = gap_between(aggregation, target.node, target.other_node)
    if gap is None or target.kind == "edge":
        return target if gap is not None else None
    source, other = aggregation.column(gap.source), aggregation.column(gap.target)
    for index, bicluster in enumerate(gap.biclusters):
        ends = neurons_of(source, bicluster.sources), neurons_of(other, bicluster.targets)
        if bicluster.sign == target.sign and ends == (target.members, target.other_members):
            return replace(target, index=index)
    return None
