"""Records of what a network says about images."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cnnvis_caffe.records import annotations as kinds
from cnnvis_caffe.records.annotations import Annotations
from cnnvis_caffe.records.preparation import PreparationTrial

#: One class of many; several labels at once; numbers; a class for each pixel; boxes with a class each.
CLASSES, LABELS, NUMBERS, PIXELS, BOXES = ANSWERS = ("classes", "labels", "numbers", "pixels", "boxes")

#: The kind of annotations that holds the right answers, by the kind of answer.
RIGHT = {CLASSES: kinds.CLASS, LABELS: kinds.SEVERAL, NUMBERS: kinds.NUMBERS, PIXELS: kinds.MASK}


@dataclass(frozen=True)
class Answer:
    """The blob with a network's answer, and the kind of the answer.

    Attributes
    ----------
    kind : {"classes", "labels", "numbers", "pixels", "boxes"}
        As the names of tasks that `analyze` has.
    blob : str
        Its output.
    function : {"", "softmax", "sigmoid"}
        What makes probabilities of the output.
    is_probability : bool
        Whether what comes out, after the function, are probabilities.
    shape : tuple of int
        Of the output, images first.
    is_index : bool
        Whether the output holds numbers of classes, as that of ArgMax does.
    note : str
        What must be said about it; empty where the network leaves no doubt.
    """

    kind: str
    blob: str
    function: str = ""
    is_probability: bool = False
    shape: tuple[int, ...] = ()
    is_index: bool = False
    note: str = ""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network says about each of some images.

    Attributes
    ----------
    title : str
        The network's name.
    answer : Answer
    images : tuple of str
        Files, or places in a source.
    names : tuple of str
        Of the classes, labels or numbers, in the order of the output.
    values : ndarray of shape (n_images, k), float32
        "classes": the k best scores, descending. "labels": the probability of each label. "numbers": as they are.
        "pixels": the share of pixels that each class has. "boxes": empty.
    annotations : Annotations
        What the source says about the images.
    classes : ndarray of shape (n_images, k), int64
        For "classes": whose scores these are; of equal scores the lower class comes first.
    boxes : tuple of ndarray of shape (m, 6), float32
        For "boxes", by image: class, score, x0, y0, x1, y1 in pixels of the image as it was read.
    own : ndarray of shape (n_images,), float32
        For "classes" with labels: the score of the image's own class.
    rank : ndarray of shape (n_images,), int64
        For "classes" with labels: how many classes have a better score than the image's own.
    measures : dict of str to float
        How well it does, where labels of the same kind are there.
    preprocessing : str
        In words.
    notes : tuple of str
    trial : PreparationTrial or None
        Where nothing says how images are prepared: what the usual ways give on a sample.
    """

    title: str
    answer: Answer
    images: tuple[str, ...]
    names: tuple[str, ...]
    values: np.ndarray
    annotations: Annotations
    classes: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    boxes: tuple[np.ndarray, ...] = ()
    own: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    rank: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    measures: dict[str, float] = field(default_factory=dict)
    preprocessing: str = ""
    notes: tuple[str, ...] = ()
    trial: PreparationTrial | None = None

    def __post_init__(self) -> None:
        if len(self.values) != len(self.images) or self.values.ndim != 2:
            raise ValueError(f"values of {len(self.images)} images cannot be {self.values.shape}")

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def name_of(self, number: int) -> str:
        """Return the name of a class, label or number; its place where it has none.

        Parameters
        ----------
        number : int
        """
        return self.names[number] if 0 <= number < len(self.names) else str(number)

    def most_uncertain(self, count: int = 5) -> np.ndarray:
        """Return the images whose two best classes, or whose labels, are nearest to undecided.

        Parameters
        ----------
        count : int, default=5

        Returns
        -------
        ndarray of int64
            The most uncertain first; empty for other kinds than "classes" and "labels", and for single classes.
        """
        if self.answer.kind == CLASSES and self.values.shape[1] > 1:
            doubt = self.values[:, 0] - self.values[:, 1]
        elif self.answer.kind == LABELS:
            doubt = np.abs(self.values - 0.5).min(1)
        else:
            return np.zeros(0, np.int64)
        return np.argsort(doubt, kind="stable")[:count]

    def most_wrong(self, count: int = 5) -> np.ndarray:
        """Return the images that get a wrong class with the best score, or numbers farthest from the right ones.

        Parameters
        ----------
        count : int, default=5

        Returns
        -------
        ndarray of int64
            The worst first; only wrong ones; empty without labels.
        """
        if len(self.own):
            wrong = np.flatnonzero(self.rank > 0)
            return wrong[np.argsort(-(self.values[wrong, 0] - self.own[wrong]), kind="stable")][:count]
        kind = self.answer.kind
        if kind in (NUMBERS, LABELS) and self.annotations.kind == RIGHT[kind]:
            far = np.nan_to_num(np.abs(self.values - self.annotations.values), nan=0.0).max(1)
            order = np.argsort(-far, kind="stable")
            return order[far[order] > (0.5 if kind == LABELS else 0)][:count]
        return np.zeros(0, np.int64)
