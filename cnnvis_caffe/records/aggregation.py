"""A network as the picture shows it: groups of layers, clusters of neurons, and bundles of connections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LayerGroup:
    """Layers that are shown as one column until the group is expanded.

    Attributes
    ----------
    name : str
        Of its first "weights" node; for inception modules and residual blocks the common start of their names.
    kind : {"input", "chain", "inner_product", "region"}
        A region is a single-entry single-exit part with branches.
    nodes : tuple of str
        All its nodes, in the order in which they run.
    columns : tuple of str
        The nodes shown when it is expanded: for each "weights" node the last activation that follows it (itself
        where there is none), and merges.
    candidates : tuple of str
        The nodes that may represent it: all with neurons.
    representative : str
    is_expanded : bool
    """

    name: str
    kind: str
    nodes: tuple[str, ...]
    columns: tuple[str, ...]
    candidates: tuple[str, ...]
    representative: str
    is_expanded: bool


@dataclass(frozen=True, eq=False)
class Cluster:
    """Neurons of one column that are alike.

    Attributes
    ----------
    neurons : ndarray of shape (n,), int64
        Ascending.
    representatives : ndarray of shape (m,), int64
        The medoid first, then by importance.
    importance : float
        Sum over its neurons, never negative.
    is_strong : bool
        Whether any of its neurons is strongly activated by the chosen classes; True when all are chosen.
    """

    neurons: np.ndarray
    representatives: np.ndarray
    importance: float
    is_strong: bool = True


@dataclass(frozen=True, eq=False)
class Column:
    """A shown layer.

    Attributes
    ----------
    node : str
    group : str
    title : str
        As in the paper: "conv1 + relu1".
    depth, lane : int
        Place along the network and among branches side by side, from 0.
    clusters : tuple of Cluster
        In canonical order: by size, then by smallest member.
    labels : ndarray of shape (n_neurons,), int64
        Cluster of each neuron.
    importance : ndarray of shape (n_neurons,), float64
        As chosen, never negative, without the floor for drawing.
    strong : ndarray of shape (n_neurons,), bool
        Strongly activated by the chosen classes.
    """

    node: str
    group: str
    title: str
    depth: int
    lane: int
    clusters: tuple[Cluster, ...]
    labels: np.ndarray
    importance: np.ndarray
    strong: np.ndarray


@dataclass(frozen=True)
class Bicluster:
    """Connections of one sign that are drawn as one bundle.

    Attributes
    ----------
    sign : int
        1 or -1.
    sources, targets : tuple of int
        Clusters of the two columns, ascending.
    edges : tuple of (int, int)
        The kept edges (source, target) that are drawn through it; every kept edge is in exactly one bicluster.
    """

    sign: int
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Gap:
    """The connections between two columns of which one follows the other.

    Attributes
    ----------
    source, target : str
        Nodes of the columns.
    positive, negative : ndarray of shape (n_source_clusters, n_target_clusters), float64
        Strengths. By mean |weight|: its mean over the pairs of neurons, positive or negative as the mean signed weight
        is. By signed weight: sums of the positive parts, and of the absolute negative parts, by the number of pairs.
    absolute : ndarray of the same shape, float64
        Mean |weight| over the pairs of neurons, whatever the strength.
    kept_positive, kept_negative : ndarray of the same shape, bool
        The edges that pass the filter.
    quantity : ndarray of the same shape, float64, or None
        What colours the edges when it is not the sign; NaN where there is none.
    biclusters : tuple of Bicluster
    n_steps : int
        Number of "weights" nodes on the longest path between; above 1 the relation is a product along paths.
    note : str
        What must be said where it is shown; empty as a rule.
    """

    source: str
    target: str
    positive: np.ndarray
    negative: np.ndarray
    absolute: np.ndarray
    kept_positive: np.ndarray
    kept_negative: np.ndarray
    quantity: np.ndarray | None
    biclusters: tuple[Bicluster, ...]
    n_steps: int
    note: str = ""


@dataclass(frozen=True, eq=False)
class Aggregation:
    """The parts of a network that the picture shows.

    Attributes
    ----------
    groups : tuple of LayerGroup
        In the order of the network.
    columns : tuple of Column
        By depth, then by lane.
    gaps : tuple of Gap
    kept : Aggregation or None
        The same layers and clusters in the snapshot that the clusters are of: what is important there gives neurons
        their sizes, and its connections give clusters their order and places. None where that one is shown.
    unedited : Aggregation or None
        The same without moved neurons and edited bundles, and with the usual edge filter: it gives everything that
        was not touched its place. None where there is no such edit, or everything is to be arranged anew.
    """

    groups: tuple[LayerGroup, ...]
    columns: tuple[Column, ...]
    gaps: tuple[Gap, ...]
    kept: Aggregation | None = None
    unedited: Aggregation | None = None

    @property
    def placed(self) -> Aggregation:
        """The aggregation that gives everything its place: `kept`, or this one where that is None."""
        return self if self.kept is None else self.kept

    def column(self, node: str) -> Column:
        """Return the column of a node; KeyError if it is not shown."""
        for column in self.columns:
            if column.node == node:
                return column
        raise KeyError(node)
