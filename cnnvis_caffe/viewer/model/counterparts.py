"""Finds in one picture what another one shows: of another snapshot, or of another model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from cnnvis_caffe.readings.by_class import activation_by_class, measure_of
from cnnvis_caffe.records.aggregation import Aggregation, Bicluster, Column
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.lookup import cluster_target, column_of, gap_between, neurons_of

#: Clusters of two models are called alike from this correlation of their activations by class on.
LEAST_LIKENESS = 0.3


@dataclass(frozen=True, eq=False)
class CounterpartSide:
    """One of two pictures.

    Attributes
    ----------
    analysis : Analysis
    snapshot : Snapshot
    aggregation : Aggregation or None
        None while the picture is on its way.
    """

    analysis: Analysis
    snapshot: Snapshot
    aggregation: Aggregation | None


def counterpart(target: Target | None, here: CounterpartSide, there: CounterpartSide) -> Target | None:
    """Find what a target of one picture is in another.

    Parameters
    ----------
    target : Target or None
    here, there : CounterpartSide

    Returns
    -------
    Target or None
        Neurons, layers and classes by number and name. Clusters by their neurons in two snapshots of one analysis; in
        two models, where neurons of one number have nothing in common, by how they respond to the classes. Bundles by
        the clusters that they join.
    """
    if target is None:
        return None
    if target.kind == "class":
        return _class(target, here.analysis, there.analysis)
    nodes = {node.name: node for node in there.analysis.nodes}
    if target.kind == "neuron":
        is_there = target.node in nodes and all(i < nodes[target.node].n_neurons for i in target.members)
        return Target("neuron", target.node, target.members) if is_there else None
    if target.kind == "column":
        return Target("column", target.node) if target.node in nodes else None
    if here.aggregation is None or there.aggregation is None:
        return None
    if target.kind == "group":
        return target if any(group.name == target.node for group in there.aggregation.groups) else None
    if target.kind == "cluster":
        return _cluster(target, here, there)
    if target.kind in ("edge", "bicluster"):
        return _bundle(target, here, there)
    return None


def matched_clusters(here: CounterpartSide, there: CounterpartSide, node: str) -> dict[int, int]:
    """Match the clusters of a layer in two pictures, one with one at most.

    Parameters
    ----------
    here, there : CounterpartSide
        With aggregations.
    node : str

    Returns
    -------
    dict of int to int
        From numbers of clusters here to numbers there, of those that have something in common.
    """
    one, two = column_of(here.aggregation, node), column_of(there.aggregation, node)
    if one is None or two is None:
        return {}
    is_same = here.analysis is there.analysis
    likeness = None if is_same else _likeness(here, there, one, two)
    least = LEAST_LIKENESS
    if likeness is None:
        likeness, least = _shared(one, two), 0.0
    rows, columns = linear_sum_assignment(-likeness)
    return {int(a): int(b) for a, b in zip(rows, columns) if likeness[a, b] > least}


def _shared(one: Column, two: Column) -> np.ndarray:
    """Neurons that clusters share, by those that either has."""
    found = np.zeros((len(one.clusters), len(two.clusters)))
    for a, first in enumerate(one.clusters):
        for b, second in enumerate(two.clusters):
            shared = len(np.intersect1d(first.neurons, second.neurons, assume_unique=True))
            found[a, b] = shared / (len(first.neurons) + len(second.neurons) - shared)
    return found


def _likeness(here: CounterpartSide, there: CounterpartSide, one: Column, two: Column) -> np.ndarray | None:
    """Correlation of the clusters' activations by class; None where these are not known of the same classes."""
    node = one.node
    if here.analysis.data.class_names != there.analysis.data.class_names:
        return None
    if node not in here.snapshot.features or node not in there.snapshot.features:
        return None
    profiles = []
    for side, column in ((here, one), (there, two)):
        values = activation_by_class(side.snapshot.features[node], measure_of(side.analysis, node))
        rows = np.stack([np.nan_to_num(values[cluster.neurons]).mean(axis=0) for cluster in column.clusters])
        rows = rows - rows.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        profiles.append(rows / np.where(lengths > 0, lengths, 1.0))
    return profiles[0] @ profiles[1].T


def _class(target: Target, here: Analysis, there: Analysis) -> Target | None:
    """The class of the same name; where names differ altogether, of the same number."""
    number = target.members[0] if target.members else -1
    if not 0 <= number < here.data.n_classes:
        return None
    name = here.data.class_names[number]
    if name in there.data.class_names:
        return Target("class", members=(there.data.class_names.index(name),))
    is_other = bool(set(here.data.class_names) & set(there.data.class_names))
    return None if is_other or number >= there.data.n_classes else Target("class", members=(number,))


def _cluster(target: Target, here: CounterpartSide, there: CounterpartSide) -> Target | None:
    """The matched cluster."""
    mine, theirs = column_of(here.aggregation, target.node), column_of(there.aggregation, target.node)
    if mine is None or theirs is None or not target.members:
        return None
    number = matched_clusters(here, there, target.node).get(int(mine.labels[target.members[0]]))
    if number is None:
        return None
    return cluster_target(theirs, number)


def _bundle(target: Target, here: CounterpartSide, there: CounterpartSide) -> Target | None:
    """The bundle of the same sign that joins most of the matched clusters, or its curve to the matched cluster."""
    mine, theirs = (gap_between(side.aggregation, target.node, target.other_node) for side in (here, there))
    if mine is None or theirs is None or not 0 <= target.index < len(mine.biclusters):
        return None
    sources, targets = (matched_clusters(here, there, node) for node in (target.node, target.other_node))
    bicluster = mine.biclusters[target.index]
    wanted = {(sources[a], targets[b]) for a, b in bicluster.edges if a in sources and b in targets}
    shares = [
        len(wanted & set(one.edges)) / len(wanted | set(one.edges)) if one.sign == bicluster.sign else 0.0
        for one in theirs.biclusters
    ]
    best = int(np.argmax(shares)) if shares else -1
    if best < 0 or not shares[best]:
        return None
    found = theirs.biclusters[best]
    ends: list[tuple[int, ...]] = [found.sources, found.targets]
    assert here.aggregation is not None and there.aggregation is not None  # they have the gaps
    if target.kind == "edge":
        end, own = _own_end(target, here.aggregation, bicluster)
        matched = (sources, targets)[end].get(own)
        if matched not in ends[end]:
            return None
        ends[end] = (matched,) if matched is not None else ()
    nodes = (target.node, target.other_node)
    members = [neurons_of(there.aggregation.column(node), clusters) for node, clusters in zip(nodes, ends)]
    return Target(target.kind, target.node, members[0], target.other_node, members[1], best, found.sign)


def _own_end(target: Target, aggregation: Aggregation, bicluster: Bicluster) -> tuple[int, int]:
    """At which end of a bundle, 0 or 1, a curve has a cluster of its own, and that cluster."""
    columns = [aggregation.column(node) for node in (target.node, target.other_node)]
    is_source = target.other_members == neurons_of(columns[1], bicluster.targets)
    members, column = (target.members, columns[0]) if is_source else (target.other_members, columns[1])
    return (0 if is_source else 1), int(column.labels[members[0]])
