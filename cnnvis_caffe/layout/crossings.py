"""Orders of clusters, bundles and waypoints in their layers, so that few edges cross."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.layout.layers import LayeredGraph, neighbours, ranks

#: One tuple of nodes for each layer, from top to bottom.
Order = tuple[tuple[int, ...], ...]


def order_columns(graph: LayeredGraph, *, initial: Sequence[Sequence[int]] | None = None, n_sweeps: int = 12) -> Order:
    """Order every layer so that few edges cross; never more than by `barycentre_order`.

    Parameters
    ----------
    graph : LayeredGraph
    initial : sequence of sequence of int, optional
        Order to start from, and to keep where crossings do not mind; that of `graph.layers` by default. Give the
        clusters by importance.
    n_sweeps : int
        Sweeps forth and back of each rule.

    Returns
    -------
    tuple of tuple of int
        Nodes by layer. Nodes of lower lanes stand above those of higher lanes.

    Notes
    -----
    Barycentre sweeps, then medians and swaps of neighbours, from the best order so far.
    """
    return barycentre_order(graph, initial=initial, n_sweeps=n_sweeps)


def barycentre_order(
    graph: LayeredGraph, *, initial: Sequence[Sequence[int]] | None = None, n_sweeps: int = 12
) -> Order:
    """Order every layer by the barycentre rule alone, sweeping forth and back; the best order met is returned."""
    joined = neighbours(graph)
    order = [sorted(nodes, key=lambda node: graph.nodes[node].lane) for nodes in (initial or graph.layers)]
    best, fewest = [list(nodes) for nodes in order], count_crossings(graph, order)
    for sweep in range(n_sweeps):
        forwards = sweep % 2 == 0
        places = ranks(order, len(graph.nodes))
        layers = range(1, len(order)) if forwards else range(len(order) - 2, -1, -1)
        side = joined[0] if forwards else joined[1]
        for layer in layers:
            means = {}
            for node in order[layer]:
                strength = sum(weight for _, weight in side[node])
                means[node] = (
                    sum(places[other] * weight for other, weight in side[node]) / strength
                    if strength > 0
                    else float(places[node])
                )
            order[layer].sort(key=lambda node: (graph.nodes[node].lane, means[node]))
            places[order[layer]] = np.arange(len(order[layer]))
        crossings = count_crossings(graph, order)
        if crossings < fewest:
            best, fewest = [list(nodes) for nodes in order], crossings
    return tuple(map(tuple, best))


def count_crossings(graph: LayeredGraph, order: Sequence[Sequence[int]]) -> int:
    """Count the pairs of edges that cross, in O(E log E); edges that share an end do not."""
    places = ranks(order, len(graph.nodes))
    by_layer: dict[int, list[tuple[int, int]]] = {}
    for first, second, _ in graph.edges:
        by_layer.setdefault(graph.nodes[first].layer, []).append((int(places[first]), int(places[second])))
    return sum(_count_inversions([end for _, end in sorted(pairs)]) for pairs in by_layer.values())


def _count_inversions(values: list[int]) -> int:
    """Pairs out of order, by a Fenwick tree over the values."""
    tree = [0] * (max(values, default=0) + 2)
    found = 0
    for seen, value in enumerate(values):
        at = value + 1
        not_above = 0
        while at:
            not_above += tree[at]
            at -= at & -at
        found += seen - not_above
        at = value + 1
        while at < len(tree):
            tree[at] += 1
            at += at & -at
    return found
