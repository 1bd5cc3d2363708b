"""Rewrites a network for an analysis: one blob for each layer, nothing in place, gradients everywhere."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cnnvis_caffe.errors import CaffeQuirkWarning, NetError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.facts.layer_facts import LayerFacts
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.network.names import find_value, free_name, value_names
from cnnvis_caffe.records.dag import Dag, DagLayer, Value
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.task import PAIRS
from cnnvis_caffe.runtime.filter_net import network_of_phase

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AddedLoss:
    """A loss that a network gets for its analysis, with an input for its labels.

    Attributes
    ----------
    type : str
        Caffe's; empty for no loss.
    answers : tuple of str
        Layers or blobs with what it judges; the score if empty.
    settings : LayerParameter or None
        A layer whose settings it takes over.
    ignored_label : int or None
        The label that does not count.
    """

    type: str
    answers: tuple[str, ...] = ()
    settings: Any = None
    ignored_label: int | None = None


NO_LOSS = AddedLoss("")


def analysis_network(
    network: NetworkFile,
    stages: Sequence[str] = (),
    *,
    score: str | None = None,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    loss: AddedLoss | None = None,
) -> NetworkFile:
    """Rewrite a network so that what every layer reads and writes can be seen, with gradients.

    Parameters
    ----------
    network : NetworkFile
    stages : sequence of str, optional
        For the layers' stage rules.
    score : str, optional
        Name of the layer or blob with the scores of the classes, where it is not what `find_score` finds.
    input_shapes : mapping of str to tuple of int, optional
        Shapes of tops of layers that cannot give them.
    loss : AddedLoss, optional
        That it gets, or none; a SoftmaxWithLoss on the score if left out, where the network has no loss.

    Returns
    -------
    NetworkFile
        The TEST phase of the network, without Accuracy, ArgMax and Silence and what depends on them. Every layer
        writes blobs of its own: the first has the layer's name, further ones ``<layer>:<top>``; inputs keep the
        name of their blob. A loss that is the sum over a batch becomes the mean over its images. A loss that is added
        is fed by an input of labels.

    Raises
    ------
    NetError
        If the network has no loss and no score can be found.
    LayerError
        If a layer is not as Caffe allows it.

    Notes
    -----
    What it computes is what the given network computes. Where Caffe gets an in-place layer wrong (Eltwise SUM, LRN
    across channels), it computes what was meant, and a warning is logged.
    """
    kept = _kept_layers(network, stages)
    with warnings.catch_warnings():
        # What Caffe gets wrong in place is of no interest: nothing stays in place.
        warnings.simplefilter("ignore", CaffeQuirkWarning)
        dag = build_dag(kept, "TEST", 0, stages, input_shapes=input_shapes)
    names = value_names(dag)
    message = type(network.message)()
    message.name = network.message.name
    message.force_backward = True
    for index, (dag_layer, layer) in enumerate(zip(dag.layers, kept.message.layer)):
        renamed = message.layer.add()
        renamed.CopyFrom(layer)
        renamed.bottom[:] = [names[source] for source in dag_layer.sources]
        renamed.top[:] = [names[index, top] for top in range(len(dag_layer.tops))]
        _mean_over_images(renamed)
        _warn_of_quirk(dag_layer)
    has_loss = any(any(layer.loss_weights) for layer in dag.layers)
    if loss is not None and loss.type:
        answers = [find_value(dag, name) for name in loss.answers] or [_score(dag, network.path, score)]
        _add_loss(message, dag, names, answers, loss)
        _mean_over_images(message.layer[-1])
    elif loss is None and not has_loss:
        _add_loss(message, dag, names, [_score(dag, network.path, score)], AddedLoss("SoftmaxWithLoss"))
    return replace(network, message=message)


def find_score(dag: Dag) -> Value | None:
    """Return the top that holds the scores of the classes.

    Parameters
    ----------
    dag : Dag

    Returns
    -------
    Value or None
        What the last Softmax or SoftmaxWithLoss reads, else what the last InnerProduct writes; None if there is
        neither.
    """
    for index in range(len(dag.layers) - 1, -1, -1):
        if facts_of(dag.layers[index].type).reads_scores:
            return dag.layers[index].sources[0]
    for index in range(len(dag.layers) - 1, -1, -1):
        if dag.layers[index].type == "InnerProduct":
            return index, 0
    return None


def _kept_layers(network: NetworkFile, stages: Sequence[str]) -> NetworkFile:
    """The layers of the TEST phase but for those that are dropped, and those that need a dropped one."""
    message = network_of_phase(network, schema.TEST, stages=stages)
    result = type(message)()
    result.name = message.name
    missing: set[str] = set()
    for layer in message.layer:
        if not facts_of(layer.type).is_analysed or missing.intersection(layer.bottom):
            missing.update(set(layer.top) - set(layer.bottom))
            logger.info("layer %r (%s) is left out of the analysis", layer.name, layer.type)
            continue
        added = result.layer.add()
        added.CopyFrom(layer)
        # The rules have done their work, and the state that they ask for is not written here.
        del added.include[:], added.exclude[:]
    return replace(network, message=result)


def _mean_over_images(layer: Any) -> None:
    """Let a loss that is the sum over a batch be its mean: how the images are cut into batches must not matter."""
    if layer.loss_param.normalization == schema.LossParameter.NONE:
        layer.loss_param.normalization = schema.LossParameter.BATCH_SIZE


def _warn_of_quirk(layer: DagLayer) -> None:
    """Say where the rewritten layer gives other numbers than Caffe gives in place."""
    if facts_of(layer.type).is_wrong_in_place and layer.tops and layer.is_in_place(0):
        logger.warning(
            "layer %r (%s) works in place, which Caffe gets wrong; the analysis computes what was meant",
            layer.name,
            layer.type,
        )


def _score(dag: Dag, path: str, name: str | None) -> Value:
    """The score that was asked for, or the one that is found."""
    if name is not None:
        return find_value(dag, name)
    score = find_score(dag)
    if score is None:
        raise NetError(
            f"{path}: has no loss, no Softmax and no InnerProduct, so that it is not clear where the scores of the "
            "classes are; name the layer that gives them"
        )
    return score


def _add_loss(
    message: Any, dag: Dag, names: dict[Value, str], answers: Sequence[Value], wanted: AddedLoss
) -> None:
    """Put labels in front and a loss at the end."""
    shape = dag.shape(answers[0])
    if shape is None:
        why = dag.problems[0] if dag.problems else "give the shapes of the inputs"
        raise NetError(f"{dag.path}: the shape of the score {names[answers[0]]!r} is not known: {why}")
    taken = set(names.values()) | {layer.name for layer in dag.layers}
    label, loss = free_name("label", taken), free_name("loss", taken)
    axis = _class_axis(message, names[answers[0]], len(shape))
    added = message.layer.add()
    if wanted.settings is not None:
        added.CopyFrom(wanted.settings)
        del added.propagate_down[:]
    added.name, added.type = loss, wanted.type
    added.bottom[:] = [*(names[answer] for answer in answers), label]
    added.top[:] = [loss]
    if axis != 1 and wanted.type == "SoftmaxWithLoss":
        added.softmax_param.axis = axis
    if wanted.ignored_label is not None and not added.loss_param.HasField("ignore_label"):
        added.loss_param.ignore_label = wanted.ignored_label
    # Inputs come first; protobuf has no insert that all versions know.
    layers = [type(layer).FromString(layer.SerializePartialToString()) for layer in message.layer]
    source = type(added)(name=label, type="Input", top=[label])
    source.input_param.shape.add().dim[:] = _label_shape(facts_of(wanted.type), shape, axis)
    last_input = max((i for i, layer in enumerate(dag.layers) if not layer.bottoms), default=-1)
    first = next((i for i, layer in enumerate(layers) if layer.bottom), last_input + 1)
    del message.layer[:]
    message.layer.extend([*layers[:first], source, *layers[first:]])


def _label_shape(loss: LayerFacts, shape: Sequence[int], axis: int) -> list[int]:
    """The shape of the labels that a loss compares a score with."""
    if loss.task == PAIRS.name:
        return [shape[0]]
    return [*shape[:axis], *shape[axis + 1 :]] if loss.second_bottom == "classes" else list(shape)


def _class_axis(message: Any, score: str, n_axes: int) -> int:
    """The axis of the classes in a score: what its Softmax says, else 1."""
    softmaxes = (layer for layer in message.layer if layer.type == "Softmax" and list(layer.bottom) == [score])
    return next((layer.softmax_param.axis for layer in softmaxes), 1) % max(n_axes, 1)
