"""Chooses the layers that are looked at where a user names none."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cnnvis_caffe.records.analysis import Node


def parameter_layers(nodes: Sequence[Node], among: Collection[str]) -> tuple[str, ...]:
    """Return the layers with weights, each with the rectifier that follows it in its place.

    Parameters
    ----------
    nodes : sequence of Node
    among : collection of str
        Nodes that the scores depend on, and the scores.

    Returns
    -------
    tuple of str
        In the order in which they run.
    """
    found: list[str] = []
    for node in nodes:
        if node.name not in among:
            continue
        if node.role == "weights":
            found.append(node.name)
        elif node.role == "rectifier" and found and node.sources == (found[-1],):
            found[-1] = node.name
    return tuple(found)


def default_layers(nodes: Sequence[Node], among: Collection[str]) -> tuple[str, ...]:
    """Return a first, a middle and the last one of the layers with weights.

    Parameters
    ----------
    nodes : sequence of Node
    among : collection of str
        Nodes that the scores depend on, and the scores.

    Returns
    -------
    tuple of str
        Up to three.
    """
    found = parameter_layers(nodes, among)
    return tuple(dict.fromkeys([found[0], found[len(found) // 2], found[-1]])) if found else ()
