"""Other connections between clusters that stay where they are: only bundles and channels are placed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnvis_caffe.layout.columns import Places, node_sizes
from cnnvis_caffe.layout.crossings import Order, order_bundles
from cnnvis_caffe.layout.isotonic import separate
from cnnvis_caffe.layout.layers import LayeredGraph, neighbours
from cnnvis_caffe.layout.strokes import edge_widths

#: Free room on both sides of a channel between clusters that were not put there for it.
CHANNEL_GAP = 2.0
N_SWEEPS = 12


def place_among(
    graph: LayeredGraph,
    kept_graph: LayeredGraph,
    kept: Places,
    *,
    bar_width: float = 6.0,
    bar_gap: float = 8.0,
) -> tuple[Order, Places]:
    """Place the bundles of a graph among clusters that have their places.

    Parameters
    ----------
    graph : LayeredGraph
        With the same columns and clusters as `kept_graph`.
    kept_graph : LayeredGraph
    kept : Places
        Of it.
    bar_width, bar_gap : float
        As for `columns.place`.

    Returns
    -------
    order : tuple of tuple of int
        Nodes by layer from top to bottom.
    places : Places
        Those of clusters, heads and columns are the kept ones. The picture is higher where channels do not find room
        between clusters.

    Raises
    ------
    ValueError
        If the clusters are others.
    """
    n_clusters = sum(node.kind == "cluster" for node in graph.nodes)
    if graph.nodes[:n_clusters] != tuple(node for node in kept_graph.nodes if node.kind == "cluster"):
        raise ValueError("the kept places are those of other clusters")
    widths = edge_widths(graph)
    rects = np.zeros((len(graph.nodes), 4))
    rects[:, 2:] = node_sizes(graph, None, widths, bar_width)
    rects[:n_clusters] = kept.nodes[:n_clusters]
    centres = _wanted(graph, rects[:n_clusters, 1] + rects[:n_clusters, 3] / 2)
    order = [sorted(nodes, key=lambda node: (centres[node], node)) for nodes in graph.layers]
    for nodes in order[::2]:
        _place_channels(graph, nodes, rects, centres, kept)
        nodes.sort(key=lambda node: (centres[node], node))
    bundled = order_bundles(graph, order)
    order[1::2] = [list(nodes) for nodes in bundled[1::2]]
    centres = _wanted(graph, centres[:n_clusters], known=centres)
    for nodes in order[1::2]:
        _place_bars(nodes, rects, centres, kept.height, bar_gap)
    layer = np.array([node.layer for node in graph.nodes], np.int64)
    is_channel = np.array([node.kind == "waypoint" for node in graph.nodes], bool)
    rects[is_channel, 2] = (kept.spans[:, 1] - kept.spans[:, 0])[layer[is_channel]]
    rects[n_clusters:, 0] = kept.spans.mean(axis=1)[layer[n_clusters:]] - rects[n_clusters:, 2] / 2
    rects[n_clusters:, 1] = centres[n_clusters:] - rects[n_clusters:, 3] / 2
    height = max(kept.height, float(np.max(rects[:, 1] + rects[:, 3], initial=0.0)))
    return tuple(map(tuple, order)), replace(kept, nodes=rects, widths=widths, height=height)


def _wanted(graph: LayeredGraph, clusters: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Centres of all nodes: bars, and channels unless they are known, at the mean of what they are joined to."""
    before, after = neighbours(graph)
    middle = float(clusters.mean()) if len(clusters) else 0.0
    centres = np.full(len(graph.nodes), middle) if known is None else known.copy()
    centres[: len(clusters)] = clusters
    free = [
        number
        for number, node in enumerate(graph.nodes)
        if node.kind == "bundle" or (node.kind == "waypoint" and known is None)
    ]
    for _ in range(N_SWEEPS):
        for number in (*free, *reversed(free)):
            joined = [*before[number], *after[number]]
            total = sum(strength for _, strength in joined)
            if total > 0:
                centres[number] = sum(centres[other] * strength for other, strength in joined) / total
    return centres


def _place_channels(
    graph: LayeredGraph, nodes: Sequence[int], rects: np.ndarray, centres: np.ndarray, kept: Places
) -> None:
    """Give the channels through a layer of columns their centres: in free room near where they want to be."""
    channels = [node for node in nodes if graph.nodes[node].kind == "waypoint"]
    if not channels:
        return
    taken = [(rects[node, 1], rects[node, 1] + rects[node, 3]) for node in nodes if node not in channels]
    columns = {graph.nodes[node].owner for node in nodes if node not in channels}
    taken += [(y, y + height) for y, height in kept.heads[sorted(columns)][:, [1, 3]]]
    rooms: list[tuple[float, float, list[int]]] = []
    end = 0.0
    for first, last in sorted(taken):
        if first > end:
            rooms.append((end, first, []))
        end = max(end, last)
    rooms.append((end, np.inf, []))
    for channel in channels:
        height = rects[channel, 3]

        def distance(room: tuple[float, float, list[int]], channel: int = channel, height: float = height) -> float:
            first, last, others = room
            needed = sum(rects[other, 3] + CHANNEL_GAP for other in (*others, channel)) + CHANNEL_GAP
            if last - first < needed:
                return np.inf
            low, high = first + CHANNEL_GAP + height / 2, last - CHANNEL_GAP - height / 2
            return abs(centres[channel] - min(max(centres[channel], low), high))

        min(rooms, key=distance)[2].append(channel)
    for first, last, mine in rooms:
        if mine:
            sizes = rects[mine, 3]
            gaps = (sizes[1:] + sizes[:-1]) / 2 + CHANNEL_GAP
            low, high = first + CHANNEL_GAP + sizes[0] / 2, last - CHANNEL_GAP - sizes[-1] / 2
            centres[mine] = separate(centres[mine], gaps, np.ones(len(mine)), low, high)


def _place_bars(nodes: Sequence[int], rects: np.ndarray, centres: np.ndarray, height: float, gap: float) -> None:
    """Give the bars of a gap their centres: near what they join, in their order, within the picture's height."""
    if nodes:
        mine = list(nodes)
        sizes = rects[mine, 3]
        gaps = (sizes[1:] + sizes[:-1]) / 2 + gap
        centres[mine] = separate(centres[mine], gaps, np.ones(len(mine)), sizes[0] / 2, height - sizes[-1] / 2)
