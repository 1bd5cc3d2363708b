"""Padding layers of generation V0, which became a setting of the layer that follows."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats import schema


def fold_padding(net: Any) -> tuple[list[Any], list[str]]:
    """Leave out the padding layers and give their padding to the layers that follow.

    Parameters
    ----------
    net : NetParameter
        Of generation V0; left as it is.

    Returns
    -------
    layers : list of V1LayerParameter
        Copies, without the padding layers.
    sentences : list of str
        What changed.

    Raises
    ------
    LayerError
        For a bottom that no earlier layer makes, and a padding layer that cannot be folded.

    Notes
    -----
    ``UpgradeV0PaddingLayers`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    producers: dict[str, Any] = {name: None for name in net.input}
    layers, sentences = [], []
    for old in net.layers:
        layer = schema.V1LayerParameter()
        layer.CopyFrom(old)
        if old.layer.type != "padding":
            layers.append(layer)
        for index, bottom in enumerate(old.bottom):
            source = _producer(producers, old, bottom)
            if source is None or source.layer.type != "padding":
                continue
            _check(source, old)
            layer.layer.pad = source.layer.pad
            layer.bottom[index] = source.bottom[0]
            sentences.append(
                f"layer {old.layer.name!r}: took over pad {source.layer.pad} of the padding layer {source.layer.name!r}"
            )
        producers.update((top, old) for top in old.top)
    return layers, sentences


def _producer(producers: dict[str, Any], layer: Any, bottom: str) -> Any:
    """Return the layer that makes a bottom, None for an input of the net."""
    if bottom not in producers:
        name = layer.layer.name or layer.name
        raise LayerError(name, f"layer {name!r}: bottom {bottom!r} is made by no earlier layer and no input")
    return producers[bottom]


def _check(source: Any, consumer: Any) -> None:
    """Refuse a padding layer that cannot be folded into the layer after it."""
    name, padding = consumer.layer.name, source.layer.name
    where = f"layer {name!r}, which follows the padding layer {padding!r}, has"
    if consumer.layer.type not in ("conv", "pool"):
        raise LayerError(name, f"{where} type {consumer.layer.type!r}; only conv and pool can take over padding")
    n_bottoms = len(consumer.bottom)
    if n_bottoms != 1:
        raise LayerError(name, f"{where} {n_bottoms} bottoms; it must have 1 to take over padding")
    n_bottoms, n_tops = len(source.bottom), len(source.top)
    if n_bottoms != 1 or n_tops != 1:
        raise LayerError(
            padding,
            f"padding layer {padding!r} must have 1 bottom and 1 top, but has {n_bottoms} and {n_tops}",
        )
