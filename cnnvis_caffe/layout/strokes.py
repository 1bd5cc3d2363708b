"""Widths of drawn edges."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.layout.layers import LayeredGraph

THINNEST, WIDEST = 0.75, 7.0


def stroke_widths(strengths: np.ndarray, strongest: float | None = None) -> np.ndarray:
    """Return widths in pixels that grow with the square root of the strength.

    Parameters
    ----------
    strengths : array_like
        Never negative.
    strongest : float, optional
        The strength that is drawn widest; the largest one by default.

    Returns
    -------
    ndarray of the same shape, float64
        From `THINNEST` to `WIDEST`.
    """
    strengths = np.asarray(strengths, np.float64)
    strongest = float(strengths.max(initial=0.0)) if strongest is None else strongest
    if strongest <= 0:
        return np.full(strengths.shape, THINNEST)
    return np.clip(WIDEST * np.sqrt(np.maximum(strengths, 0) / strongest), THINNEST, WIDEST)


def edge_widths(graph: LayeredGraph) -> np.ndarray:
    """Return the widths of all edges of a graph, in their order.

    Each link has its own scale, as layers' weights differ in theirs. The part of a bundle between its bar and its last
    waypoint carries its strokes side by side: it has the sum of their widths.
    """
    strengths = np.array([strength for _, _, strength in graph.edges], np.float64)
    links = np.array([_link(graph, edge) for edge in graph.edges], np.int64)
    through = np.array([graph.nodes[second].kind == "waypoint" for _, second, _ in graph.edges], bool)
    widths = np.zeros(len(strengths))
    for link in np.unique(links):
        ends = (links == link) & ~through
        widths[ends] = stroke_widths(strengths[ends], graph.strongest[link])
    received: dict[tuple[int, int], float] = {}
    for (first, second, _), width in zip(graph.edges, widths):
        if graph.nodes[second].kind == "cluster":
            key = (graph.nodes[first].owner, graph.nodes[first].index)
            received[key] = received.get(key, 0.0) + width
    for i_edge in np.flatnonzero(through):
        node = graph.nodes[graph.edges[i_edge][1]]
        widths[i_edge] = received[node.owner, node.index]
    return widths


def _link(graph: LayeredGraph, edge: tuple[int, int, float]) -> int:
    """Number of the link that an edge belongs to."""
    first, second = graph.nodes[edge[0]], graph.nodes[edge[1]]
    return second.owner if first.kind == "cluster" else first.owner
