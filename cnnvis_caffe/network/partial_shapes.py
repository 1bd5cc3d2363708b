"""What can be said of a shape that is not known: how many channels the layers around it, or their weights, tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.records.dag import Dag, Value
from cnnvis_caffe.records.weights import LayerWeights, ParamArray, WeightsFile
from cnnvis_caffe.runtime.layers import is_known_type

#: Lengths of axes; None for one that is not known.
PartialShape = tuple["int | None", ...]

_Shapes = Sequence[tuple[int, ...]]


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
        given = _given(message, shapes) if is_known_type(layer.type) else _given_by_unknown(layer.tops, shapes)
        if given:
            known[index, 0] = given
        read = _read(message, shapes)
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


def _given(message: Any, shapes: _Shapes) -> PartialShape | None:
    """What a layer of a known type gives."""
    if message.type in ("Convolution", "Deconvolution") and message.convolution_param.axis == 1:
        n_axes = len(shapes[0]) - 2 if shapes and len(shapes[0]) > 2 else 2
        return (None, message.convolution_param.num_output, *[None] * n_axes)
    if message.type == "InnerProduct" and message.inner_product_param.axis == 1:
        return (None, message.inner_product_param.num_output)
    return None


def _given_by_unknown(tops: Sequence[str], shapes: _Shapes) -> PartialShape | None:
    """What a layer of an unknown type gives: as many channels as there are biases."""
    if len(tops) != 1 or len(shapes) != 2 or len(shapes[1]) != 1 or len(shapes[0]) < 2:
        return None
    (n_biases,) = shapes[1]
    return (None, n_biases, *[None] * (len(shapes[0]) - 2)) if shapes[0][0] == n_biases else None


def _read(message: Any, shapes: _Shapes) -> PartialShape | None:
    """What a convolution reads."""
    if message.type not in ("Convolution", "Deconvolution") or message.convolution_param.axis != 1:
        return None
    if not shapes or len(shapes[0]) < 3:
        return None
    first, second, *spatial = shapes[0]
    n_channels = second * message.convolution_param.group if message.type == "Convolution" else first
    return (None, n_channels, *[None] * len(spatial))


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
