"""Curves from clusters through bars to clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.layout.columns import Places
from cnnvis_caffe.layout.layers import LayeredGraph

#: Share of a cluster's side, or of a bar, that strokes may take.
SIDE_SHARE = 0.8


@dataclass(frozen=True, eq=False)
class Stroke:
    """One curve: a cluster's share in a bundle.

    Attributes
    ----------
    link, bundle : int
    cluster : int
        Of the source column if it ends at the bar, of the target column if it starts there.
    is_source : bool
    points : ndarray of shape (1 + 3 m, 2), float64
        The start, then for each cubic Bezier piece two control points and its end; from left to right.
    width : float
    """

    link: int
    bundle: int
    cluster: int
    is_source: bool
    points: np.ndarray
    width: float


def bundle_curves(graph: LayeredGraph, places: Places) -> tuple[Stroke, ...]:
    """Curves of all edges, with horizontal tangents.

    Parameters
    ----------
    graph : LayeredGraph
    places : Places

    Returns
    -------
    tuple of Stroke
        In the order of the links and bundles; first those from sources, then those to targets.

    Notes
    -----
    Curves bend only between layers. Beside a cluster that is narrower than its column they run straight, and through
    other columns they follow the channel of a waypoint, so that none runs over a cluster.
    """
    paths = _paths(graph, places)
    ports = _ports(graph, places, paths)
    strokes = []
    for i_path, path in enumerate(paths):
        stops = [(node, ports[i_path, node]) for node in path.nodes]
        points = _through(graph, places, stops)
        strokes.append(Stroke(path.link, path.bundle, path.cluster, path.is_source, points, path.width))
    return tuple(strokes)


def curve(stops: Sequence[tuple[float, float]]) -> np.ndarray:
    """Cubic Bezier pieces through points from left to right, horizontal at each.

    Parameters
    ----------
    stops : sequence of (float, float)
        At least two.

    Returns
    -------
    ndarray of shape (1 + 3 m, 2), float64
        One piece for each two consecutive stops; each stays in the rectangle that its ends span.
    """
    points = [tuple(stops[0])]
    for (x0, y0), (x1, y1) in zip(stops[:-1], stops[1:]):
        middle = (x0 + x1) / 2
        points += [(middle, y0), (middle, y1), (x1, y1)]
    return np.array(points, np.float64)


@dataclass(frozen=True)
class _Path:
    """The nodes that a stroke passes."""

    link: int
    bundle: int
    cluster: int
    is_source: bool
    nodes: tuple[int, ...]
    width: float


def _paths(graph: LayeredGraph, places: Places) -> list[_Path]:
    """All strokes of the graph."""
    found = []
    for i_edge, (first, second, _) in enumerate(graph.edges):
        start, end = graph.nodes[first], graph.nodes[second]
        width = float(places.widths[i_edge])
        if start.kind == "cluster":
            found.append(_Path(end.owner, end.index, start.index, True, (first, second), width))
        elif end.kind == "cluster":
            bar = graph.bundle(start.owner, start.index)
            nodes = (bar, *graph.waypoints(start.owner, start.index), second)
            found.append(_Path(start.owner, start.index, end.index, False, nodes, width))
    return sorted(found, key=lambda path: (path.link, path.bundle, not path.is_source, path.cluster))


def _ports(graph: LayeredGraph, places: Places, paths: list[_Path]) -> dict[tuple[int, int], float]:
    """Height at which each path passes each of its nodes; side by side in the order of their other ends."""
    middles = places.nodes[:, 1] + places.nodes[:, 3] / 2
    sides: dict[tuple[int, str], list[tuple[float, int]]] = {}
    for i_path, path in enumerate(paths):
        for i, node in enumerate(path.nodes):
            if i < len(path.nodes) - 1:
                # Strokes of one trunk keep their order, that of their targets, from the bar on.
                ahead = path.nodes[-1] if graph.nodes[node].kind != "cluster" else path.nodes[i + 1]
                sides.setdefault((node, "right"), []).append((float(middles[ahead]), i_path))
            elif i:
                sides.setdefault((node, "left"), []).append((float(middles[path.nodes[i - 1]]), i_path))
    ports: dict[tuple[int, int], float] = {}
    for (node, _), strokes in sides.items():
        strokes.sort()
        widths = np.array([paths[i_path].width for _, i_path in strokes])
        height = float(places.nodes[node, 3])
        share = SIDE_SHARE if graph.nodes[node].kind == "cluster" else 1.0
        extent = min(2 * widths.sum(), height * share) if share < 1 else height
        offsets = (np.cumsum(widths) - widths / 2) / widths.sum() * extent
        for (_, i_path), offset in zip(strokes, offsets):
            ports[i_path, node] = float(middles[node] - extent / 2 + offset)
    return ports


def _through(graph: LayeredGraph, places: Places, stops: list[tuple[int, float]]) -> np.ndarray:
    """Points of one stroke: straight within layers, bent between them."""
    line: list[tuple[float, float]] = []
    for i, (node, y) in enumerate(stops):
        left, _, width, _ = places.nodes[node]
        first, last = places.spans[graph.nodes[node].layer]
        if i > 0:
            line.append((float(first), y))
            if left > first + 1e-9:
                line.append((float(left), y))
        if i < len(stops) - 1:
            if i == 0 or width > 0:
                line.append((float(left + width), y))
            if left + width < last - 1e-9:
                line.append((float(last), y))
    return curve(line)
