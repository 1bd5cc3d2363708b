"""Keeps of each image what the network says about it: the best classes, numbers, shares of pixels or boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnvis_caffe.prediction.inputs import Inputs
from cnnvis_caffe.prediction.measures import Measures
from cnnvis_caffe.records.annotations import Annotations
from cnnvis_caffe.records.prediction import BOXES, CLASSES, PIXELS, RIGHT, Answer, Predictions


def probabilities(answer: Answer, output: np.ndarray) -> np.ndarray:
    """Turn an output into what is kept: probabilities where the network gives scores for them.

    Parameters
    ----------
    answer : Answer
    output : ndarray of shape (n, ...)

    Returns
    -------
    ndarray of the same shape, but (n, k) where only one position remains
    """
    if answer.kind == BOXES:
        return output
    if answer.kind != PIXELS:
        output = output.reshape(len(output), -1)
    if answer.function == "softmax":
        shifted = np.exp(output - output.max(1, keepdims=True))
        output = shifted / shifted.sum(1, keepdims=True)
    elif answer.function == "sigmoid":
        output = 1 / (1 + np.exp(-output))
    return output


class Kept:
    """What is kept of the answers.

    Parameters
    ----------
    answer : Answer
    annotations : Annotations
        Of all images.
    top : int
        Classes kept for each image.
    """

    def __init__(self, answer: Answer, annotations: Annotations, top: int) -> None:
        self._answer, self._annotations, self._top = answer, annotations, top
        self._values: list[np.ndarray] = []
        self._classes: list[np.ndarray] = []
        self._boxes: list[np.ndarray] = []
        self._own: list[np.ndarray] = []
        self._rank: list[np.ndarray] = []
        self._measures = Measures(answer, annotations)

    def add(
        self,
        indices: np.ndarray,
        output: np.ndarray,
        inputs: Inputs,
        each: Callable[[int, str, np.ndarray], None] | None,
    ) -> None:
        """Add the answers for some images.

        Parameters
        ----------
        indices : ndarray of int64
        output : ndarray
            What `probabilities` gives.
        inputs : Inputs
        each : callable or None
            Told index, name and mask (H, W) uint8 or boxes (m, 6) of each image.
        """
        if self._answer.kind == BOXES:
            found = self._add_boxes(indices, output, inputs)
        elif self._answer.kind == PIXELS:
            found = self._add_masks(indices, output, inputs)
        else:
            found = []
            self._add_rows(indices, output)
        for index, one in zip(indices.tolist(), found if each is not None else ()):
            each(index, inputs.name_of(index), one)  # type: ignore[misc]

    def _add_rows(self, indices: np.ndarray, output: np.ndarray) -> None:
        """Classes, labels or numbers."""
        if self._answer.is_index:
            self._classes.append(output[:, :1].astype(np.int64))
            self._values.append(np.full((len(output), 1), np.nan, np.float32))
        elif self._answer.kind == CLASSES:
            # Of equal scores the lower class comes first.
            order = np.argsort(-output, axis=1, kind="stable")
            best = order[:, : self._top]
            self._classes.append(best)
            self._values.append(np.take_along_axis(output, best, 1).astype(np.float32))
            if self._annotations.kind == RIGHT[CLASSES]:
                labels = self._annotations.values[indices]
                self._own.append(output[np.arange(len(output)), labels].astype(np.float32))
                self._rank.append(np.argmax(order == labels[:, None], axis=1))
        else:
            self._values.append(output.astype(np.float32))
        self._measures.add_rows(indices, output)

    def _add_masks(self, indices: np.ndarray, output: np.ndarray, inputs: Inputs) -> list[np.ndarray]:
        """The best class of each pixel: shares of classes, and the masks."""
        if self._answer.is_index:
            masks = output[:, 0].astype(np.uint8)
        elif output.shape[1] == 1:  # one map of a probability or score
            masks = (output[:, 0] > (0.5 if self._answer.is_probability else 0)).astype(np.uint8)
        else:
            masks = output.argmax(1).astype(np.uint8)
        n_classes = 256 if self._answer.is_index else max(output.shape[1], 2)
        counts = np.stack([np.bincount(mask.reshape(-1), minlength=n_classes) for mask in masks])
        self._values.append((counts / masks[0].size).astype(np.float32))
        self._measures.add_masks(indices, masks, inputs)
        return list(masks)

    def _add_boxes(self, indices: np.ndarray, output: np.ndarray, inputs: Inputs) -> list[np.ndarray]:
        """Boxes in pixels of the images that were read."""
        source = inputs.sources[0]
        rows = output.reshape(-1, 7)
        sizes = source.sizes(indices)
        found = []
        for place, size in enumerate(sizes):
            own = rows[(rows[:, 0] == place) & (rows[:, 1] >= 0)]
            found.append(np.concatenate([own[:, 1:3], source.placed(own[:, 3:7], size)], axis=1).astype(np.float32))
        self._boxes += found
        self._values.append(np.zeros((len(found), 0), np.float32))
        return found

    def predictions(self, **facts: Any) -> Predictions:
        """Return all that was kept.

        Parameters
        ----------
        **facts
            Further fields of `Predictions`.
        """
        values = np.concatenate(self._values) if self._values else np.zeros((0, 0), np.float32)
        if self._answer.kind == PIXELS and self._answer.is_index:
            used = np.flatnonzero(values.any(0))
            values = values[:, : used.max(initial=0) + 1]
        return Predictions(
            answer=self._answer,
            values=values,
            classes=np.concatenate(self._classes) if self._classes else np.zeros((0, 0), np.int64),
            boxes=tuple(self._boxes),
            own=np.concatenate(self._own) if self._own else np.zeros(0, np.float32),
            rank=np.concatenate(self._rank) if self._rank else np.zeros(0, np.int64),
            measures=self._measures.result(),
            **facts,
        )
