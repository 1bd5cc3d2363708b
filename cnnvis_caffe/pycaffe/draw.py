"""The module ``caffe.draw``: pictures of networks as graphs, by pydot and Graphviz."""

from __future__ import annotations

import shutil
from typing import Any

from cnnvis_caffe.errors import DrawingError, MissingDependencyError
from cnnvis_caffe.files.atomic import write_bytes
from cnnvis_caffe.pycaffe.proto import caffe_pb2

LAYER_STYLE_DEFAULT = {"shape": "record", "fillcolor": "#6495ED", "style": "filled"}
NEURON_LAYER_STYLE = {"shape": "record", "fillcolor": "#90EE90", "style": "filled"}
BLOB_STYLE = {"shape": "octagon", "fillcolor": "#E0E0E0", "style": "filled"}

_COLOR_BY_TYPE = {
    "Convolution": "#FF5050",
    "Deconvolution": "#FF5050",
    "Pooling": "#FF9900",
    "InnerProduct": "#CC33FF",
}
_LEARNING_LAYERS = ("Convolution", "Deconvolution", "InnerProduct")


def _import_pydot() -> Any:
    """Return pydotplus or pydot, whichever is there."""
    try:
        import pydotplus

        return pydotplus
    except ImportError:
        pass
    try:
        import pydot
    except ImportError as error:
        raise MissingDependencyError("pydot", "figures", "drawing a network") from error
    return pydot


def get_pooling_types_dict() -> dict[int, str]:
    """Return the names of pooling methods by number: ``{0: "MAX", 1: "AVE", 2: "STOCHASTIC"}``."""
    methods = caffe_pb2.PoolingParameter.PoolMethod.DESCRIPTOR
    return {value.number: value.name for value in methods.values}


def get_edge_label(layer: Any) -> str:
    """Return the label of the edges from a layer to its tops: its number of outputs, or its batch size."""
    if layer.type == "Data":
        return f"Batch {layer.data_param.batch_size}"
    if layer.type in ("Convolution", "Deconvolution"):
        return str(layer.convolution_param.num_output)
    if layer.type == "InnerProduct":
        return str(layer.inner_product_param.num_output)
    return '""'


def get_layer_lr_mult(layer: Any) -> tuple[float, float]:
    """Return the learning rate multipliers of a layer.

    Parameters
    ----------
    layer : caffe_pb2.LayerParameter
        Convolution, Deconvolution or InnerProduct layer.

    Returns
    -------
    weights, biases : float
        1 where the layer does not say.

    Raises
    ------
    ValueError
        If the layer is of another type, or has more than two entries.
    """
    if layer.type not in _LEARNING_LAYERS:
        raise ValueError(f"{layer.type} layers do not have a learning rate multiplier")
    multipliers = [param.lr_mult for param in layer.param]
    if len(multipliers) > 2:
        raise ValueError(
            f"Could not parse the learning rate multiplier: layer {layer.name!r} has {len(multipliers)} "
            f"entries 'param', at most 2 are allowed"
        )
    weights, biases = multipliers + [1.0] * (2 - len(multipliers))
    return weights, biases


def get_layer_label(layer: Any, rankdir: str, display_lrm: bool = False) -> str:
    """Return the label of a layer's node: name, type and what its window does.

    Parameters
    ----------
    layer : caffe_pb2.LayerParameter
        Layer.
    rankdir : {"LR", "TB", "BT"}
        Direction of the graph; "TB" and "BT" give labels of one line.
    display_lrm : bool, default=False
        Add the learning rate multipliers.

    Returns
    -------
    str
        In double quotes, without which Graphviz would take colons for ports.
    """
    separator = " " if rankdir in ("TB", "BT") else r"\n"
    pool, window = layer.pooling_param, layer.convolution_param
    lines = [layer.name, f"({layer.type})"]
    if layer.type == "Pooling":
        lines[1] = f"({layer.type} {get_pooling_types_dict()[pool.pool]})"
        lines += _window_lines(pool.kernel_size, pool.stride, pool.pad)
    elif layer.type in ("Convolution", "Deconvolution"):
        lines += _window_lines(
            window.kernel_size[0] if window.kernel_size else 1,
            window.stride[0] if window.stride else 1,
            window.pad[0] if window.pad else 0,
        )
    if display_lrm and layer.type in _LEARNING_LAYERS:
        weights, biases = get_layer_lr_mult(layer)
        if weights or biases:
            lines.append(f"lr mult: {weights:.1f}, {biases:.1f}")
    return f'"{separator.join(lines)}"'


def _window_lines(kernel_size: int, stride: int, pad: int) -> list[str]:
    """Return the lines of a label that describe a window."""
    return [f"kernel size: {kernel_size}", f"stride: {stride}", f"pad: {pad}"]


def choose_color_by_layertype(layertype: str) -> str:
    """Return the colour of a layer's node, as #RRGGBB."""
    return _COLOR_BY_TYPE.get(layertype, "#6495ED")


def get_pydot_graph(
    caffe_net: Any,
    rankdir: str,
    label_edges: bool = True,
    phase: int | None = None,
    display_lrm: bool = False,
) -> Any:
    """Return a network as a graph with a node for each layer and each blob.

    Parameters
    ----------
    caffe_net : caffe_pb2.NetParameter
        Network; splits are not inserted.
    rankdir : {"LR", "TB", "BT"}
        Direction of the graph.
    label_edges : bool, default=True
        Label the edges to tops.
    phase : {caffe_pb2.TRAIN, caffe_pb2.TEST}, optional
        Leave out the layers that are not in this phase; stages and levels are not considered.
    display_lrm : bool, default=False
        Show learning rate multipliers.

    Returns
    -------
    pydot.Dot

    Raises
    ------
    MissingDependencyError
        If neither pydotplus nor pydot is installed.
    ValueError
        If a layer has both ``include`` and ``exclude`` rules.
    """
    pydot = _import_pydot()
    graph = pydot.Dot(caffe_net.name or "Net", graph_type="digraph", rankdir=rankdir)
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str, str]] = []
    for layer in caffe_net.layer:
        if phase is not None and not _is_in_phase(layer, phase):
            continue
        layer_key = f"{layer.name}_{layer.type}"
        in_place = len(layer.bottom) == len(layer.top) == 1 and layer.bottom[0] == layer.top[0]
        style = dict(LAYER_STYLE_DEFAULT, fillcolor=choose_color_by_layertype(layer.type))
        label = get_layer_label(layer, rankdir, display_lrm=display_lrm)
        nodes[layer_key] = pydot.Node(label, **(NEURON_LAYER_STYLE if in_place else style))
        for blob in layer.bottom:
            nodes[f"{blob}_blob"] = pydot.Node(blob, **BLOB_STYLE)
            edges.append((f"{blob}_blob", layer_key, '""'))
        for blob in layer.top:
            # Caffe quirk: a blob is drawn as the last layer that names it leaves it; tops have no style.
            nodes[f"{blob}_blob"] = pydot.Node(blob)
            edges.append((layer_key, f"{blob}_blob", get_edge_label(layer) if label_edges else '""'))
    for node in nodes.values():
        graph.add_node(node)
    for source, destination, edge_label in edges:
        graph.add_edge(pydot.Edge(nodes[source], nodes[destination], label=edge_label))
    return graph


def _is_in_phase(layer: Any, phase: int) -> bool:
    """Return whether a layer's rules, of which only the phases count, let it into a phase."""
    if layer.include and layer.exclude:
        raise ValueError(f"layer {layer.name} has both include and exclude specified.")
    if layer.include:
        return any(rule.phase == phase for rule in layer.include)
    return all(rule.phase != phase for rule in layer.exclude)


def draw_net(
    caffe_net: Any, rankdir: str, ext: str = "png", phase: int | None = None, display_lrm: bool = False
) -> bytes:
    """Draw a network.

    Parameters
    ----------
    caffe_net, rankdir
        As for `get_pydot_graph`.
    ext : str, default="png"
        Format, as Graphviz calls it; "raw" gives the graph as text.
    phase, display_lrm
        As for `get_pydot_graph`.

    Returns
    -------
    bytes
        Content of an image file.

    Raises
    ------
    MissingDependencyError
        If neither pydotplus nor pydot is installed, or Graphviz is not.
    DrawingError
        If Graphviz cannot draw it in that format.
    """
    graph = get_pydot_graph(caffe_net, rankdir, phase=phase, display_lrm=display_lrm)
    if ext == "raw":
        return graph.to_string().encode()
    failures = (AssertionError, getattr(_import_pydot(), "InvocationException", AssertionError))
    try:
        return graph.create(format=ext)
    except (OSError, *failures) as error:
        if shutil.which(graph.prog if isinstance(graph.prog, str) else "dot") is None:
            raise MissingDependencyError("graphviz (of the system)", "figures", "drawing a network") from error
        raise DrawingError(
            f"Graphviz cannot write {ext!r}; give png, svg, pdf, jpg or another format that 'dot -T' lists, or raw"
        ) from error


def draw_net_to_file(
    caffe_net: Any, filename: str, rankdir: str = "LR", phase: int | None = None, display_lrm: bool = False
) -> None:
    """Draw a network into a file, in the format that the file's extension says.

    Parameters
    ----------
    caffe_net : caffe_pb2.NetParameter
        Network.
    filename : str
        File to write.
    rankdir, phase, display_lrm
        As for `get_pydot_graph`.
    """
    image = draw_net(caffe_net, rankdir, filename.rpartition(".")[2], phase, display_lrm)
    write_bytes(filename, image)
