"""Finds the strongest connections of one neuron: which neurons it reads, and which read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.records.analysis import Analysis, Node, Snapshot


@dataclass(frozen=True)
class Connection:
    """A connection of a neuron, by the neuron at its other end.

    Attributes
    ----------
    node : str
    neuron : int
    weight : float
        Mean signed weight, times the factors of normalization on the way.
    """

    node: str
    neuron: int
    weight: float


def origin(analysis: Analysis, snapshot: Snapshot, node: str, neuron: int) -> tuple[Node, int, float] | None:
    """Walk back from a neuron that only passes values on to the neuron with weights that computes them.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    node : str
    neuron : int

    Returns
    -------
    tuple of Node, int, float, or None
        The layer with weights, its neuron, and the factor on the way; None where several are added, or none is there.
    """
    by_name = {one.name: one for one in analysis.nodes}
    at, factor = by_name[node], 1.0
    while at.kind != "weights":
        if at.kind == "scale" and at.name in snapshot.scale:
            factor *= float(snapshot.scale[at.name][neuron])
        if at.kind == "concat":
            for source in at.sources:
                if neuron < by_name[source].n_neurons:
                    at = by_name[source]
                    break
                neuron -= by_name[source].n_neurons
            else:
                return None
            continue
        if at.kind == "slice":
            neuron += at.offset
        elif at.kind == "repeat":
            neuron //= max(at.factor, 1)
        elif at.kind not in ("identity", "scale"):
            return None
        if not at.sources or at.sources[0] not in by_name:
            return None
        at = by_name[at.sources[0]]
    return at, neuron, factor


def incoming(analysis: Analysis, snapshot: Snapshot, node: str, neuron: int, most: int = 8) -> list[Connection]:
    """Return the neurons whose activations weigh most in a neuron, the strongest first; none at inputs and sums."""
    found = origin(analysis, snapshot, node, neuron)
    if found is None or found[0].name not in snapshot.connections:
        return []
    layer, row, factor = found
    weights = snapshot.connections[layer.name].weight[row].astype(np.float64) * factor
    return [Connection(layer.sources[0], column, float(weights[column])) for column in _strongest(weights, most)]


def outgoing(analysis: Analysis, snapshot: Snapshot, node: str, neuron: int, most: int = 8) -> list[Connection]:
    """Return the neurons in which a neuron's activation weighs most, the strongest first."""
    by_name = {one.name: one for one in analysis.nodes}
    found: dict[tuple[str, int], float] = {}
    seen = set()
    waiting = [(node, neuron, 1.0)]
    while waiting:
        name, at, factor = waiting.pop()
        if (name, at) in seen:
            continue
        seen.add((name, at))
        for reader in analysis.nodes:
            if name not in reader.sources:
                continue
            if reader.kind == "weights":
                if reader.name in snapshot.connections and at < snapshot.connections[reader.name].weight.shape[1]:
                    column = snapshot.connections[reader.name].weight[:, at].astype(np.float64) * factor
                    for row in _strongest(column, most):
                        found[reader.name, row] = found.get((reader.name, row), 0.0) + float(column[row])
            elif reader.kind == "identity":
                waiting.append((reader.name, at, factor))
            elif reader.kind == "scale":
                scale = snapshot.scale.get(reader.name)
                waiting.append((reader.name, at, factor * (float(scale[at]) if scale is not None else 1.0)))
            elif reader.kind == "sum":
                share = reader.coefficients[reader.sources.index(name)] if reader.coefficients else 1.0
                waiting.append((reader.name, at, factor * share))
            elif reader.kind == "concat":
                before = reader.sources[: reader.sources.index(name)]
                waiting.append((reader.name, at + sum(by_name[source].n_neurons for source in before), factor))
            elif reader.kind == "slice" and 0 <= at - reader.offset < reader.n_neurons:
                waiting.append((reader.name, at - reader.offset, factor))
    ends = [Connection(name, row, weight) for (name, row), weight in found.items() if weight]
    return sorted(ends, key=lambda one: (-abs(one.weight), one.node, one.neuron))[:most]


def _strongest(weights: np.ndarray, most: int) -> list[int]:
    """Places of the largest absolute weights, without zeros."""
    size = np.nan_to_num(np.abs(weights))
    order = np.argsort(-size, kind="stable")[:most]
    return [int(number) for number in order if size[number] > 0]
