"""Says where a network gives its answer, and what kind of answer that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnvis_caffe.errors import NetError, UnknownNameError
from cnnvis_caffe.network.answers import find_answers
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.network.feeding import test_layers
from cnnvis_caffe.records.dag import Dag
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.prediction import ANSWERS, BOXES, CLASSES, LABELS, NUMBERS, PIXELS, Answer
from cnnvis_caffe.records.task import EMBEDDING


def find_answer(
    dag: Dag, *, output: str = "", task: str = "", training: Sequence[NetworkFile] = ()
) -> Answer:
    """Find the answer of a network that is ready to be used.

    Parameters
    ----------
    dag : Dag
        Of a network without losses, with shapes.
    output : str, default=""
        The blob, where the user names it.
    task : {"", "classes", "labels", "numbers", "pixels", "boxes"}
        The kind, where the user says it.
    training : sequence of NetworkFile, optional
        Networks with the same layers, whose losses say what an output means.

    Returns
    -------
    Answer
        Of several outputs the one with boxes, else the last one.

    Raises
    ------
    NetError
        If the network has no output, or its shape is not known.
    UnknownNameError
        If there is no output of that name.
    """
    if task and task not in ANSWERS:
        raise UnknownNameError("task", task, ANSWERS)
    outputs = [(value, dag.blob_name(value)) for value in dag.outputs]
    if not outputs:
        raise NetError(f"{dag.path}: has no output; give a network that ends in its scores")
    names = [name for _, name in outputs]
    if output and output not in names:
        raise UnknownNameError("output", output, names)
    chosen = [one for one in outputs if one[1] == output] if output else outputs
    with_boxes = [one for one in chosen if facts_of(dag.layers[one[0][0]].type).gives_boxes]
    value, name = (with_boxes or chosen[-1:])[0]
    layer, shape = dag.layers[value[0]], dag.shape(value)
    if shape is None:
        why = dag.problems[0] if dag.problems else "give the shapes of the inputs (--input-shape)"
        raise NetError(f"{dag.path}: the shape of the output {name!r} is not known: {why}")
    found = replace(_answer(layer.type, name, shape, training), shape=shape)
    if len(outputs) > 1 and not output:
        others = ", ".join(other for other in names if other != name)
        found = replace(found, note="; ".join(filter(None, (found.note, f"other outputs: {others} (--output)"))))
    return _as_asked(found, task) if task and task != found.kind else found


def _answer(kind: str, name: str, shape: Sequence[int], training: Sequence[NetworkFile]) -> Answer:
    """By the layer that writes the output, else by the loss that reads it in training."""
    is_map = len(shape) == 4 and shape[2] * shape[3] > 1
    if facts_of(kind).gives_boxes:
        return Answer(BOXES, name)
    if kind == "Softmax":
        return Answer(PIXELS if is_map else CLASSES, name, is_probability=True)
    if kind == "Sigmoid" and not is_map and any(map(_copies_its_images, training)):
        return Answer(NUMBERS, name, note=f"{name} is the image as the network has it again: it was trained to copy it")
    if kind == "Sigmoid":
        return Answer(PIXELS if is_map else LABELS, name, is_probability=True)
    if kind == "ArgMax":
        return Answer(PIXELS if is_map else CLASSES, name, is_index=True)
    if is_map:
        return Answer(PIXELS, name)
    loss = _loss_of(name, training)
    facts = facts_of(loss)
    if facts.task:
        # Pairs and embeddings answer with numbers, as far as one image goes.
        kind_of_answer = facts.task if facts.task in ANSWERS else NUMBERS
        return Answer(kind_of_answer, name, facts.probabilities, is_probability=bool(facts.probabilities))
    return Answer(
        NUMBERS,
        name,
        note=f"{name} comes from a layer of type {kind}, and nothing says what it means: its numbers are shown; "
        "--task classes takes them for scores of classes",
    )


def _copies_its_images(network: NetworkFile) -> bool:
    """Whether the losses of a network compare with its own images, as those of an autoencoder do."""
    layers = test_layers(network)
    images = next((layer.top[0] for layer in layers.message.layer if not layer.bottom and layer.top), "")
    found = find_answers(layers, images)
    return found.task is EMBEDDING and found.is_certain


def _loss_of(blob: str, training: Sequence[NetworkFile]) -> str:
    """The type of the loss that reads a blob first."""
    layers: list[Any] = [layer for network in training for layer in network.message.layer]
    losses = (layer for layer in layers if layer.type.endswith("Loss"))
    return next((layer.type for layer in losses if list(layer.bottom[:1]) == [blob]), "")


def _as_asked(answer: Answer, task: str) -> Answer:
    """Take an output for what the user says it is."""
    if BOXES in (task, answer.kind) or (task == PIXELS and len(answer.shape) != 4):
        shape = "x".join(map(str, answer.shape))
        raise NetError(f"the output {answer.blob!r} ({shape}) cannot be taken for {task}; it is of {answer.kind}")
    function = "" if answer.is_probability else {CLASSES: "softmax", LABELS: "sigmoid"}.get(task, "")
    return replace(
        answer, kind=task, function=function, is_probability=answer.is_probability or bool(function), note=""
    )
