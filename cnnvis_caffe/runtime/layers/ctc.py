"""Connectionist temporal classification: the probability of a text, whenever its letters are said (Graves 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import Loss


class CtcBase(Loss):
    """Base of the CTC losses: scores (T, N, classes) before softmax, and what is to be said.

    A subclass reads its other bottoms in `targets`. Backward gives the sum over the sequences, not their mean.
    """

    can_be_recorded = False  # lengths are values

    def allows_force_backward(self, index: int) -> bool:
        """Only the scores have a gradient."""
        return index == 0

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find steps, sequences and classes."""
        shape = bottoms[0].shape
        if len(shape) < 3 or bottoms[0].count != shape[0] * shape[1] * shape[2]:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {shape}; (T, N, classes) is needed")
        self.n_steps, self.n_sequences, self.n_classes = shape[:3]
        if not 0 <= self.blank_label() < self.n_classes:
            raise self.error(f"the blank {self.blank_label()} is not one of the {self.n_classes} classes")
        tops[0].reshape()

    def blank_label(self) -> int:
        """Return the class that means nothing is said."""
        raise NotImplementedError

    def targets(self, bottoms: Sequence[Blob]) -> tuple[list[list[int]], list[int]]:
        """Return the labels of each sequence, and its number of steps."""
        raise NotImplementedError

    def costs(self, bottoms: Sequence[Blob]) -> Any:
        """Return -log p of each sequence (N,), infinite where it has too few steps; keep what backward needs."""
        labels, steps = self.targets(bottoms)
        for number, row in enumerate(labels):
            for label in row:
                if not 0 <= label < self.n_classes or label == self.blank_label():
                    raise self.error(
                        f"label {label} of sequence {number} is not allowed; 0 to {self.n_classes - 1} without the "
                        f"blank {self.blank_label()} are"
                    )
        scores = bottoms[0].value.reshape(self.n_steps, self.n_sequences, self.n_classes)
        longest = max(1, max(map(len, labels)))
        padded = torch.tensor([[*row, *[0] * (longest - len(row))] for row in labels], device=scores.device)
        # On a CPU the library wants lengths of at least 1; a sequence without a step costs nothing.
        lengths = [max(1, length) for length in steps]
        arguments = padded, lengths, [len(row) for row in labels], self.blank_label()
        log_probabilities = torch.log_softmax(scores, 2)
        costs, alpha = torch.ops.aten._ctc_loss(log_probabilities, *arguments)
        self._counted = torch.isfinite(costs) & (torch.tensor(steps, device=costs.device) > 0)
        self._saved = log_probabilities, arguments, costs, alpha
        return costs

    def scores_gradient(self) -> Any:
        """Return the gradient of the sum of all finite costs."""
        log_probabilities, (labels, steps, lengths, blank), costs, alpha = self._saved
        ones = torch.ones_like(costs)
        gradient = torch.ops.aten._ctc_loss_backward(
            ones, log_probabilities, labels, steps, lengths, costs, alpha, blank, True
        )
        return gradient * self._counted[:, None]


def without(blob: Blob, blank: int) -> list[list[int]]:
    """Return the rows of labels (N, L) without blanks."""
    return [
        [int(value) for value in row if int(value) != blank] for row in blob.value.reshape(blob.shape[0], -1).tolist()
    ]


def indicated(layer: Any, bottoms: Sequence[Blob], offset: int = 0) -> tuple[list[list[int]], list[int]]:
    """Read labels from indicators (T, N), 0 where a sequence begins, and labels (T, N), below 0 behind the last."""
    begins = bottoms[1].value.reshape(bottoms[1].shape[0], -1).t().tolist()
    rows = bottoms[2].value.reshape(bottoms[2].shape[0], -1).t().tolist()
    labels, steps = [], []
    for number, (starts, row) in enumerate(zip(begins, rows)):
        length = next((t for t in range(1, len(starts)) if int(starts[t] + 0.5) == 0), len(starts))
        n_labels = next((t for t, label in enumerate(row) if label < 0), len(row))
        if n_labels > length:
            raise layer.error(f"sequence {number} has {n_labels} labels and only {length} steps")
        labels.append([int(label + 0.5) + offset for label in row[:n_labels]])
        steps.append(length)
    return labels, steps


def check_columns(layer: Any, scores: Blob, *others: Blob) -> None:
    """Refuse blobs whose second axis is not as long as the scores', one column for each sequence."""
    for blob in others:
        if len(blob.shape) < 2 or blob.shape[1] != scores.shape[1]:
            raise layer.shape_error(
                f"bottom {blob.name!r} has shape {blob.shape}; for {scores.name!r} of shape {scores.shape} its second "
                f"axis must be {scores.shape[1]}"
            )
