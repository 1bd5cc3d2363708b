"""The picture as a layered graph: clusters in columns, bundles in the gaps, and places where long links pass.

Layer 2 d holds everything at depth d of the network, layer 2 d + 1 the gap behind it. A bundle stands in the gap right
behind its source column; where its target is further away, it passes the layers in between through one waypoint each.
So every edge joins neighbouring layers, and ordering, placing and routing need no case of their own for long links.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class EdgeBundle:
    """Edges between two columns that are drawn through one bar.

    Attributes
    ----------
    sources, targets : tuple of int
        Clusters of the source column and of the target column, without repetition.
    source_strengths, target_strengths : tuple of float
        What each of them sends and receives through the bar; never negative.
    """

    sources: tuple[int, ...]
    targets: tuple[int, ...]
    source_strengths: tuple[float, ...]
    target_strengths: tuple[float, ...]

    def __post_init__(self) -> None:
        for clusters, strengths in ((self.sources, self.source_strengths), (self.targets, self.target_strengths)):
            if len(set(clusters)) != len(clusters) or not clusters or len(clusters) != len(strengths):
                raise ValueError(
                    f"a bundle needs distinct clusters on both sides, each with a strength; got {clusters}, {strengths}"
                )

    @classmethod
    def from_edges(cls, edges: Sequence[tuple[int, int]], strengths: Sequence[float]) -> EdgeBundle:
        """EdgeBundle (source, target) edges, each with its strength."""
        sent: dict[int, float] = {}
        received: dict[int, float] = {}
        for (source, target), strength in zip(edges, strengths):
            sent[source] = sent.get(source, 0.0) + float(strength)
            received[target] = received.get(target, 0.0) + float(strength)
        return cls(
            tuple(sorted(sent)),
            tuple(sorted(received)),
            tuple(sent[cluster] for cluster in sorted(sent)),
            tuple(received[cluster] for cluster in sorted(received)),
        )


@dataclass(frozen=True)
class Link:
    """Two columns of which one follows the other.

    Attributes
    ----------
    source, target : int
        Numbers of the columns; the target is deeper.
    bundles : tuple of EdgeBundle
    strongest : float or None
        The strength that is drawn widest; None for the largest there is.
    """

    source: int
    target: int
    bundles: tuple[EdgeBundle, ...] = ()
    strongest: float | None = None


@dataclass(frozen=True)
class GraphNode:
    """Something with a place in a layer.

    Attributes
    ----------
    kind : {"cluster", "bundle", "waypoint"}
    layer : int
        2 depth for columns, 2 depth + 1 for the gap behind.
    lane : int
        Nodes of a lower lane stand above those of a higher one.
    owner, index : int
        Column and cluster, or link and bundle.
    """

    kind: str
    layer: int
    lane: int
    owner: int
    index: int


@dataclass(frozen=True, eq=False)
class LayeredGraph:
    """Nodes, edges between neighbouring layers, and who is in which layer.

    Attributes
    ----------
    nodes : tuple of GraphNode
    layers : tuple of tuple of int
        Nodes by layer, in the order in which they were given.
    edges : tuple of (int, int, float)
        Node, node of the next layer, strength.
    strongest : tuple of (float or None)
        Of each link, as in `Link`.
    """

    nodes: tuple[GraphNode, ...]
    layers: tuple[tuple[int, ...], ...]
    edges: tuple[tuple[int, int, float], ...]
    strongest: tuple[float | None, ...] = ()
    _number: dict[tuple[str, int, int, int], int] = field(default_factory=dict, repr=False)

    def cluster(self, column: int, index: int) -> int:
        """Node of a cluster."""
        return self._number["cluster", -1, column, index]

    def bundle(self, link: int, index: int) -> int:
        """Node of a bundle."""
        return self._number["bundle", -1, link, index]

    def waypoints(self, link: int, index: int) -> tuple[int, ...]:
        """Nodes through which a bundle passes on the way to its target column; empty for neighbours."""
        bar = self.nodes[self.bundle(link, index)]
        found = []
        layer = bar.layer + 1
        while ("waypoint", layer, link, index) in self._number:
            found.append(self._number["waypoint", layer, link, index])
            layer += 1
        return tuple(found)


def layered_graph(
    sizes: Sequence[int],
    depths: Sequence[int],
    lanes: Sequence[int] | None = None,
    links: Sequence[Link] = (),
) -> LayeredGraph:
    """Make the graph of a picture.

    Parameters
    ----------
    sizes : sequence of int
        Number of clusters of each column.
    depths, lanes : sequence of int
        Place of each column along the network and among branches; all in lane 0 by default.
    links : sequence of Link

    Returns
    -------
    LayeredGraph

    Raises
    ------
    ValueError
        If a link does not lead to a deeper column, or names a column or cluster that is not there.
    """
    lanes = [0] * len(sizes) if lanes is None else list(lanes)
    if not len(sizes) == len(depths) == len(lanes):
        raise ValueError(f"{len(sizes)} columns with {len(depths)} depths and {len(lanes)} lanes")
    if any(depth < 0 for depth in depths):
        raise ValueError(f"depths start at 0, got {min(depths)}")
    nodes: list[GraphNode] = []
    edges: list[tuple[int, int, float]] = []
    number: dict[tuple[str, int, int, int], int] = {}

    def add(kind: str, layer: int, lane: int, owner: int, index: int) -> int:
        number[kind, layer if kind == "waypoint" else -1, owner, index] = len(nodes)
        nodes.append(GraphNode(kind, layer, lane, owner, index))
        return len(nodes) - 1

    for column, size in enumerate(sizes):
        for index in range(size):
            add("cluster", 2 * depths[column], lanes[column], column, index)
    for i_link, link in enumerate(links):
        _check_link(i_link, link, sizes, depths)
        # A branch keeps its lane also where it is only passed through; the trunk has the lowest one.
        lane = max(lanes[link.source], lanes[link.target])
        first, last = 2 * depths[link.source] + 1, 2 * depths[link.target]
        for index, bundle in enumerate(link.bundles):
            node = add("bundle", first, lane, i_link, index)
            for cluster, strength in zip(bundle.sources, bundle.source_strengths):
                edges.append((number["cluster", -1, link.source, cluster], node, float(strength)))
            total = float(sum(bundle.target_strengths))
            for layer in range(first + 1, last):
                previous, node = node, add("waypoint", layer, lane, i_link, index)
                edges.append((previous, node, total))
            for cluster, strength in zip(bundle.targets, bundle.target_strengths):
                edges.append((node, number["cluster", -1, link.target, cluster], float(strength)))
    layers: list[list[int]] = [[] for _ in range(max((node.layer for node in nodes), default=-1) + 1)]
    for i_node, one in enumerate(nodes):
        layers[one.layer].append(i_node)
    return LayeredGraph(
        tuple(nodes), tuple(map(tuple, layers)), tuple(edges), tuple(link.strongest for link in links), number
    )


def _check_link(i_link: int, link: Link, sizes: Sequence[int], depths: Sequence[int]) -> None:
    """Refuse a link that leads nowhere or backwards."""
    for column in (link.source, link.target):
        if not 0 <= column < len(sizes):
            raise ValueError(f"link {i_link} names column {column}, there are {len(sizes)}")
    if depths[link.target] <= depths[link.source]:
        raise ValueError(
            f"link {i_link} leads from depth {depths[link.source]} to {depths[link.target]}; links lead deeper"
        )
    for bundle in link.bundles:
        for column, clusters in ((link.source, bundle.sources), (link.target, bundle.targets)):
            if not all(0 <= cluster < sizes[column] for cluster in clusters):
                raise ValueError(
                    f"link {i_link} names clusters {clusters} of column {column}, which has {sizes[column]}"
                )


def neighbours(graph: LayeredGraph) -> tuple[list[list[tuple[int, float]]], list[list[tuple[int, float]]]]:
    """For each node what it is joined to in the layer before and in the layer after, with strengths."""
    before: list[list[tuple[int, float]]] = [[] for _ in graph.nodes]
    after: list[list[tuple[int, float]]] = [[] for _ in graph.nodes]
    for first, second, strength in graph.edges:
        after[first].append((second, strength))
        before[second].append((first, strength))
    return before, after


def ranks(order: Sequence[Sequence[int]], n_nodes: int) -> np.ndarray:
    """Place of each node in its layer."""
    places = np.zeros(n_nodes, np.int64)
    for nodes in order:
        places[list(nodes)] = np.arange(len(nodes))
    return places
