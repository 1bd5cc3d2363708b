"""Clusters and connections that were edited by hand: what was not touched stays where it is, to the pixel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from cnnvis_caffe.layout.columns import Places
from cnnvis_caffe.layout.crossings import Order
from cnnvis_caffe.layout.kept import place_among
from cnnvis_caffe.layout.layers import LayeredGraph


def match_clusters(before: np.ndarray, after: np.ndarray) -> list[int]:
    """Find which cluster each one was before an edit.

    Parameters
    ----------
    before, after : ndarray of shape (n_neurons,), int64
        The cluster of each neuron.

    Returns
    -------
    list of int
        For each cluster after the edit the one with which it shares most neurons, of those that share more with no
        other; -1 where it is new.
    """
    n_before, n_after = (int(labels.max(initial=-1)) + 1 for labels in (before, after))
    shared = np.bincount(after * n_before + before, minlength=n_after * n_before).reshape(n_after, n_before)
    found = [-1] * n_after
    taken: set[int] = set()
    for place in np.argsort(-shared, axis=None, kind="stable").tolist():
        cluster, known = divmod(place, n_before)
        if shared[cluster, known] and found[cluster] < 0 and known not in taken:
            found[cluster] = known
            taken.add(known)
    return found


def place_edited(
    graph: LayeredGraph,
    before: LayeredGraph,
    kept: Places,
    matches: Sequence[Sequence[int]],
    new_sizes: Sequence[Sequence[tuple[float, float]]],
    same_links: Collection[int],
    *,
    cluster_gap: float,
    bar_width: float,
    bar_gap: float,
) -> tuple[Order, Places]:
    """Place everything after an edit.

    Parameters
    ----------
    graph : LayeredGraph
        With the same columns and links as `before`.
    before : LayeredGraph
    kept : Places
        Of it.
    matches : sequence of sequence of int
        By column what `match_clusters` gives.
    new_sizes : sequence of sequence of (float, float)
        By column the width and height of each new cluster, in their order.
    same_links : collection of int
        Links with the same clusters and bundles as before.
    cluster_gap, bar_width, bar_gap : float
        As for `columns.place`.

    Returns
    -------
    order : tuple of tuple of int
    places : Places
        Clusters that were there have the places that they had. New ones stand under everything of their layer. Bars
        and channels keep theirs in layers through which only links pass that are the same.
    """
    rects, columns = _cluster_rects(graph, before, kept, matches, new_sizes, cluster_gap)
    height = max(kept.height, float(np.max(rects[:, 1] + rects[:, 3], initial=0.0)))
    stands = replace(kept, nodes=rects, columns=columns, height=height)
    order, places = place_among(graph, graph, stands, bar_width=bar_width, bar_gap=bar_gap)
    nodes = places.nodes.copy()
    is_old = [all(match >= 0 for match in column) for column in matches]
    for mine in graph.layers:
        passing = [number for number in mine if graph.nodes[number].kind != "cluster"]
        owners = {graph.nodes[number].owner for number in mine if graph.nodes[number].kind == "cluster"}
        links = {graph.nodes[number].owner for number in passing}
        if links <= set(same_links) and all(is_old[owner] for owner in owners):
            for number in passing:
                nodes[number] = kept.nodes[_same_node(graph, before, number)]
    centres = nodes[:, 1] + nodes[:, 3] / 2
    order = tuple(tuple(sorted(mine, key=lambda number: (centres[number], number))) for mine in order)
    height = max(height, float(np.max(nodes[:, 1] + nodes[:, 3], initial=0.0)))
    return order, replace(places, nodes=nodes, height=height)


def _cluster_rects(
    graph: LayeredGraph,
    before: LayeredGraph,
    kept: Places,
    matches: Sequence[Sequence[int]],
    new_sizes: Sequence[Sequence[tuple[float, float]]],
    cluster_gap: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Places of all clusters, (n, 4), and those around the columns."""
    rects = np.zeros((sum(map(len, matches)), 4))
    bottoms = [
        max((kept.nodes[n, 1] + kept.nodes[n, 3] for n in nodes if before.nodes[n].kind == "cluster"), default=0.0)
        for nodes in before.layers
    ]
    columns = kept.columns.copy()
    for column, (matched, sizes) in enumerate(zip(matches, new_sizes)):
        coming = iter(sizes)
        for index, match in enumerate(matched):
            number = graph.cluster(column, index)
            if match >= 0:
                rects[number] = kept.nodes[before.cluster(column, match)]
                continue
            width, height = next(coming)
            layer = graph.nodes[number].layer
            top = bottoms[layer] + cluster_gap
            rects[number] = kept.spans[layer].mean() - width / 2, top, width, height
            bottoms[layer] = top + height
        mine = rects[[graph.cluster(column, index) for index in range(len(matched))]]
        if len(mine):
            left, top = mine[:, :2].min(axis=0)
            right, bottom = (mine[:, :2] + mine[:, 2:]).max(axis=0)
            columns[column] = left, top, right - left, bottom - top
    return rects, columns


def _same_node(graph: LayeredGraph, before: LayeredGraph, number: int) -> int:
    """The number that a bar or channel had."""
    node = graph.nodes[number]
    if node.kind == "bundle":
        return before.bundle(node.owner, node.index)
    place = graph.waypoints(node.owner, node.index).index(number)
    return before.waypoints(node.owner, node.index)[place]
