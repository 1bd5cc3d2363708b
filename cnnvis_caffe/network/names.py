"""Names of what layers write: that of the layer, or of the blob where it comes from outside."""

from __future__ import annotations

from collections.abc import Container

from cnnvis_caffe.errors import UnknownBlobError
from cnnvis_caffe.records.dag import Dag, Value


def value_names(dag: Dag) -> dict[Value, str]:
    """Return a name for every top.

    Parameters
    ----------
    dag : Dag

    Returns
    -------
    dict of Value to str
        Inputs have their blob's name; the first top of a layer has the layer's, further ones ``<layer>:<top>``.
        So have tops whose name would be another one's.
    """
    names: dict[Value, str] = {value: dag.blob_name(value) for value in dag.inputs}
    taken = set(names.values())
    for index, layer in enumerate(dag.layers):
        for top, blob in enumerate(layer.tops):
            if (index, top) in names:
                continue
            name = layer.name if top == 0 and layer.name not in taken else f"{layer.name}:{blob}"
            number = 2
            while name in taken:
                name = f"{layer.name}:{blob}:{number}"
                number += 1
            names[index, top] = name
            taken.add(name)
    return names


def values_by_name(dag: Dag) -> dict[str, Value]:
    """Return the top that each name means.

    Parameters
    ----------
    dag : Dag

    Returns
    -------
    dict of str to Value
        By the names that `value_names` gives, and by the names of blobs: what these hold at the end.
    """
    names = value_names(dag)
    blobs = {dag.blob_name(value): value for value in names}  # later writers win
    return {**blobs, **{name: value for value, name in names.items()}}


def find_value(dag: Dag, name: str) -> Value:
    """Return the top that a name means.

    Parameters
    ----------
    dag : Dag
    name : str
        One of those of `values_by_name`.

    Raises
    ------
    UnknownBlobError
        If there is none.
    """
    by_name = values_by_name(dag)
    if name not in by_name:
        raise UnknownBlobError(name, by_name)
    return by_name[name]


def free_name(name: str, taken: Container[str]) -> str:
    """Return a name that nobody has.

    Parameters
    ----------
    name : str
        Wished; a number is put behind it where somebody has it.
    taken : container of str
    """
    number = 1
    candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate
