"""Chooses the columns of an analysis's matrices, and the images that belong to each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.records.annotations import CLASS, MASK, NO_LABELS, NUMBERS, SEVERAL, Annotations
from cnnvis_caffe.records.task import CLASSES, Task

logger = logging.getLogger(__name__)

#: Kinds of annotations in words.
_IN_WORDS = {
    NO_LABELS: "no labels",
    CLASS: "one class for each image",
    SEVERAL: "several labels for each image",
    NUMBERS: "numbers for each image",
    MASK: "masks",
}
#: Names of the columns of tasks that have two of them.
_TWO = {"score": ("no", "yes"), "pairs": ("different", "same")}


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of the matrices.

    Attributes
    ----------
    task : Task
    names : tuple of str
    column, columns : str
        What one is called, and several.
    are_scores : bool
        Whether each is one of the network's answers.
    members : ndarray of shape (n_images,), int64, or of shape (n_images, n_columns), bool, or None
        The column of each image, -1 for none; or whether it belongs to each. None where masks say it.
    targets : ndarray of shape (n_images, ...), or None
        What is right, as the task's judge takes it; None where nobody knows, and where masks say it.
    is_fallback : bool
        Whether nothing says which images belong together, so that all are in one group.
    """

    task: Task
    names: tuple[str, ...]
    column: str
    columns: str
    are_scores: bool
    members: np.ndarray | None
    targets: np.ndarray | None = None
    is_fallback: bool = False

    @property
    def knows_answers(self) -> bool:
        """Whether the data say what is right."""
        return self.targets is not None or self.members is None

    def count(self, indices: np.ndarray) -> np.ndarray:
        """Return how many of some images belong to each column, (n_columns,) int64; 0 where only masks say it."""
        if self.members is None:
            return np.zeros(len(self.names), np.int64)
        if self.members.ndim == 2:
            return self.members[indices].sum(0, dtype=np.int64)
        own = self.members[indices]
        return np.bincount(own[own >= 0], minlength=len(self.names))

    def first_of(self, index: int) -> int:
        """Return the first column of an image, -1 for none."""
        if self.members is None:
            return -1
        if self.members.ndim == 1:
            return int(self.members[index])
        own = np.flatnonzero(self.members[index])
        return int(own[0]) if len(own) else -1


def has_answers(task: Task, annotations: Annotations) -> bool:
    """Say whether annotations tell what is right for a task."""
    return annotations.kind in task.labels


def columns_of(
    task: Task, annotations: Annotations, n_scores: int, names: Sequence[str] = (), source: str = "data"
) -> Columns | None:
    """Return the columns that annotations give.

    Parameters
    ----------
    task : Task
    annotations : Annotations
    n_scores : int
        Answers of the network; 0 where it has none.
    names : sequence of str, optional
        Of the answers, where they are known.
    source : str, default="data"
        The name of the data, for messages.

    Returns
    -------
    Columns or None
        None where nothing says which images belong together.

    Raises
    ------
    DataFileError
        If there are more or fewer labels or numbers than answers, or the annotations cannot be those of the task.
    """
    if has_answers(task, annotations):
        return _with_answers(task, annotations, n_scores, tuple(names), source)
    if annotations.kind not in (NO_LABELS, CLASS):
        wanted = " or ".join(_IN_WORDS[kind] for kind in (*task.labels, NO_LABELS))
        raise DataFileError(
            source,
            f"has {_IN_WORDS[annotations.kind]}, but the task of the network is {task.name!r} ({task.title}), which "
            f"takes {wanted}; if its task is another one, name it with --task",
        )
    is_class = annotations.kind == CLASS
    grouped = annotations.as_groups()
    if not grouped.has_groups:
        return None
    words = ("class", "classes") if is_class and task is not CLASSES else ("group", "groups")
    return Columns(task, grouped.group_names, *words, False, grouped.groups)


def all_images(task: Task, n_images: int) -> Columns:
    """Return a single column of all images."""
    return Columns(task, ("all images",), "group", "groups", False, np.zeros(n_images, np.int64), None, True)


def _with_answers(
    task: Task, annotations: Annotations, n_scores: int, names: tuple[str, ...], source: str
) -> Columns:
    """The columns of annotations that say what is right."""
    values, own = annotations.values, names or annotations.names
    make = _MAKERS[annotations.kind]
    if task.name in _TWO:
        if annotations.kind == CLASS and int(values.max(initial=-1)) > 1:
            raise DataFileError(
                source,
                f"has labels up to {int(values.max())}, but the task {task.name!r} takes 1 (yes, same) and 0 (no, "
                "different)",
            )
        return _columns(task, own if len(own) == 2 else _TWO[task.name], values, values)
    if annotations.kind in (SEVERAL, NUMBERS) and values.shape[1] != n_scores:
        raise DataFileError(
            source,
            f"has {values.shape[1]} {task.columns} for each image, but the network gives {n_scores} numbers",
        )
    numbered = tuple(map(str, range(n_scores)))
    return make(task, own if len(own) == n_scores else (*own[:n_scores], *numbered[len(own) :]), values)


def _columns(task: Task, names: tuple[str, ...], members: np.ndarray | None, targets: np.ndarray | None) -> Columns:
    """Columns with the words of their task."""
    return Columns(task, names, task.column, task.columns, True, members, targets)


def _of_numbers(task: Task, names: tuple[str, ...], values: np.ndarray) -> Columns:
    """The column of a number holds the images whose number is above the mean of all."""
    with np.errstate(invalid="ignore"):
        is_high = values > np.nanmean(values.astype(np.float64), axis=0)
    return _columns(task, names, is_high, values)


_MAKERS: dict[str, Callable[[Task, tuple[str, ...], np.ndarray], Columns]] = {
    CLASS: lambda task, names, values: _columns(task, names, values, values),
    SEVERAL: lambda task, names, values: _columns(task, names, values == 1, values),
    NUMBERS: _of_numbers,
    MASK: lambda task, names, values: _columns(task, names, None, None),
}


