"""Tells which image of a pair each blob of a network is made of."""

from __future__ import annotations

from cnnvis_caffe.network.names import value_names
from cnnvis_caffe.records.dag import Dag, Value


def partners_of(dag: Dag, first: str, second: str = "") -> dict[str, int]:
    """Find the blobs that see only one image of each pair.

    Parameters
    ----------
    dag : Dag
    first, second : str
        Inputs of the two images; no second where a Slice takes the two from the channels of the first.

    Returns
    -------
    dict of str to int
        0 for the first image, 1 for the second, by the name of the blob; those that see both are left out.
    """
    seen: dict[Value, frozenset[int]] = {}
    names = value_names(dag)
    for index, layer in enumerate(dag.layers):
        below: frozenset[int] = frozenset().union(*(seen.get(source, frozenset()) for source in layer.sources))
        is_slice = layer.type == "Slice" and [names[source] for source in layer.sources] == [first]
        for top in range(len(layer.tops)):
            found = below
            if not layer.sources and names[index, top] == first:
                found = frozenset([0]) if second else frozenset([0, 1])
            elif not layer.sources and names[index, top] == second:
                found = frozenset([1])
            elif is_slice and not second:
                found = frozenset([top])
            seen[index, top] = found
    return {names[value]: min(found) for value, found in seen.items() if len(found) == 1}
