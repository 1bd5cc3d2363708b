"""The nodes of the analysis net: which tops have neurons, and what each does to the neurons that it comes from."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.records.analysis import Node
from cnnvis_caffe.records.dag import Dag, DagLayer, Value
from cnnvis_caffe.records.network_file import NetworkFile

logger = logging.getLogger(__name__)

RECURRENT_TYPES = ("LSTM", "RNN", "LSTMUnit")

_ROLES = {
    **dict.fromkeys(("Convolution", "Deconvolution", "InnerProduct"), "weights"),
    **dict.fromkeys(("ReLU", "PReLU"), "rectifier"),
    **dict.fromkeys(
        ("AbsVal", "BNLL", "Clip", "ELU", "Exp", "Log", "Power", "Sigmoid", "Swish", "TanH", "Threshold"), "activation"
    ),
    **dict.fromkeys(("Pooling", "SPP"), "pooling"),
    **dict.fromkeys(("BatchNorm", "Bias", "LRN", "MVN", "Scale"), "normalization"),
    **dict.fromkeys(("Concat", "Eltwise"), "merge"),
}
#: Neuron i of the top comes from neuron i of the bottom.
_IDENTITY_TYPES = (
    "AbsVal", "BNLL", "Clip", "Dropout", "ELU", "Exp", "LRN", "Log", "MVN", "PReLU", "ReLU", "Sigmoid",
    "SpatialDropout", "Swish", "TanH", "Threshold",
)  # fmt: skip
#: Their tops hold other images than their bottoms, or the same in another order.
_REORDERING_TYPES = ("BatchReindex", "Filter")


@dataclass(frozen=True)
class _Top:
    """A top of a layer, while its node is made."""

    layer: DagLayer
    param: Any
    number: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.layer.top_shapes[self.number] or ()

    @property
    def bottom(self) -> tuple[int, ...]:
        """Shape of the first bottom."""
        return self.layer.bottom_shapes[0] or ()


@dataclass(frozen=True)
class _Link:
    """What a rule finds out: the kind of a node, the bottoms that it comes from, and the rest of `Node`."""

    kind: str
    bottoms: tuple[int, ...] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def analysis_nodes(dag: Dag, network: NetworkFile) -> tuple[Node, ...]:
    """Return all tops of the analysis net as nodes.

    Parameters
    ----------
    dag : Dag
        Of `network`.
    network : NetworkFile
        What `analysis_network` gives.

    Returns
    -------
    tuple of Node
        In the order in which they run. Those without neurons (labels, losses, and blobs whose second axis means
        something else) have `n_neurons` 0.
    """
    layers = network.message.layer
    if [layer.name for layer in layers] != [layer.name for layer in dag.layers]:
        raise NetError(f"{network.path}: the graph is not that of this network")
    # In an analysis net every top has a blob of its own, and the blob the name of the node.
    names = {(i, top): name for i, layer in enumerate(dag.layers) for top, name in enumerate(layer.tops)}
    without_neurons = _without_neurons(dag)
    fields = ReceptiveFields(dag)
    nodes: dict[Value, Node] = {}
    for index, (layer, param) in enumerate(zip(dag.layers, layers)):
        for number in range(len(layer.tops)):
            value = index, number
            top = _Top(layer, param, number)
            link = _link(top)
            used = range(len(layer.sources)) if link.bottoms is None else link.bottoms
            sources = tuple(names[layer.sources[i]] for i in used)
            reason = without_neurons.get(value, "")
            if reason:
                logger.info("%s (%s) is left out of the analysis: %s", names[value], layer.type, reason)
            role = "input" if link.kind == "input" else _ROLES.get(layer.type, "other")
            if role == "weights" and link.kind != "weights":
                role = "other"
            nodes[value] = Node(
                name=names[value],
                layer=layer.name,
                type=layer.type,
                kind=link.kind,
                sources=sources,
                n_neurons=0 if reason else top.shape[1],
                positions=() if reason else top.shape[2:],
                owner=_owner(names[value], link.kind, [nodes[layer.sources[i]] for i in used]),
                role=role,
                negative_slope=param.relu_param.negative_slope if layer.type == "ReLU" else 0.0,
                field_px=(0, 0) if reason else _field(fields, names[value]),
                settings=layer.settings,
                **link.more,
            )
    return tuple(nodes.values())


def _owner(name: str, kind: str, sources: list[Node]) -> str:
    """The nearest "weights" node upstream, if there is exactly one."""
    if kind == "weights":
        return name
    owners = {source.owner for source in sources if source.n_neurons}
    return owners.pop() if len(owners) == 1 else ""


def _field(fields: ReceptiveFields, name: str) -> tuple[int, int]:
    """Height and width of the receptive field, if it is known."""
    try:
        size = fields.summary(name).size
    except NetError:
        return 0, 0
    return (size[0], size[1]) if len(size) == 2 else (0, 0)


# -- which tops have neurons -------------------------------------------------------------------------------------------


def _without_neurons(dag: Dag) -> dict[Value, str]:
    """The tops whose second axis does not mean neurons, and why."""
    found: dict[Value, str] = {}
    labels = _labels(dag)
    timed = _before_recurrence(dag)
    n_images = next((shape[0] for shape in map(dag.shape, dag.inputs) if shape is not None and len(shape) > 2), None)
    for index, layer in enumerate(dag.layers):
        for number in range(len(layer.tops)):
            value = index, number
            shape = dag.shape(value)
            if shape is None:
                found[value] = "its shape is not known"
            elif value in labels:
                found[value] = "it holds labels"
            elif layer.type in RECURRENT_TYPES or value in timed:
                found[value] = "its first axis is time"
            elif layer.type == "Embed" and len(shape) > 2:
                found[value] = "its second axis is not that of neurons"
            elif layer.type == "Parameter":
                found[value] = "it is a parameter"
            elif layer.type == "Pooling" and number:
                found[value] = "it holds places, not activations"
            elif layer.type in _REORDERING_TYPES:
                found[value] = "it holds a choice of the images"
            elif len(shape) < 2 or any(layer.loss_weights[number : number + 1]):
                found[value] = "it has no axis of neurons"
            elif n_images is not None and shape[0] != n_images:
                found[value] = f"its first axis, of length {shape[0]}, is not that of the {n_images} images"
            elif not math.prod(shape):
                found[value] = "it holds no values"
            elif layer.type not in ("Reshape", "Python"):
                inherited = next((found[s] for s in layer.sources[:1] if s in found and s not in labels), "")
                if inherited:
                    found[value] = inherited
    return found


def _labels(dag: Dag) -> set[Value]:
    """Inputs that nobody reads but losses, and these not as their first bottom."""
    inputs = set(dag.inputs)
    readers: dict[Value, list[tuple[DagLayer, int]]] = {value: [] for value in inputs}
    for layer in dag.layers:
        for bottom, source in enumerate(layer.sources):
            if source in inputs:
                readers[source].append((layer, bottom))
    return {
        value
        for value, found in readers.items()
        if found and all(bottom > 0 and layer.type.endswith("Loss") for layer, bottom in found)
    }


def _before_recurrence(dag: Dag) -> set[Value]:
    """Tops that go on into a recurrent layer without being reshaped on the way."""
    found: set[Value] = set()
    for index in range(len(dag.layers) - 1, -1, -1):
        layer = dag.layers[index]
        tops = {(index, top) for top in range(len(layer.tops))}
        if layer.type in RECURRENT_TYPES or (tops & found and layer.type != "Reshape"):
            found.update(layer.sources)
    return found


# -- what they do to the neurons of their bottoms ----------------------------------------------------------------------


def _link(top: _Top) -> _Link:
    """How the neurons of a top come from those of the bottoms."""
    layer = top.layer
    if not layer.bottoms:
        return _Link("other" if layer.type == "Parameter" else "input")
    if not layer.is_shaped or None in layer.bottom_shapes:
        return _Link("other")
    if layer.type in _IDENTITY_TYPES:
        return _Link("identity", (0,))
    return _RULES.get(layer.type, _other)(top)


def _other(top: _Top) -> _Link:
    """Connections end here."""
    return _Link("other")


def _convolution(top: _Top) -> _Link:
    """Each top has its own bottom."""
    axis = top.param.convolution_param.axis % max(len(top.bottom), 1)
    if axis != 1:
        return _Link("other", (top.number,))
    return _Link("weights", (top.number,), {"transposed": top.layer.type == "Deconvolution"})


def _inner_product(top: _Top) -> _Link:
    """Weights, if the axis of the neurons is mixed."""
    param = top.param.inner_product_param
    if param.axis % max(len(top.bottom), 1) != 1:
        return _Link("other")
    return _Link("weights", more={"transposed": param.transpose})


def _pooling(top: _Top) -> _Link:
    """Channel by channel; a second top holds places."""
    return _Link("identity" if top.number == 0 else "other")


def _batch_norm(top: _Top) -> _Link:
    """A factor from the running statistics; the batch's own only change sizes."""
    param = top.param.batch_norm_param
    if param.HasField("use_global_stats") and not param.use_global_stats:
        return _Link("identity")
    return _Link("scale", more={"epsilon": param.eps})


def _scale(top: _Top) -> _Link:
    """A learned factor for each neuron, or one for all."""
    layer = top.layer
    if len(layer.bottoms) > 1:
        return _Link("other")
    is_scalar = not layer.params[0].shape
    axis = top.param.scale_param.axis % max(len(top.bottom), 1)
    return _Link("scale" if is_scalar or axis == 1 else "other")


def _bias(top: _Top) -> _Link:
    """Something is added, as a rule learned."""
    return _Link("identity" if len(top.layer.bottoms) == 1 else "other")


def _power(top: _Top) -> _Link:
    """A factor where the power is 1."""
    param = top.param.power_param
    if param.power == 1:
        return _Link("sum", more={"coefficients": (float(param.scale),)})
    return _Link("identity")


def _eltwise(top: _Top) -> _Link:
    """A sum with coefficients; products and maxima are no linear thing."""
    param = top.param.eltwise_param
    if param.operation != schema.EltwiseParameter.SUM:
        return _Link("other")
    coefficients = tuple(float(c) for c in param.coeff) or (1.0,) * len(top.layer.bottoms)
    return _Link("sum", more={"coefficients": coefficients})


def _concat(top: _Top) -> _Link:
    """One bottom behind the other, if along the axis of the neurons."""
    param = top.param.concat_param
    axis = param.concat_dim if param.HasField("concat_dim") else param.axis
    return _Link("concat" if axis % max(len(top.bottom), 1) == 1 else "other")


def _slice(top: _Top) -> _Link:
    """A part of the neurons, or of the positions."""
    param = top.param.slice_param
    axis = (param.slice_dim if param.HasField("slice_dim") else param.axis) % max(len(top.bottom), 1)
    if axis == 1:
        before = top.layer.top_shapes[: top.number]
        return _Link("slice", more={"offset": sum(shape[1] for shape in before if shape is not None)})
    return _Link("identity" if axis > 1 else "other")


def _crop(top: _Top) -> _Link:
    """A part of the first bottom; of the second only the shape counts."""
    param = top.param.crop_param
    axis = param.axis % max(len(top.bottom), 1)
    if axis > 1:
        return _Link("identity", (0,))
    if axis < 1:
        return _Link("other", (0,))
    return _Link("slice", (0,), {"offset": param.offset[0] if param.offset else 0})


def _reshaped(top: _Top) -> _Link:
    """Flatten and Reshape: positions become neurons, or nothing happens to the neurons."""
    before, after = top.bottom, top.shape
    if len(before) < 2 or len(after) < 2 or before[0] != after[0]:
        return _Link("other")
    if before[1] == after[1]:
        return _Link("identity")
    n_positions = math.prod(before[2:])
    if after[1] == before[1] * n_positions:
        return _Link("repeat", more={"factor": n_positions})
    return _Link("other")


def _tile(top: _Top) -> _Link:
    """Positions are repeated, or neurons."""
    return _Link("identity" if top.param.tile_param.axis % max(len(top.bottom), 1) > 1 else "other")


_RULES: dict[str, Callable[[_Top], _Link]] = {
    "BatchNorm": _batch_norm,
    "Bias": _bias,
    "Concat": _concat,
    "Convolution": _convolution,
    "Crop": _crop,
    "Deconvolution": _convolution,
    "Eltwise": _eltwise,
    "Flatten": _reshaped,
    "InnerProduct": _inner_product,
    "Pooling": _pooling,
    "Power": _power,
    "Reshape": _reshaped,
    "Scale": _scale,
    "Slice": _slice,
    "Tile": _tile,
}
