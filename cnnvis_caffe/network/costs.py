"""Counts what a network costs: multiply-adds and memory of one pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.dag import Dag, DagLayer

_BYTES = 4  # float32


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes of the blobs and parameters of a network; what layers need while they work is not counted.

    Attributes
    ----------
    params : int
        Values of the parameters, shared ones once.
    blobs : int
        Values of the blobs, those that share memory once.
    forward : int
        One forward pass: parameters and blobs.
    forward_backward : int
        With the gradients of both; a blob that several layers read has one for each of them.
    """

    params: int
    blobs: int
    forward: int
    forward_backward: int


def multiply_adds(layer: DagLayer) -> int | None:
    """Return how many products of a weight (or a factor) and a value a layer computes for its whole batch.

    Parameters
    ----------
    layer : DagLayer

    Returns
    -------
    int or None
        None where shapes are not known. Layers without products of that kind have 0: the work of pooling,
        normalisation across channels and non-linear functions is not counted.
    """
    if not layer.is_shaped or None in layer.bottom_shapes:
        return None
    return facts_of(layer.type).products(layer)


def memory(dag: Dag) -> MemoryNeed | None:
    """Return the memory of one pass, or None where shapes are not known.

    Parameters
    ----------
    dag : Dag
    """
    if not all(layer.is_shaped for layer in dag.layers):
        return None
    params = _BYTES * count_params(dag)
    blobs = gradients = 0
    n_readers: dict[tuple[int, int], int] = {}
    for layer in dag.layers:
        for source in layer.sources:
            n_readers[source] = n_readers.get(source, 0) + 1
    for index, layer in enumerate(dag.layers):
        for top, shape in enumerate(layer.top_shapes):
            size = _BYTES * math.prod(shape or ())
            readers = n_readers.get((index, top), 0)
            split = size * readers if readers > 1 else 0
            gradients += split
            if not _is_view(layer, top):
                blobs += size
                gradients += size
    return MemoryNeed(params, blobs, params + blobs, 2 * params + blobs + gradients)


def count_params(dag: Dag) -> int:
    """Return the number of learned values, shared ones once.

    Parameters
    ----------
    dag : Dag
    """
    return sum(param.count for layer in dag.layers for param in layer.params if param.owner is None)


def _is_view(layer: DagLayer, top: int) -> bool:
    """Whether a top has no memory of its own."""
    memory_of = facts_of(layer.type).memory
    is_alone = len(layer.bottoms) == len(layer.tops) == 1
    return layer.is_in_place(top) or memory_of == "bottom" or (memory_of == "bottom if alone" and is_alone)
