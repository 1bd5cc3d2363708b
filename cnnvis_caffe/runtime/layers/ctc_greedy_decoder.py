"""CTCGreedyDecoder: the best class of each step, without repetitions and blanks."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.ctc import check_columns


class CTCGreedyDecoder(Layer):
    """From probabilities (T, N, classes) and indicators (T, N), 0 where a sequence begins, to labels (N, T, 1, 1).

    Behind the last label stands -1. With labels (T, N) as a third bottom the last top is the accuracy: 1 minus the mean
    of edit distance by length. Another top, before it, has minus the sum of the best probabilities of each sequence.

    Notes
    -----
    Follows `src/caffe/layers/ctc_decoder_layer.cpp` of ChWick's Caffe.
    """

    fork = "ChWick"
    fork_settings = ("ctc_decoder_param",)
    n_bottoms = (2, 3)
    n_tops = (1, 3)
    can_be_in_place = False
    can_be_recorded = False  # lengths are values

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find out which tops are wanted."""
        if len(tops) > len(bottoms):
            raise self.error(f"has {len(bottoms)} bottoms and {len(tops)} tops; the accuracy needs labels")
        self.shows_accuracy = len(bottoms) == 3 and len(tops) > 1
        self.shows_scores = len(tops) == 3 or (len(tops) == 2 and not self.shows_accuracy)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """One label for each step is the most."""
        shape = bottoms[0].shape
        if len(shape) < 3 or bottoms[0].count != shape[0] * shape[1] * shape[2]:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {shape}; (T, N, classes) is needed")
        check_columns(self, *bottoms)
        self.shape = shape[:3]
        tops[0].reshape(shape[1], shape[0], 1, 1)
        if self.shows_scores:
            tops[1].reshape(shape[1], 1, 1, 1)
        if self.shows_accuracy:
            tops[-1].reshape(1, 1, 1, 1)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Take the best."""
        param = self.param.ctc_decoder_param
        n_steps, n_sequences, n_classes = self.shape
        blank = param.blank_index if param.blank_index >= 0 else n_classes - 1
        value, best = bottoms[0].value.reshape(self.shape).max(2)
        begins = bottoms[1].value.reshape(bottoms[1].shape[0], -1)[:n_steps] == 0
        begins[0] = False
        is_inside = begins.cumsum(0) == 0  # up to the next sequence's beginning
        kept = is_inside & (best != blank)
        if param.ctc_merge_repeated:
            kept[1:] &= best[1:] != best[:-1]
        labels = torch.full((n_sequences, n_steps), -1.0, dtype=value.dtype, device=value.device)
        place = kept.cumsum(0) - 1
        sequence = torch.arange(n_sequences, device=value.device).expand(n_steps, -1)
        labels[sequence[kept], place[kept]] = best[kept].to(value.dtype)
        tops[0].value = labels.view(tops[0].shape)
        if self.shows_scores:
            tops[1].value = -(value * is_inside).sum(0).view(tops[1].shape)
        if self.shows_accuracy:
            wanted = [[int(t + 0.5) for t in _until_negative(row)] for row in _columns(bottoms[2])]
            found = [[int(t) for t in _until_negative(row)] for row in labels.tolist()]
            faults = [_edits(a, b) / max(len(a), len(b)) if a or b else 0.0 for a, b in zip(wanted, found)]
            tops[-1].value = torch.full((1, 1, 1, 1), 1 - sum(faults) / n_sequences, device=value.device)


def _columns(blob: Blob) -> list[list[float]]:
    """The columns of a blob (T, N)."""
    columns: list[list[float]] = blob.value.reshape(blob.shape[0], -1).t().tolist()
    return columns


def _until_negative(row: list[float]) -> list[float]:
    """What stands before the first negative number."""
    return row[: next((t for t, label in enumerate(row) if label < 0), len(row))]


def _edits(first: list[int], second: list[int]) -> int:
    """The fewest insertions, deletions and exchanges that make one of the other."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
