"""Columns of the picture: which layers are shown, their titles, and where they stand along the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnvis_caffe.readings.graph import Graph
from cnnvis_caffe.readings.relations import targets_of
from cnnvis_caffe.records.aggregation import LayerGroup


@dataclass(frozen=True)
class ColumnPlace:
    """A shown layer without its neurons.

    Attributes
    ----------
    node, group, title : str
    depth, lane : int
        As in `Column`.
    """

    node: str
    group: str
    title: str
    depth: int
    lane: int


@dataclass(frozen=True)
class ColumnLayout:
    """The shown layers and which follow each other.

    Attributes
    ----------
    places : tuple of ColumnPlace
        By depth, then by lane.
    steps : tuple of (str, str, str)
        Source, target, and the node through which no connection goes where there is one on all paths.
    """

    places: tuple[ColumnPlace, ...]
    steps: tuple[tuple[str, str, str], ...]


def arrange(graph: Graph, groups: Sequence[LayerGroup]) -> ColumnLayout:
    """Choose the columns and give each its place.

    Parameters
    ----------
    graph : Graph
    groups : sequence of LayerGroup

    Returns
    -------
    ColumnLayout
        Depth is the longest way from the start; branches side by side have different lanes, and what continues a
        lane stays in it where it can.
    """
    group_of: dict[str, LayerGroup] = {}
    for group in groups:
        for node in group.columns if group.is_expanded else (group.representative,):
            group_of[node] = group
    shown = sorted(group_of, key=graph.order.__getitem__)
    follows = {node: targets_of(graph, node, group_of) for node in shown}
    before: dict[str, list[str]] = {node: [] for node in shown}
    for node, targets in follows.items():
        for target in targets:
            before[target].append(node)
    depth: dict[str, int] = {}
    for node in shown:
        depth[node] = max((depth[source] + 1 for source in before[node]), default=0)
    lane = _lanes(graph, shown, before, depth)
    places = [
        ColumnPlace(node, group_of[node].name, title(graph, group_of[node], node), depth[node], lane[node])
        for node in shown
    ]
    places.sort(key=lambda place: (place.depth, place.lane))
    steps = tuple((node, target, barrier) for node in shown for target, barrier in follows[node].items())
    return ColumnLayout(tuple(places), steps)


def title(graph: Graph, group: LayerGroup, node: str) -> str:
    """Name a column: "conv1 + relu1", or the group for a whole region.

    Parameters
    ----------
    graph : Graph
    group : LayerGroup
    node : str

    Returns
    -------
    str
    """
    if group.kind == "region" and not group.is_expanded and node == group.representative:
        return group.name
    owner = graph.nodes[node].owner
    if owner in ("", node) or owner not in group.nodes:
        return node
    # The part of the name that both have is said once.
    folder = owner[: owner.rfind("/") + 1]
    return f"{owner} + {node[len(folder) :] if folder and node.startswith(folder) else node}"


def _lanes(graph: Graph, shown: Sequence[str], before: dict[str, list[str]], depth: dict[str, int]) -> dict[str, int]:
    """A lane for each column, different for those of one depth."""
    main = graph.upstream([graph.output()])
    lane: dict[str, int] = {}
    for level in range(max(depth.values(), default=-1) + 1):
        here = [node for node in shown if depth[node] == level]
        wish = {node: min((lane[source] for source in before[node]), default=0) for node in here}
        here.sort(key=lambda node: (node not in main, wish[node], graph.order[node]))
        taken: set[int] = set()
        for node in here:
            free = wish[node]
            while free in taken:
                free += 1
            taken.add(free)
            lane[node] = free
    return lane
