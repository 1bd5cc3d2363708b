"""Finds the task that a network was trained for: by its losses, else by how it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cnnvis_caffe.errors import NetError, UnknownLayerError
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.task import BOXES, CLASSES, EMBEDDING, LABELS, PIXELS, SCORE, TASKS, Task

#: Tasks that share the losses of another one.
_SIBLINGS = {SCORE.name: LABELS, PIXELS.name: CLASSES}


@dataclass(frozen=True)
class NetworkLoss:
    """A loss of a network.

    Attributes
    ----------
    layer, type : str
    answers : tuple of str
        What it judges, by the names that an analysis gives: that of the layer that writes it. Two for pairs.
    labels : str
        The blob from outside that it compares with; empty where it compares with something made of the images.
    weight : float
    """

    layer: str
    type: str
    answers: tuple[str, ...]
    labels: str
    weight: float


@dataclass(frozen=True)
class Answers:
    """What a network answers.

    Attributes
    ----------
    task : Task
    why : str
        What says so, in words.
    loss : NetworkLoss or None
        The one that counts.
    score : str
        Name of what holds the answers; empty where that is to be found, or where there is none.
    others : tuple of str
        Losses that do not count.
    is_certain : bool
        Whether the network says it.
    """

    task: Task
    why: str
    loss: NetworkLoss | None = None
    score: str = ""
    others: tuple[str, ...] = ()
    is_certain: bool = True


@dataclass(frozen=True)
class _Made:
    """How the first top of a layer is made: of what, and of which blobs from outside."""

    name: str
    layer: Any
    below: tuple[_Made, ...]
    inputs: frozenset[str]


def find_answers(network: NetworkFile, image_blob: str, wanted: Task | None = None) -> Answers:
    """Find what a network answers.

    Parameters
    ----------
    network : NetworkFile
        The layers of its TEST phase.
    image_blob : str
        That holds the images.
    wanted : Task, optional
        That the user names; the network is not asked then.

    Returns
    -------
    Answers
        Of the loss with the largest weight; of equal ones that of classes, else the last one. Without a loss, of
        what the network ends with.
    """
    made = list(_blobs(network))
    losses = [loss for loss in _losses(made, image_blob) if facts_of(loss.type).task]
    if wanted is not None:
        meant = _SIBLINGS.get(wanted.name, wanted)
        losses = [loss for loss in losses if _task_of(loss) is meant]
        return _of_losses(losses, wanted) or _of_the_end(made, wanted) or Answers(wanted, "as you said")
    boxes = next((one.layer.type for one in made if facts_of(one.layer.type).handles_boxes), "")
    if boxes:
        return Answers(BOXES, f"layers of the type {boxes}")
    labelled = [loss for loss in losses if loss.labels]
    found = _of_losses([loss for loss in labelled if loss.weight] or labelled, None)
    if found is not None:
        return found
    if losses:
        return Answers(EMBEDDING, f"its loss ({losses[-1].type}) compares with the images themselves")
    return _of_the_end(made, None) or Answers(EMBEDDING, "no loss and no Softmax says more", is_certain=False)


def keep_until(network: NetworkFile, names: Sequence[str]) -> NetworkFile:
    """Return the layers that some layers or blobs depend on, and these; what comes after them is cut off.

    Parameters
    ----------
    network : NetworkFile
        The layers of one phase.
    names : sequence of str
        Of layers or blobs; a blob means its last writer.

    Returns
    -------
    NetworkFile

    Raises
    ------
    UnknownLayerError
        If there is neither a layer nor a blob of a name.
    """
    layers = network.message.layer
    needed: set[str] = set()
    ends: set[int] = set()
    for name in names:
        found = [i for i, layer in enumerate(layers) if layer.name == name]
        found = found or [i for i, layer in enumerate(layers) if name in layer.top][-1:]
        if not found:
            raise UnknownLayerError(name, [layer.name for layer in layers])
        ends.update(found)
    kept: list[Any] = []
    for index in range(len(layers) - 1, -1, -1):
        layer = layers[index]
        if index in ends or needed.intersection(layer.top):
            needed.difference_update(set(layer.top) - set(layer.bottom))
            needed.update(layer.bottom)
            kept.append(layer)
    return _with_layers(network, kept[::-1])


def without_layers(network: NetworkFile, dropped: Sequence[str]) -> NetworkFile:
    """Return a network without some layers, what depends on them, and inputs that nobody reads any more.

    Parameters
    ----------
    network : NetworkFile
        The layers of one phase.
    dropped : sequence of str
        Names of layers.
    """
    kept: list[Any] = []
    missing: set[str] = set()
    for layer in network.message.layer:
        if layer.name in dropped or missing.intersection(layer.bottom):
            missing.update(set(layer.top) - set(layer.bottom))
        else:
            missing.difference_update(layer.top)
            kept.append(layer)
    return _with_layers(network, kept)


def _with_layers(network: NetworkFile, layers: Sequence[Any]) -> NetworkFile:
    """The same network with some of its layers."""
    message = type(network.message)(name=network.message.name)
    for layer in layers:
        message.layer.add().CopyFrom(layer)
    return replace(network, message=message)


def _task_of(loss: NetworkLoss) -> Task:
    """The task that a loss means."""
    return TASKS[facts_of(loss.type).task]


def _blobs(network: NetworkFile) -> Iterator[_Made]:
    """How each layer's first top is made, in the order in which they run."""
    made: dict[str, _Made] = {}
    for layer in network.message.layer:
        below = tuple(made[blob] for blob in layer.bottom if blob in made)
        inputs = frozenset(name for one in below for name in one.inputs)
        yield _Made(layer.name, layer, below, inputs)
        for number, top in enumerate(layer.top):
            name = top if not layer.bottom else layer.name if number == 0 else f"{layer.name}:{top}"
            made[top] = _Made(name, layer, below, inputs if layer.bottom else frozenset([top]))


def _losses(made: Sequence[_Made], image_blob: str) -> Iterator[NetworkLoss]:
    """The losses of a network."""
    for one in made:
        if not one.layer.type.endswith("Loss") or len(one.below) < 2:
            continue
        n_answers = 2 if one.layer.type == "ContrastiveLoss" else 1
        target = one.below[min(n_answers, len(one.below) - 1)]
        weights = list(one.layer.loss_weight) or [1.0]
        is_outside = bool(target.inputs) and image_blob not in target.inputs
        yield NetworkLoss(
            one.name,
            one.layer.type,
            tuple(map(_scores_of, one.below[:n_answers])),
            target.name if is_outside else "",
            float(weights[0]),
        )


def _scores_of(one: _Made) -> str:
    """The name of what holds answers, before a Softmax makes shares of them."""
    return one.below[0].name if one.layer.type == "Softmax" and one.below else one.name


def _of_losses(losses: Sequence[NetworkLoss], wanted: Task | None) -> Answers | None:
    """What the loss that counts means."""
    if not losses:
        return None
    largest = max(loss.weight for loss in losses)
    heavy = [loss for loss in losses if loss.weight == largest]
    loss = ([one for one in heavy if _task_of(one) is CLASSES] or heavy)[-1]
    task = wanted or _task_of(loss)
    why = "as you said" if wanted else f"its loss is a {loss.type}"
    return Answers(task, why, loss, loss.answers[0], tuple(one.layer for one in losses if one is not loss))


def _of_the_end(made: Sequence[_Made], wanted: Task | None) -> Answers | None:
    """What the last Softmax, or a Sigmoid at the end, means."""
    read = {below.name for one in made for below in one.below if not one.layer.type.endswith("Loss")}
    ends = (("Softmax", CLASSES, PIXELS), ("Sigmoid", LABELS, SCORE))
    for kind, task, sibling in ends:
        found = [one for one in made if one.layer.type == kind and one.below]
        found = found if kind == "Softmax" else [one for one in found if one.name not in read]
        if found and wanted in (None, task, sibling):
            why = "as you said" if wanted else f"it has a {kind} at its end"
            return Answers(wanted or task, why, score=found[-1].below[0].name)
    return None


def check_task(task: Task, shape: Sequence[int], path: str, score: str) -> None:
    """Raise NetError unless scores of a shape (N, C, ...) can be the answers of a task."""
    n = shape[1] if len(shape) > 1 else 0
    n_positions = 1
    for length in shape[2:]:
        n_positions *= length
    wanted = ""
    if task is SCORE and n * n_positions != 1:
        wanted = "one number an image; for several there is --task labels"
    elif task is PIXELS and n_positions < 2:
        wanted = "scores for many positions"
    elif task in (LABELS, EMBEDDING) or n * n_positions:
        wanted = ""
    else:
        wanted = "numbers for each image"
    if wanted:
        size = "x".join(map(str, shape[1:]))
        raise NetError(f"{path}: {score!r} gives {size} for each image, but the task {task.name!r} takes {wanted}")
