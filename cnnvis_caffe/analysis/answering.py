"""Finds what the network of an analysis answers, and makes the network that is analysed for it."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace

from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.network.answers import Answers, find_answers
from cnnvis_caffe.network.feeding import test_layers
from cnnvis_caffe.network.rewrite import NO_LOSS, AddedLoss
from cnnvis_caffe.network.snapshot import network_of
from cnnvis_caffe.records.annotations import CLASS, MASK, NUMBERS, SEVERAL
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.task import CLASSES, EMBEDDING, LABELS, PAIRS, PIXELS, SCORE, Task, task_named
from cnnvis_caffe.records.task import NUMBERS as NUMBERS_TASK

logger = logging.getLogger(__name__)

#: Where a deploy prototxt's losses stand: files beside it.
_TRAINED_AS = ("train_val.prototxt", "trainval.prototxt", "train_test.prototxt", "train.prototxt")
#: A pixel of no class.
VOID = 255
#: A label that is not known.
UNKNOWN = -1
#: Tasks whose largest score is the network's answer.
_NAMES_ONE = (CLASSES, LABELS, SCORE, PIXELS)


@dataclass(frozen=True)
class Shape:
    """The shape of the answers: so many numbers for each image, at so many positions."""

    n_scores: int = 0
    n_positions: int = 0


def answers_of(request: Request, network: NetworkFile, image_blob: str) -> Answers:
    """Find what a network answers: the user says it, or its losses, its end, or the network that it was trained as.

    Parameters
    ----------
    request : Request
    network : NetworkFile
        That is analysed.
    image_blob : str
        That holds the images.

    Returns
    -------
    Answers

    Raises
    ------
    UnknownNameError
        If the user names a task that there is none of.
    """
    if request.task:
        found = find_answers(network, image_blob, task_named(request.task))
    elif request.until and not request.score:
        return Answers(EMBEDDING, f"the network is cut after {request.until}")
    else:
        found = find_answers(network, image_blob)
        if not found.is_certain:
            found = _as_trained(request) or found
    score = request.score or found.score or (request.until if found.task is not EMBEDDING else "")
    return replace(found, score=score)


def _as_trained(request: Request) -> Answers | None:
    """What the losses of the network say that the weights were trained as, or of one beside the model."""
    folder = os.path.dirname(os.path.abspath(request.model))
    for path in (*request.weights[:1], *(os.path.join(folder, name) for name in _TRAINED_AS)):
        network = _network_at(path)
        if network is None:
            continue
        outside = next((layer.top[0] for layer in network.message.layer if not layer.bottom and layer.top), "")
        found = find_answers(network, outside)
        if found.loss is not None and found.is_certain:
            return replace(found, why=f"{found.why} in {path}")
    return None


def _network_at(path: str) -> NetworkFile | None:
    """The network in a file that may be there."""
    if not os.path.isfile(path):
        return None
    try:
        return test_layers(read_network(path)) if path.endswith(".prototxt") else network_of(read_weights(path))
    except CnnvisError as error:
        logger.info("%s: not asked for the task: %s", path, error)
        return None


def task_with_data(answers: Answers, request: Request, source: ImageSource, shape: Shape) -> Task:
    """Return the task, where the shape of the answers or the labels of the data say more than the network.

    Parameters
    ----------
    answers : Answers
    request : Request
    source : ImageSource
    shape : Shape
        Of the answers.

    Returns
    -------
    Task
    """
    task, kind = answers.task, source.annotations.kind
    if request.task:
        return task
    if not answers.is_certain:
        task = _guessed(task, source, shape)
        if task is not EMBEDDING:
            logger.warning(
                "%s has neither a loss nor a Softmax: its %d answers are taken for %s, as the data have them; if they "
                "are something else, name the task with --task", request.model, shape.n_scores, task.title,
            )  # fmt: skip
        return task
    if task is CLASSES and (kind == MASK or (kind != CLASS and shape.n_positions > 1)):
        return PIXELS
    return SCORE if task is LABELS and shape.n_scores * shape.n_positions == 1 else task


def _guessed(task: Task, source: ImageSource, shape: Shape) -> Task:
    """The task of a network that says nothing of it, by the labels of the data."""
    kind, names = source.annotations.kind, source.class_names
    by_kind = {SEVERAL: LABELS, NUMBERS: NUMBERS_TASK, MASK: PIXELS}
    if source.item == "pair" and kind == CLASS:
        return PAIRS
    if kind == CLASS and shape.n_scores and (not names or len(names) == shape.n_scores):
        return CLASSES
    return by_kind.get(kind, task)


def loss_of(task: Task, answers: Answers, network: NetworkFile) -> AddedLoss:
    """Return the loss of the analysis where the data say what is right: the network's own settings, if it has one.

    Parameters
    ----------
    task : Task
    answers : Answers
    network : NetworkFile
        With its losses.
    """
    own = next((layer for layer in network.message.layer if answers.loss and layer.name == answers.loss.layer), None)
    kind = answers.loss.type if answers.loss else task.loss
    if not kind:
        return NO_LOSS
    ignored = VOID if task is PIXELS else UNKNOWN if task in (LABELS, SCORE) else None
    names = answers.loss.answers if answers.loss and own is not None else ()
    return AddedLoss(kind, names if task is PAIRS else (), own, ignored)


def names_one(task: Task) -> bool:
    """Say whether the largest score of a task is what the network answers."""
    return task in _NAMES_ONE
