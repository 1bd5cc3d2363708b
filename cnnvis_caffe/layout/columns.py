"""Places of columns, clusters and bundles: x by depth, y near what they are joined to, nothing over anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.layout.isotonic import separate
from cnnvis_caffe.layout.layers import LayeredGraph, neighbours
from cnnvis_caffe.layout.strokes import edge_widths


@dataclass(frozen=True, eq=False)
class Places:
    """Where everything stands; x to the right and y down from the top left corner, in pixels.

    Attributes
    ----------
    nodes : ndarray of shape (n_nodes, 4), float64
        x, y, width, height of every node of the graph. A waypoint's rectangle is the free channel through its layer.
    heads : ndarray of shape (n_columns, 4), float64
        Room for the head of each column.
    columns : ndarray of shape (n_columns, 4), float64
        Around all clusters of a column.
    spans : ndarray of shape (n_layers, 2), float64
        First and last x of each layer: of the widest column, of the bars.
    widths : ndarray of shape (n_edges,), float64
        Width of each edge's stroke.
    width, height : float
        Of the whole picture.
    """

    nodes: np.ndarray
    heads: np.ndarray
    columns: np.ndarray
    spans: np.ndarray
    widths: np.ndarray
    width: float
    height: float


def place(
    graph: LayeredGraph,
    order: Sequence[Sequence[int]],
    cluster_sizes: Sequence[np.ndarray],
    *,
    head_sizes: Sequence[tuple[float, float]] | None = None,
    column_gap: float = 96.0,
    widest_gap: float = 240.0,
    cluster_gap: float = 12.0,
    lane_gap: float = 32.0,
    bar_gap: float = 8.0,
    bar_width: float = 6.0,
    alignment: float = 0.5,
    n_sweeps: int = 12,
) -> Places:
    """Place everything.

    Parameters
    ----------
    graph : LayeredGraph
    order : sequence of sequence of int
        Nodes by layer from top to bottom, as `order_columns` gives them.
    cluster_sizes : sequence of ndarray of shape (k, 2)
        Widths and heights of each column's clusters.
    head_sizes : sequence of (float, float), optional
        Width and height of each column's head, with the room that it needs below itself. Where all columns are in one
        lane, their heads stand in one line above everything; other heads stand right above their first cluster.
    column_gap, widest_gap : float
        Least and largest free room between columns side by side: more where edges rise or fall much.
    cluster_gap, lane_gap, bar_gap : float
        Free room between clusters, lanes, and bars and channels one above the other.
    bar_width : float
    alignment : float
        From 0, columns stacked tightly about one axis, to 1, everything as near as can be to what it is joined to.
    n_sweeps : int

    Returns
    -------
    Places
    """
    n_columns = len(cluster_sizes)
    head_sizes = [(0.0, 0.0)] * n_columns if head_sizes is None else head_sizes
    has_one_lane = len({node.lane for node in graph.nodes if node.kind == "cluster"}) < 2
    widths = edge_widths(graph)
    sizes = node_sizes(graph, cluster_sizes, widths, bar_width)
    in_line = _uppermost_columns(graph) if has_one_lane else set()
    line = max((head_sizes[column][1] for column in in_line), default=0.0)
    above = _room_above(graph, order, head_sizes, in_line)
    gaps = [_separations(graph, nodes, sizes, above, cluster_gap, lane_gap, bar_gap) for nodes in order]
    centres = _y_centres(graph, order, sizes, above, gaps, alignment, n_sweeps)
    spans, x = _x_places(graph, sizes, head_sizes, _column_gaps(graph, centres, column_gap, widest_gap), bar_width)
    tops = centres - sizes[:, 1] / 2
    rects = np.column_stack([x, tops - float((tops - above).min(initial=0.0)) + line, sizes])
    columns, heads = np.zeros((n_columns, 4)), np.zeros((n_columns, 4))
    for column in range(n_columns):
        mine = [i for i, one in enumerate(graph.nodes) if one.kind == "cluster" and one.owner == column]
        if not mine:
            continue
        box = rects[mine]
        left, top = box[:, 0].min(), box[:, 1].min()
        right, bottom = (box[:, 0] + box[:, 2]).max(), (box[:, 1] + box[:, 3]).max()
        columns[column] = left, top, right - left, bottom - top
        width, height = head_sizes[column]
        y = line - height if column in in_line else top - height
        heads[column] = (left + right - width) / 2, y, width, height
    bottom = float(np.max(rects[:, 1] + rects[:, 3], initial=line))
    return Places(rects, heads, columns, spans, widths, float(np.max(spans, initial=0.0)), bottom)


def node_sizes(
    graph: LayeredGraph, cluster_sizes: Sequence[np.ndarray] | None, widths: np.ndarray, bar_width: float
) -> np.ndarray:
    """Return the sizes of all nodes: bars and channels are as high as their strokes side by side.

    Parameters
    ----------
    graph : LayeredGraph
    cluster_sizes : sequence of ndarray of shape (k, 2), or None
        As for `place`; None leaves the clusters without any size.
    widths : ndarray of shape (n_edges,), float64
        Of the strokes.
    bar_width : float

    Returns
    -------
    ndarray of shape (n_nodes, 2), float64
        Width and height.
    """
    sent, received = np.zeros(len(graph.nodes)), np.zeros(len(graph.nodes))
    for (first, second, _), width in zip(graph.edges, widths):
        sent[first] += width
        received[second] += width
    sizes = np.zeros((len(graph.nodes), 2))
    for i_node, node in enumerate(graph.nodes):
        if node.kind == "cluster":
            sizes[i_node] = cluster_sizes[node.owner][node.index] if cluster_sizes is not None else 0.0
        elif node.kind == "bundle":
            sizes[i_node] = bar_width, max(12.0, sent[i_node], received[i_node])
        else:
            sizes[i_node] = 0.0, received[i_node]
    return sizes


def _column_gaps(graph: LayeredGraph, centres: np.ndarray, least: float, most: float) -> np.ndarray:
    """Free room behind each column layer, so that edges rise and fall by at most about two for one."""
    rises = np.zeros(len(graph.layers) // 2 + 1)
    for first, second, _ in graph.edges:
        depth = graph.nodes[first].layer // 2
        rises[depth] = max(rises[depth], abs(float(centres[first] - centres[second])))
    return np.clip(rises / 2, least, max(least, most))


def _x_places(
    graph: LayeredGraph,
    sizes: np.ndarray,
    head_sizes: Sequence[tuple[float, float]],
    gaps: np.ndarray,
    bar_width: float,
) -> tuple[np.ndarray, np.ndarray]:
    """First and last x of every layer, and x of every node; channels become as wide as their layer."""
    spans = np.zeros((len(graph.layers), 2))
    x = 0.0
    for layer, nodes in enumerate(graph.layers):
        gap = float(gaps[layer // 2])
        if layer % 2:
            spans[layer] = x - gap / 2 - bar_width / 2, x - gap / 2 + bar_width / 2
            continue
        widest = 0.0
        for node in nodes:
            if graph.nodes[node].kind == "cluster":
                widest = max(widest, float(sizes[node, 0]), head_sizes[graph.nodes[node].owner][0])
        spans[layer] = x, x + widest
        x += widest + gap
    layers = np.array([one.layer for one in graph.nodes], np.int64)
    is_channel = np.array([one.kind == "waypoint" for one in graph.nodes], bool)
    sizes[is_channel, 0] = (spans[:, 1] - spans[:, 0])[layers[is_channel]]
    return spans, spans.mean(axis=1)[layers] - sizes[:, 0] / 2


def _uppermost_columns(graph: LayeredGraph) -> set[int]:
    """The columns of the lowest lane at each depth."""
    best: dict[int, tuple[int, int]] = {}
    for node in graph.nodes:
        if node.kind == "cluster":
            key = (node.lane, node.owner)
            best[node.layer] = min(best.get(node.layer, key), key)
    return {column for _, column in best.values()}


def _room_above(
    graph: LayeredGraph,
    order: Sequence[Sequence[int]],
    head_sizes: Sequence[tuple[float, float]],
    in_line: set[int],
) -> np.ndarray:
    """Room that each node needs above itself: the first cluster of a column for the column's head."""
    above = np.zeros(len(graph.nodes))
    seen = set(in_line)
    for nodes in order:
        for node in nodes:
            column = graph.nodes[node].owner
            if graph.nodes[node].kind == "cluster" and column not in seen:
                seen.add(column)
                above[node] = head_sizes[column][1]
    return above


def _separations(
    graph: LayeredGraph,
    nodes: Sequence[int],
    sizes: np.ndarray,
    above: np.ndarray,
    cluster_gap: float,
    lane_gap: float,
    bar_gap: float,
) -> np.ndarray:
    """Least distances of the centres of consecutive nodes of a layer."""
    found = np.zeros(max(len(nodes) - 1, 0))
    for i, (upper, lower) in enumerate(zip(nodes[:-1], nodes[1:])):
        first, second = graph.nodes[upper], graph.nodes[lower]
        if first.kind == second.kind == "cluster":
            gap = cluster_gap if first.owner == second.owner else lane_gap
        else:
            gap = bar_gap
        found[i] = (sizes[upper, 1] + sizes[lower, 1]) / 2 + gap + above[lower]
    return found


def _y_centres(
    graph: LayeredGraph,
    order: Sequence[Sequence[int]],
    sizes: np.ndarray,
    above: np.ndarray,
    gaps: Sequence[np.ndarray],
    alignment: float,
    n_sweeps: int,
) -> np.ndarray:
    """Centres that lie near those of what they are joined to, at least the separations apart.

    Layer by layer, forth and back, each node wants to stand at the mean of what it is joined to; the nearest places
    that keep order and separations are an isotonic regression. Clusters want it only as far as `alignment` says, and
    else their place in a tight stack about one axis. No layer becomes higher than the highest tight stack.
    """
    before, after = neighbours(graph)
    joined = [_Joined([before[node] + after[node] for node in nodes]) for nodes in order]
    tight, ends = np.zeros(len(graph.nodes)), {}
    for layer, (nodes, gap) in enumerate(zip(order, gaps)):
        if nodes:
            first, last = above[nodes[0]] + sizes[nodes[0], 1] / 2, sizes[nodes[-1], 1] / 2
            places = np.concatenate([[first], first + np.cumsum(gap)])
            extent = places[-1] + last
            tight[list(nodes)] = places - extent / 2
            ends[layer] = first, last, extent
    highest = max((extent for _, _, extent in ends.values()), default=0.0)
    pulls = np.array([alignment if node.kind == "cluster" else 1.0 for node in graph.nodes])
    centres = tight.copy()
    for sweep in range(n_sweeps):
        for layer in sorted(ends, reverse=sweep % 2 == 1):
            nodes = list(order[layer])
            wanted = joined[layer].pulled(tight[nodes], pulls[nodes], centres)
            first, last, _ = ends[layer]
            weights = np.ones(len(nodes))
            centres[nodes] = separate(wanted, gaps[layer], weights, first - highest / 2, highest / 2 - last)
    return centres


class _Joined:
    """What the nodes of a layer are joined to, one after the other."""

    def __init__(self, joined: Sequence[Sequence[tuple[int, float]]]) -> None:
        lengths = np.array([len(others) for others in joined], np.int64)
        self._node = np.repeat(np.arange(len(joined)), lengths)
        self._other = np.array([other for others in joined for other, _ in others], np.int64)
        self._strength = np.array([strength for others in joined for _, strength in others], np.float64)
        self._total = np.bincount(self._node, self._strength, len(joined))

    def pulled(self, places: np.ndarray, pulls: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Pull places to the mean of what they are joined to, by some shares of the way."""
        near = np.bincount(self._node, centres[self._other] * self._strength, len(places))
        is_joined = self._total > 0
        near = np.divide(near, self._total, out=places.copy(), where=is_joined)
        return places + pulls * (near - places)
