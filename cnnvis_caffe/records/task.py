"""The tasks that networks are trained for: what they answer, and what the columns of a matrix are."""

from __future__ import annotations

from dataclasses import dataclass

from cnnvis_caffe.errors import UnknownNameError


@dataclass(frozen=True)
class Task:
    """A kind of answer that a network gives.

    Attributes
    ----------
    name : str
        As ``--task`` takes it.
    title : str
        In a few words.
    column, columns : str
        What a column of an activation matrix stands for where the data say what is right: "class", "classes".
    error : str
        What the error counts; empty where answers are not right or wrong.
    loss : str
        Type of the loss that a network without one gets on its score; empty for none.
    labels : tuple of str
        Kinds of annotations that say what is right: see `records.annotations`.
    """

    name: str
    title: str
    column: str
    columns: str
    error: str
    loss: str
    labels: tuple[str, ...]


CLASSES = Task(
    name="classes",
    title="one class of many",
    column="class",
    columns="classes",
    error="share of images whose largest score is not that of their class",
    loss="SoftmaxWithLoss",
    labels=("class",),
)
LABELS = Task(
    name="labels",
    title="several labels at once",
    column="label",
    columns="labels",
    error="share of all labels of all images that are wrong",
    loss="SigmoidCrossEntropyLoss",
    labels=("several",),
)
SCORE = Task(
    name="score",
    title="one score, yes or no",
    column="answer",
    columns="answers",
    error="share of images on the wrong side of a score of 0",
    loss="SigmoidCrossEntropyLoss",
    labels=("class", "several"),
)
NUMBERS = Task(
    name="numbers",
    title="numbers",
    column="target",
    columns="targets",
    error="",
    loss="EuclideanLoss",
    labels=("numbers",),
)
PIXELS = Task(
    name="pixels",
    title="a class for each pixel",
    column="class",
    columns="classes",
    error="share of pixels whose largest score is not that of their class",
    loss="SoftmaxWithLoss",
    labels=("mask",),
)
BOXES = Task(
    name="boxes",
    title="boxes of objects",
    column="group",
    columns="groups",
    error="",
    loss="",
    labels=(),
)
PAIRS = Task(
    name="pairs",
    title="pairs, same or different",
    column="kind of pair",
    columns="kinds of pairs",
    error="share of pairs on the wrong side of half the margin",
    loss="",
    labels=("class",),
)
EMBEDDING = Task(
    name="embedding",
    title="an embedding, without right answers",
    column="group",
    columns="groups",
    error="",
    loss="",
    labels=(),
)

#: By name.
TASKS = {task.name: task for task in (CLASSES, LABELS, SCORE, NUMBERS, PIXELS, BOXES, PAIRS, EMBEDDING)}


def task_named(name: str) -> Task:
    """Return a task by its name; UnknownNameError with the names if there is none."""
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    return TASKS[name]
