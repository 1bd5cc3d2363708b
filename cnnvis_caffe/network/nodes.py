"""Lists the nodes of an analysis net: which tops have neurons, and how these come from the neurons before."""

from __future__ import annotations

import logging
import math

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.network.facts.neuron_links import NeuronLink, NodeTop
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.records.analysis import Node
from cnnvis_caffe.records.dag import Dag, DagLayer, Value
from cnnvis_caffe.records.network_file import NetworkFile

logger = logging.getLogger(__name__)


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
            top = NodeTop(layer, param, number)
            link = _link(top)
            used = range(len(layer.sources)) if link.bottoms is None else link.bottoms
            sources = tuple(names[layer.sources[i]] for i in used)
            reason = without_neurons.get(value, "")
            if reason:
                logger.info("%s (%s) is left out of the analysis: %s", names[value], layer.type, reason)
            role = "input" if link.kind == "input" else facts_of(layer.type).role
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
        facts = facts_of(layer.type)
        for number in range(len(layer.tops)):
            value = index, number
            shape = dag.shape(value)
            if shape is None:
                found[value] = "its shape is not known"
            elif value in labels:
                found[value] = "it holds labels"
            elif value in timed:
                found[value] = "its first axis is time"
            elif facts.no_neurons(shape, number):
                found[value] = facts.no_neurons(shape, number)
            elif len(shape) < 2 or any(layer.loss_weights[number : number + 1]):
                found[value] = "it has no axis of neurons"
            elif n_images is not None and shape[0] != n_images:
                found[value] = f"its first axis, of length {shape[0]}, is not that of the {n_images} images"
            elif not math.prod(shape):
                found[value] = "it holds no values"
            elif not facts.has_axes_of_its_own:
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
        if found and all(bottom > 0 and facts_of(layer.type).is_loss for layer, bottom in found)
    }


def _before_recurrence(dag: Dag) -> set[Value]:
    """Tops that go on into a recurrent layer without being reshaped on the way."""
    found: set[Value] = set()
    for index in range(len(dag.layers) - 1, -1, -1):
        layer = dag.layers[index]
        tops = {(index, top) for top in range(len(layer.tops))}
        if facts_of(layer.type).is_recurrent or (tops & found and layer.type != "Reshape"):
            found.update(layer.sources)
    return found


def _link(top: NodeTop) -> NeuronLink:
    """How the neurons of a top come from those of the bottoms."""
    layer = top.layer
    if not layer.bottoms:
        return NeuronLink("other" if layer.type == "Parameter" else "input")
    if not layer.is_shaped or None in layer.bottom_shapes:
        return NeuronLink("other")
    return facts_of(layer.type).link(top)
