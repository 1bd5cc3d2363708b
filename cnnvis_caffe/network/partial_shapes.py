"""Tells what is known of shapes that are not known as a whole: the channels that layers or their weights give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.network.facts.channel_counts import PartialShape
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.dag import Dag, Value
from cnnvis_caffe.records.weights import LayerWeights, ParamArray, WeightsFile


def partial_shapes(dag: Dag, layers: Sequence[Any], files: Sequence[WeightsFile]) -> dict[Value, PartialShape]:
    """Return what is known of the shapes that are not known as a whole.

    A convolution and an inner product say how many channels they give; the weights of a convolution, how many it
    reads. A layer of a type that nobody knows gives as many as it has biases, where its weights have as many, too.
    What works in place keeps all of that.

    Parameters
    ----------
    dag : Dag
    layers : sequence of LayerParameter
        The layers of the network's file.
    files : sequence of WeightsFile

    Returns
    -------
    dict of Value to tuple of (int or None)
        Only for values of which something is known, but not the whole shape.
    """
    messages = {message.name: message for message in layers}
    saved = {layer.name: _saved_shapes(layer) for file in files for layer in file.layers}
    known: dict[Value, PartialShape] = {}
    for index, layer in enumerate(dag.layers):
        if layer.is_shaped or layer.name not in messages:
            continue
        message, shapes = messages[layer.name], saved.get(layer.name, [])
        facts = facts_of(message.type)
        written, read = facts.channels_written(message, shapes), facts.channels_read(message, shapes)
        if written:
            known[index, 0] = written
        if read and layer.sources and layer.bottom_shapes[0] is None:
            known.setdefault(layer.sources[0], read)
    _spread(dag, known)
    return known


def _saved_shapes(layer: LayerWeights) -> list[tuple[int, ...]]:
    """Shapes in a weights file; those of old files, which have four axes in any case, without leading ones."""

    def shape(blob: ParamArray) -> tuple[int, ...]:
        lengths = list(blob.shape)
        while blob.legacy and len(lengths) > 1 and lengths[0] == 1:
            del lengths[0]
        return tuple(lengths)

    return [() if blob is None else shape(blob) for blob in layer.blobs]


def _spread(dag: Dag, known: dict[Value, PartialShape]) -> None:
    """Carry what is known along layers that work in place."""
    pairs = [
        (layer.sources[0], (index, 0))
        for index, layer in enumerate(dag.layers)
        if layer.tops and layer.sources and layer.is_in_place(0) and not layer.is_shaped
    ]
    for source, top in reversed(pairs):
        _copy(known, top, source)
    for source, top in pairs:
        _copy(known, source, top)


def _copy(known: dict[Value, PartialShape], here: Value, there: Value) -> None:
    """Take over what is known of another value."""
    if here in known:
        known.setdefault(there, known[here])
