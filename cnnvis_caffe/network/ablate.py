"""Makes variants of a network: without some of its layers, or with layers of another size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnvis_caffe.errors import LayerError, NetError, UnknownLayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.network.dag import PHASES, build_dag
from cnnvis_caffe.network.deploy_layers import is_loss, is_source
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.dag import Dag
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.variant import Variant

#: What belongs to the layer with weights before it, and goes with it.
_FOLLOWS = ("rectifier", "activation", "normalization")


def ablated(network: NetworkFile, variant: Variant) -> NetworkFile:
    """Make a variant of a network.

    Parameters
    ----------
    network : NetworkFile
        With the layers of all phases.
    variant : Variant
        A layer with weights takes along the rectifiers, normalisation and dropout that follow it, up to the next layer
        with weights. What reads a layer that is removed reads what that one read.

    Returns
    -------
    NetworkFile
        Its shapes are checked in both phases.

    Raises
    ------
    UnknownLayerError
        If there is no such layer.
    NetError
        If a layer cannot be removed or have that size, what follows cannot be joined, or the scores would be of other
        classes.
    """
    message = type(network.message)()
    message.CopyFrom(network.message)
    for field, sizes in (("width", variant.widths), ("kernel", variant.kernels), ("stride", variant.strides)):
        for name, size in sizes:
            if name in variant.without:
                raise NetError(f"{network.path}: layer {name!r} is removed and has a new {field}; choose one")
            for layer in _named(network, message, name):
                _resize(layer, field, size, network.path)
    layers = list(message.layer)
    removed = _all_removed(network, layers, variant.without)
    for layer in layers:
        if layer.name in removed:
            _check_removable(layer, layers, network.path)
    joined = _joined(layers, removed)
    del message.layer[:]
    message.layer.extend(joined)
    made = replace(network, message=message)
    _check(network, made, variant)
    return made


def _named(network: NetworkFile, message: Any, name: str) -> list[Any]:
    """The layers of a name, one or one for each phase."""
    found = [layer for layer in message.layer if layer.name == name]
    if not found:
        raise UnknownLayerError(name, [layer.name for layer in network.message.layer])
    return found


def _resize(layer: Any, field: str, size: int, path: str) -> None:
    """Give a layer another number of outputs, another kernel or stride."""
    part = facts_of(layer.type).size_settings
    has_width, has_window = part != "pooling_param", part != "inner_product_param"
    if not part or not (has_width if field == "width" else has_window):
        kinds = "convolutions and inner products" if field == "width" else "convolutions and poolings"
        raise NetError(f"{path}: layer {layer.name!r} ({layer.type}) has no {field} to change; {kinds} have")
    settings = getattr(layer, part)
    if field == "width":
        settings.num_output = size
        return
    name = "kernel_size" if field == "kernel" else "stride"
    stem = "kernel" if field == "kernel" else "stride"
    for other in (f"{stem}_h", f"{stem}_w", name):
        settings.ClearField(other)
    if part == "pooling_param":
        setattr(settings, name, size)
    else:
        getattr(settings, name).append(size)


def _all_removed(network: NetworkFile, layers: Sequence[Any], names: Sequence[str]) -> set[str]:
    """The named layers, and what belongs to those with weights."""
    removed = set(names)
    for name in names:
        known = [index for index, layer in enumerate(layers) if layer.name == name]
        if not known:
            raise UnknownLayerError(name, [layer.name for layer in network.message.layer])
        if facts_of(layers[known[0]].type).role == "weights":
            removed |= _followers(layers, known[0])
    return removed


def _followers(layers: Sequence[Any], index: int) -> set[str]:
    """Rectifiers, normalisation and dropout between a layer with weights and the next one."""
    found: set[str] = set()
    blob = layers[index].top[0] if layers[index].top else ""
    while blob:
        readers: list[tuple[int, Any]] = []
        for number, layer in enumerate(layers[index + 1 :], index + 1):
            if blob in layer.top and blob not in layer.bottom:
                break  # another blob of the same name, as another phase has it
            if blob in layer.bottom and layer.top and layer.type != "Accuracy":
                if blob in layer.top and _belongs(layer):
                    found.add(layer.name)
                else:
                    readers.append((number, layer))
        names = {layer.name for _, layer in readers}
        if len(names) != 1 or len(readers[0][1].bottom) != 1:
            break
        index, reader = readers[0]
        if _belongs(reader):
            found |= names
        elif facts_of(reader.type).role != "pooling":
            break
        blob = reader.top[0]
    return found


def _belongs(layer: Any) -> bool:
    """Whether a layer belongs to the one with weights before it."""
    return facts_of(layer.type).role in _FOLLOWS or layer.type == "Dropout"


def _check_removable(layer: Any, layers: Sequence[Any], path: str) -> None:
    """Raise where a layer cannot be taken out."""
    where = f"{path}: layer {layer.name!r} ({layer.type})"
    if is_source(layer):
        raise NetError(f"{where} gives the data; choose a layer that computes something")
    if is_loss(layer):
        raise NetError(f"{where} is a loss, without which nothing is learned; choose another layer")
    is_read = any(set(layer.top) & set(other.bottom) for other in layers if other.name != layer.name)
    if is_read and (len(set(layer.bottom)) > 1 or len(layer.top) > 1):
        n_read = len(set(layer.bottom))
        what = f"joins {n_read} blobs" if n_read > 1 else f"makes {len(layer.top)} blobs"
        raise NetError(f"{where} {what}, of which what follows can read only one; choose layers of its branches")


def _joined(layers: Sequence[Any], removed: set[str]) -> list[Any]:
    """The layers that stay, each reading what is left."""
    instead: dict[str, str] = {}
    kept = []
    for layer in layers:
        bottoms = [instead.get(bottom, bottom) for bottom in layer.bottom]
        if layer.name in removed:
            instead.update({top: bottoms[0] for top in layer.top if top not in layer.bottom})
            continue
        own = schema.LayerParameter()
        own.CopyFrom(layer)
        for number, top in enumerate(layer.top):
            if top not in layer.bottom or top not in instead:
                instead.pop(top, None)
            elif layer.include or layer.exclude:
                own.top[number] = instead[top]
            else:
                # Works no more in place: what it reads now may be read by others.
                del instead[top]
        own.bottom[:] = bottoms
        kept.append(own)
    return kept


def _check(before: NetworkFile, made: NetworkFile, variant: Variant) -> None:
    """Raise if the layers do not fit each other, or the losses get something else than before."""
    for phase in PHASES:
        try:
            dag = build_dag(made, phase)
        except LayerError as error:
            raise NetError(f"{variant.words}: {error}; change the layers beside it too") from error
        wanted = _scores(build_dag(before, phase))
        for name, shape in _scores(dag).items():
            if wanted.get(name, shape) != shape and None not in (shape, wanted[name]):
                text, old = (" x ".join(map(str, one)) for one in (shape, wanted[name]))
                raise NetError(
                    f"{made.path}: {variant.words}: the scores that {name!r} gets would have the shape {text} rather "
                    f"than {old}; the layer that gives the scores must stay as it is"
                )


def _scores(dag: Dag) -> dict[str, Any]:
    """Shapes of what the losses compare with the labels, by the loss."""
    return {
        layer.name: layer.bottom_shapes[0]
        for layer in dag.layers
        if layer.bottoms and (facts_of(layer.type).is_loss or layer.type == "Accuracy")
    }
