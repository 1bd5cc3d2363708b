"""Finds the connections and classes in which two snapshots or models differ most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.readings.comparison import Side
from cnnvis_caffe.readings.layers import weight_layers


@dataclass(frozen=True)
class ConnectionChange:
    """One connection in both.

    Attributes
    ----------
    layer : str
        The layer with the weights.
    source : str
        The node from which it comes.
    from_neuron, to_neuron : int
    weights : (float, float)
        Mean over its kernel, in both.
    share : float
        |Difference| by the mean |connection| of the layer in the first; infinite where that is 0.
    """

    layer: str
    source: str
    from_neuron: int
    to_neuron: int
    weights: tuple[float, float]
    share: float


@dataclass(frozen=True)
class ClassChange:
    """One class in both.

    Attributes
    ----------
    number : int
    right : (float, float)
        Share of its images that are named as it, in both; NaN where it has none.
    wrong : (int, int)
        The class as which its other images are named most, in both; -1 where there are none.
    """

    number: int
    right: tuple[float, float]
    wrong: tuple[int, int]


def changed_connections(one: Side, two: Side, most: int = 100) -> tuple[ConnectionChange, ...]:
    """Find the connections that differ most, measured by the usual difference in their layer.

    Parameters
    ----------
    one, two : Side
    most : int
        No more than these, and of a layer no more than a third of them where there are several layers.

    Returns
    -------
    tuple of ConnectionChange
        The largest change first; of layers that have the same shape in both.
    """
    found: list[ConnectionChange] = []
    layers = [node for node in weight_layers(one.analysis) if node.sources]
    limit = most if len(layers) < 2 else max(1, most // min(len(layers), 3))
    for node in layers:
        left, right = (side.snapshot.connections.get(node.name) for side in (one, two))
        if left is None or right is None or left.weight.shape != right.weight.shape or not left.weight.size:
            continue
        change = np.abs(right.weight.astype(np.float64) - left.weight).ravel()
        usual = float(np.abs(left.weight).mean())
        largest = np.argsort(-change, kind="stable")[:limit]
        for place in largest[change[largest] > 0].tolist():
            to, source = divmod(place, left.weight.shape[1])
            weights = float(left.weight[to, source]), float(right.weight[to, source])
            share = change[place] / usual if usual else float("inf")
            found.append(ConnectionChange(node.name, node.sources[0], source, to, weights, share))
    found.sort(key=lambda row: -row.share)
    return tuple(found[:most])


def changed_classes(one: Side, two: Side) -> tuple[ClassChange, ...]:
    """Compare how many images of each class are named right.

    Parameters
    ----------
    one, two : Side

    Returns
    -------
    tuple of ClassChange
        By class; empty where one of them has no confusion matrix, or the classes differ.
    """
    left, right = one.snapshot.confusion, two.snapshot.confusion
    names = one.analysis.data.class_names, two.analysis.data.class_names
    if left is None or right is None or left.shape != right.shape or names[0] != names[1]:
        return ()
    shares, wrong = [], []
    for matrix in (left, right):
        total = matrix.sum(axis=1)
        shares.append(np.divide(matrix.diagonal(), total, out=np.full(len(total), np.nan), where=total > 0))
        others = matrix.copy()
        np.fill_diagonal(others, 0)
        wrong.append(np.where(others.max(axis=1) > 0, others.argmax(axis=1), -1))
    return tuple(
        ClassChange(c, (float(shares[0][c]), float(shares[1][c])), (int(wrong[0][c]), int(wrong[1][c])))
        for c in range(len(names[0]))
    )
