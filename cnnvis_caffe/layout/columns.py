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
    cluster_gap: float = 12.0,
    lane_gap: float = 32.0,
    bar_width: float = 6.0,
    bar_gap: float = 8.0,
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
        Width and height of each column's head. The heads of the uppermost columns stand in one line above everything;
        those of other lanes right above their first cluster.
    column_gap, cluster_gap, lane_gap, bar_gap : float
        Free room between columns side by side, between clusters, lanes and bars one above the other.
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
    widths = edge_widths(graph)
    sizes = _node_sizes(graph, cluster_sizes, widths, bar_width)
    spans, x = _x_places(graph, sizes, head_sizes, column_gap, bar_width)
    uppermost = _uppermost_columns(graph)
    line = max((head_sizes[column][1] for column in uppermost), default=0.0)
    above = np.zeros(len(graph.nodes))  # room that a node needs above itself, for its column's head
    for nodes in order:
        seen = set()
        for node in nodes:
            column = graph.nodes[node].owner
            if graph.nodes[node].kind == "cluster" and column not in seen:
                seen.add(column)
                if column not in uppermost:
                    above[node] = head_sizes[column][1]
    gaps = [_separations(graph, nodes, sizes, above, cluster_gap, lane_gap, bar_gap) for nodes in order]
    centres = _y_centres(graph, order, sizes, above, gaps, widths, alignment, n_sweeps)
    tops = centres - sizes[:, 1] / 2
    shift = line - float(np.min(tops - above, initial=0.0))
    rects = np.column_stack([x, tops + shift, sizes])
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
        y = line - height if column in uppermost else top - height
        heads[column] = (left + right - width) / 2, y, width, height
    bottom = float(np.max(rects[:, 1] + rects[:, 3], initial=line))
    return Places(rects, heads, columns, spans, widths, float(np.max(spans, initial=0.0)), bottom)


def _node_sizes(
    graph: LayeredGraph, cluster_sizes: Sequence[np.ndarray], widths: np.ndarray, bar_width: float
) -> np.ndarray:
    """Width and height of every node: bars and channels as high as their strokes side by side."""
    sent, received = np.zeros(len(graph.nodes)), np.zeros(len(graph.nodes))
    for (first, second, _), width in zip(graph.edges, widths):
        sent[first] += width
        received[second] += width
    sizes = np.zeros((len(graph.nodes), 2))
    for i_node, node in enumerate(graph.nodes):
        if node.kind == "cluster":
            sizes[i_node] = cluster_sizes[node.owner][node.index]
        elif node.kind == "bundle":
            sizes[i_node] = bar_width, max(12.0, sent[i_node], received[i_node])
        else:
            sizes[i_node] = 0.0, received[i_node]
    return sizes


def _x_places(
    graph: LayeredGraph,
    sizes: np.ndarray,
    head_sizes: Sequence[tuple[float, float]],
    column_gap: float,
    bar_width: float,
) -> tuple[np.ndarray, np.ndarray]:
    """First and last x of every layer, and x of every node; channels become as wide as their layer."""
    n_layers = len(graph.layers)
    widest = np.zeros(n_layers)
    for layer in range(0, n_layers, 2):
        for node in graph.layers[layer]:
            head = head_sizes[graph.nodes[node].owner][0] if graph.nodes[node].kind == "cluster" else 0.0
            widest[layer] = max(widest[layer], sizes[node, 0], head)
    spans = np.zeros((n_layers, 2))
    x = 0.0
    for layer in range(n_layers):
        if layer % 2 == 0:
            spans[layer] = x, x + widest[layer]
            x += widest[layer] + column_gap
        else:
            middle = x - column_gap / 2
            spans[layer] = middle - bar_width / 2, middle + bar_width / 2
    places = np.zeros(len(graph.nodes))
    for i_node, one in enumerate(graph.nodes):
        left, right = spans[one.layer]
        if one.kind == "waypoint":
            sizes[i_node, 0] = right - left
        places[i_node] = (left + right - sizes[i_node, 0]) / 2
    return spans, places


def _uppermost_columns(graph: LayeredGraph) -> set[int]:
    """The columns of the lowest lane at each depth."""
    best: dict[int, tuple[int, int]] = {}
    for node in graph.nodes:
        if node.kind == "cluster":
            key = (node.lane, node.owner)
            best[node.layer] = min(best.get(node.layer, key), key)
    return {column for _, column in best.values()}


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
    widths: np.ndarray,
    alignment: float,
    n_sweeps: int,
) -> np.ndarray:
    """Centres that lie near those of what they are joined to, at least the separations apart."""
    before, after = neighbours(graph)
    centres = np.zeros(len(graph.nodes))
    tight = np.zeros(len(graph.nodes))
    tallest = 0.0
    for nodes, gap in zip(order, gaps):
        if nodes:
            ends = above[nodes[0]] + sizes[nodes[0], 1] / 2, sizes[nodes[-1], 1] / 2
            places = np.concatenate([[0.0], np.cumsum(gap)])
            extent = ends[0] + places[-1] + ends[1]
            tallest = max(tallest, extent)
            tight[list(nodes)] = places + ends[0] - extent / 2
    centres[:] = tight
    for sweep in range(n_sweeps):
        layers = range(len(order)) if sweep % 2 == 0 else range(len(order) - 1, -1, -1)
        for layer in layers:
            nodes = list(order[layer])
            if not nodes:
                continue
            wanted, weights = np.zeros(len(nodes)), np.zeros(len(nodes))
            for i, node in enumerate(nodes):
                joined = before[node] + after[node]
                total = sum(strength for _, strength in joined)
                pull = alignment if total > 0 else 0.0
                if graph.nodes[node].kind != "cluster" and total > 0:
                    pull = 1.0
                near = sum(centres[other] * strength for other, strength in joined) / total if total > 0 else 0.0
                wanted[i] = pull * near + (1 - pull) * tight[node]
                weights[i] = 1.0
            low = -tallest / 2 + above[nodes[0]] + sizes[nodes[0], 1] / 2
            high = tallest / 2 - sizes[nodes[-1], 1] / 2
            centres[nodes] = separate(wanted, gaps[layer], weights, low, high)
    return centres
