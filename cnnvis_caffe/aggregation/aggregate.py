"""From an analysis and a view to the aggregation: stage after stage, each only as often as it must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnvis_caffe.aggregation.biclusters import find_biclusters, kept_edges, with_edits
from cnnvis_caffe.aggregation.cache import Cache
from cnnvis_caffe.aggregation.columns import ColumnLayout, ColumnPlace, arrange
from cnnvis_caffe.aggregation.groups import find_groups, with_choices
from cnnvis_caffe.aggregation.importance import importance, strongly_activated
from cnnvis_caffe.aggregation.numbering import canonical
from cnnvis_caffe.aggregation.representatives import distance_to_mean, representatives
from cnnvis_caffe.readings.graph import Graph
from cnnvis_caffe.readings.relations import (
    ConnectionQuantity,
    Relation,
    quantities_from,
    relations_from,
    strengths_from,
    targets_of,
)
from cnnvis_caffe.records.aggregation import Aggregation, Cluster, Column, Gap, LayerGroup
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import NeuronMove, View

#: Of so many neurons two or three clusters say little, although silhouettes often like them best. From six on, more
#: connections run in common bundles than by themselves.
MANY_NEURONS = 16
K_RANGE_OF_MANY = (6, 10)


def aggregate(analysis: Analysis, view: View, cache: Cache | None = None) -> Aggregation:
    """Aggregate the layers, neurons and connections of a network for what the user wants to see.

    Parameters
    ----------
    analysis : Analysis
    view : View
        Moves, representatives and edits of biclusters that concern layers which are not shown are passed over.
        Clusters are those of the snapshot `clusters_of`; all else is of the one that is shown.
    cache : Cache or None
        Kept from call to call it makes changes of the view quick.

    Returns
    -------
    Aggregation

    Raises
    ------
    UnknownSnapshotError
        If the analysis has no snapshot of one of the view's names.
    """
    return _AggregationStages(analysis, view, (cache or Cache()).of(analysis)).aggregation()


class _AggregationStages:
    """The stages of one aggregation; each asks the cache first."""

    def __init__(self, analysis: Analysis, view: View, cache: Cache) -> None:
        self.analysis, self.view, self.cache = analysis, view, cache
        self.number = analysis.snapshot_index(view.snapshot)
        self.snapshot = analysis.snapshots[self.number]
        self.graph: Graph = cache.get("graph", (), lambda: Graph(analysis.nodes))
        self.kept: Aggregation | None = None
        self.number_kept = analysis.snapshot_index(view.clusters_of)
        if self.number_kept != self.number:
            # What colours the edges has no part in places.
            there = replace(view, snapshot=view.clusters_of, edges="weight")
            self.kept = _AggregationStages(analysis, there, cache).aggregation()
        self.unedited: Aggregation | None = None
        n_moves, n_bundles, share = view.arranged
        arranged = replace(
            view, moves=view.moves[:n_moves], bicluster_edits=view.bicluster_edits[:n_bundles], edge_filter=share
        )
        if self.kept is None and arranged != view and view.arrangement == "kept":
            self.unedited = _AggregationStages(analysis, replace(arranged, edges="weight"), cache).aggregation()

    def aggregation(self) -> Aggregation:
        """All stages."""
        view = self.view
        key = (view.expanded, view.representatives)
        groups = self.cache.get("groups", key, self.groups)
        layout: ColumnLayout = self.cache.get("layout", key, lambda: arrange(self.graph, groups))
        columns = tuple(self.column(place) for place in layout.places)
        by_node = {column.node: column for column in columns}
        stops = frozenset(by_node)
        gaps = tuple(self.gap(by_node[s], by_node[t], barrier, stops) for s, t, barrier in layout.steps)
        return Aggregation(groups, columns, gaps, self.kept, self.unedited)

    def groups(self) -> tuple[LayerGroup, ...]:
        """Layer groups with the user's choices."""
        shown = [node.name for node in self.analysis.shown_nodes]
        found = self.cache.get("found groups", (), lambda: find_groups(self.analysis.nodes, shown))
        return with_choices(found, self.view.expanded, self.view.representatives)

    # Neurons

    def column(self, place: ColumnPlace) -> Column:
        """A column with its clusters."""
        view, node = self.view, place.node
        moves = tuple(move for move in view.moves if move.node == node)
        cutoff = view.class_cutoff if view.classes else 0.0
        clustered = (self.number, self.number_kept, place, view.clustering, view.n_clusters, moves)
        strong_by = view.strong_by if view.classes else ""
        key = (clustered, view.importance, view.classes, cutoff, strong_by)
        return self.cache.get("column", key, lambda: self.make_column(place, moves))

    def make_column(self, place: ColumnPlace, moves: Sequence[NeuronMove]) -> Column:
        """The same, made."""
        view, node = self.view, place.node
        kept = self.kept.column(node) if self.kept is not None else None
        labels = self.labels(node, moves) if kept is None else kept.labels
        features = self.snapshot.features.get(node)
        counts = self.analysis.data.class_count
        if features is None:
            sizes, strong = np.ones(len(labels)), np.ones(len(labels), bool)
        else:
            sizes = importance(features, counts, view.importance, view.classes)
            strong = strongly_activated(features, counts, view.classes, view.class_cutoff, view.strong_by)
        clusters = []
        for label in range(int(labels.max(initial=-1)) + 1):
            neurons = np.flatnonzero(labels == label).astype(np.int64)
            if kept is None:
                stand_in = representatives(self.distance(node, neurons), neurons, sizes[neurons])
            else:
                stand_in = kept.clusters[label].representatives
            clusters.append(Cluster(neurons, stand_in, float(sizes[neurons].sum()), bool(strong[neurons].any())))
        return Column(node, place.group, place.title, place.depth, place.lane, tuple(clusters), labels, sizes, strong)

    def rows(self, node: str) -> np.ndarray:
        """Mean activation by class, without classes that have no images."""

        def make() -> np.ndarray:
            mean = self.snapshot.features[node].mean
            return mean[:, ~np.isnan(mean).any(axis=0)]

        return self.cache.get("rows", (self.number, node), make)

    def distance(self, node: str, neurons: np.ndarray) -> np.ndarray:
        """How far the neurons of a cluster are from their mean."""
        if node not in self.snapshot.features:
            return np.zeros(len(neurons))
        key = (self.number, node, neurons.tobytes())
        return self.cache.get("distance", key, lambda: distance_to_mean(self.rows(node)[neurons]))

    def labels(self, node: str, moves: Sequence[NeuronMove]) -> np.ndarray:
        """The cluster of each neuron."""
        view = self.view
        if node not in self.snapshot.features:  # the images: their channels belong together
            labels = np.zeros(self.graph.nodes[node].n_neurons, np.int64)
        else:
            key = (self.number, node, view.clustering, view.n_clusters)
            labels = self.cache.get("labels", key, lambda: self.make_labels(node))
        return moved(labels, moves)

    def make_labels(self, node: str) -> np.ndarray:
        """The same before the user's moves."""
        # Here, and not above, since it loads scikit-learn.
        from cnnvis_caffe.aggregation.clustering import K_RANGE, clustering

        is_large = self.graph.nodes[node].n_neurons >= MANY_NEURONS
        estimator = clustering(self.view.clustering, self.view.n_clusters, K_RANGE_OF_MANY if is_large else K_RANGE)
        return estimator.fit_predict(self.rows(node))

    # Connections

    def gap(self, source: Column, target: Column, barrier: str, stops: frozenset[str]) -> Gap:
        """The connections between two columns."""
        view = self.view
        strengths = self.strengths(source, target, barrier, stops)
        clusters = (source.labels.tobytes(), target.labels.tobytes())
        ends = (source.node, target.node)
        edits = tuple(e for e in view.bicluster_edits if (e.source, e.target) == ends)
        key = (self.number, ends, clusters, view.edges, view.strength, view.edge_filter, edits, stops)
        return self.cache.get("gap", key, lambda: self.make_gap(source, target, barrier, stops, *strengths))

    def make_gap(
        self,
        source: Column,
        target: Column,
        barrier: str,
        stops: frozenset[str],
        positive: np.ndarray,
        negative: np.ndarray,
        absolute: np.ndarray,
    ) -> Gap:
        """The same, made."""
        view = self.view
        kept_positive, kept_negative = kept_edges(positive, negative, view.edge_filter)
        edits = [e for e in view.bicluster_edits if (e.source, e.target) == (source.node, target.node)]
        found = self.cache.get(
            "biclusters",
            (kept_positive.shape, kept_positive.tobytes(), kept_negative.tobytes()),
            lambda: find_biclusters(kept_positive, kept_negative),
        )
        note = ""
        if barrier:
            node = self.graph.nodes[barrier]
            note = f"No connections are known through {node.layer} ({node.type})."
        return Gap(
            source=source.node,
            target=target.node,
            positive=positive,
            negative=negative,
            absolute=absolute,
            kept_positive=kept_positive,
            kept_negative=kept_negative,
            quantity=None if view.edges == "weight" or barrier else self.quantity(source, target, stops),
            biclusters=with_edits(found, edits, source.clusters, target.clusters),
            n_steps=0 if barrier else self.relation(source.node, target.node, stops).n_steps,
            note=note,
        )

    def strengths(
        self, source: Column, target: Column, barrier: str, stops: frozenset[str]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positive, negative and absolute strength between clusters, (n_source_clusters, n_target_clusters) each."""
        if barrier:
            nothing = np.zeros((len(source.clusters), len(target.clusters)))
            return nothing, nothing, nothing
        labels = (source.labels.tobytes(), target.labels.tobytes())
        key = (self.number, source.node, target.node, *labels, stops, self.view.strength)

        def make() -> tuple[np.ndarray, ...]:
            matrix = self.relation(source.node, target.node, stops).matrix
            pairs = _sizes(source)[:, None] * _sizes(target)[None, :]

            def mean(values: np.ndarray) -> np.ndarray:
                return cluster_sums(values, source.labels, target.labels) / pairs

            absolute = mean(self.absolute(source.node, stops)[target.node])
            if self.view.strength == "signed":
                return mean(np.maximum(matrix, 0)), mean(np.maximum(-matrix, 0)), absolute
            is_positive = mean(matrix) >= 0
            return np.where(is_positive, absolute, 0.0), np.where(is_positive, 0.0, absolute), absolute

        return self.cache.get("strengths", key, make)

    def absolute(self, source: str, stops: frozenset[str]) -> dict[str, np.ndarray]:
        """Mean |weight| between the neurons of a column and those of all that follow it."""
        return self.cache.get(
            "absolute",
            (self.number, source, self.reached(source, stops)),
            lambda: strengths_from(self.graph, self.snapshot, source, stops),
        )

    def relation(self, source: str, target: str, stops: frozenset[str]) -> Relation:
        """The relation between the neurons of two columns."""
        found = self.cache.get(
            "relations",
            (self.number, source, self.reached(source, stops)),
            lambda: relations_from(self.graph, self.snapshot, source, stops),
        )
        return found[target]

    def reached(self, source: str, stops: frozenset[str]) -> frozenset[str]:
        """The columns that follow one: all that its relations depend on."""
        return self.cache.get("reached", (source, stops), lambda: frozenset(targets_of(self.graph, source, stops)))

    def quantity(self, source: Column, target: Column, stops: frozenset[str]) -> np.ndarray | None:
        """What colours the edges, averaged over the pairs of neurons with their paths' weight."""
        kind = self.view.edges
        before = self.analysis.snapshots[self.number - 1] if self.number else None
        members = np.eye(len(source.clusters), dtype=np.float32)[source.labels]
        found: dict[str, ConnectionQuantity] = self.cache.get(
            "quantities",
            (self.number, source.node, source.labels.tobytes(), self.reached(source.node, stops), kind),
            lambda: quantities_from(self.graph, self.snapshot, before, source.node, stops, kind, members),
        )
        known = found.get(target.node)
        if known is None:
            return None
        total, weight = (_sums(part, target.labels).T.astype(np.float64) for part in (known.total, known.weight))
        return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)


def moved(labels: np.ndarray, moves: Sequence[NeuronMove]) -> np.ndarray:
    """Move neurons to other clusters, one after the other.

    Parameters
    ----------
    labels : ndarray of shape (n,), int64
    moves : sequence of NeuronMove
        To the cluster that has most of the named neurons (the first of equals), or to a new one. Neurons that do
        not exist are passed over.

    Returns
    -------
    ndarray of shape (n,), int64
        In canonical numbering.
    """
    labels = labels.copy()
    for move in moves:
        if not 0 <= move.neuron < len(labels):
            continue
        if not move.to:
            labels[move.neuron] = labels.max() + 1
            continue
        members = [member for member in move.to if 0 <= member < len(labels)]
        if members:
            labels[move.neuron] = np.bincount(labels[members]).argmax()
    return canonical(labels) if len(moves) else labels


def cluster_sums(matrix: np.ndarray, source_labels: np.ndarray, target_labels: np.ndarray) -> np.ndarray:
    """Sum a matrix of neurons over pairs of clusters.

    Parameters
    ----------
    matrix : ndarray of shape (n_target, n_source)
    source_labels : ndarray of shape (n_source,), int64
    target_labels : ndarray of shape (n_target,), int64

    Returns
    -------
    ndarray of shape (n_source_clusters, n_target_clusters), float64
    """
    return _sums(_sums(matrix, target_labels).T, source_labels).astype(np.float64)


def _sums(matrix: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Sum the rows of each cluster, (n_clusters, n_columns); every label from 0 on has a row."""
    order = np.argsort(labels, kind="stable")
    n_clusters = int(labels.max(initial=-1)) + 1
    # No product with zeros and ones: for one so thin, threads wait longer for each other than they compute.
    return np.add.reduceat(matrix[order], np.searchsorted(labels[order], np.arange(n_clusters)), axis=0)


def _sizes(column: Column) -> np.ndarray:
    """Neurons of each cluster."""
    return np.array([len(cluster.neurons) for cluster in column.clusters], np.float64)
