"""Finds the layers with weights, and the node that shows best what each one computes."""

from __future__ import annotations

from collections.abc import Collection

from cnnvis_caffe.records.analysis import Analysis, Node


def weight_layers(analysis: Analysis) -> tuple[Node, ...]:
    """Return the layers with weights, in the order in which they run."""
    return tuple(node for node in analysis.nodes if node.kind == "weights")


def activation_behind(analysis: Analysis, layer: str, known: Collection[str]) -> Node | None:
    """Find the node where the activations of a layer's neurons say most.

    Parameters
    ----------
    analysis : Analysis
    layer : str
        One with weights.
    known : collection of str
        Nodes to choose from, such as those that were analysed.

    Returns
    -------
    Node or None
        The first activation behind it, else the first pooling (maximum is no linear function either).
    """
    owned = [node for node in analysis.nodes if node.owner == layer and node.name in known]
    for role in ("rectifier", "activation", "pooling"):
        for node in owned:
            if node.role == role:
                return node
    return None
