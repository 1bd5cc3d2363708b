"""Begins the gradient of one column's score for each image of a batch, on the device where the net runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch


def start_gradients(start: str, scores: Sequence[Any], columns: Any, targets: Any) -> list[Any]:
    """Return the gradient of the score of one column for each image.

    Parameters
    ----------
    start : {"own", "largest", "sign", "pixels", "distance"}
        As `records.summation.Summation` has it.
    scores : sequence of tensor of shape (n_images, n_scores, ...)
        What the network answers; several only for "distance".
    columns : tensor of shape (n_images,), int64
        The column whose score is meant; the number of columns for none.
    targets : tensor of shape (n_images, ...), int64, or None
        The class of each position; for "pixels".

    Returns
    -------
    list of tensor
        One for each of the scores, of its shape.

    Notes
    -----
    The same as the judges' `gradients` by numpy (`features.judges`).
    """
    return _STARTS[start](scores, columns, targets)


def _own(scores: Sequence[Any], columns: Any, targets: Any) -> list[Any]:
    """Each column has a score of its own."""
    gradient = _empty(scores[0])
    n_scores = gradient.shape[1]
    is_there = (columns < n_scores).to(gradient.dtype)
    places = columns.clamp(max=n_scores - 1).view(-1, 1, 1).expand(-1, 1, gradient.shape[2])
    return [gradient.scatter_(1, places, is_there.view(-1, 1, 1).expand(places.shape))]


def _largest(scores: Sequence[Any], columns: Any, targets: Any) -> list[Any]:
    """The largest score of each image, whatever its column."""
    answers = scores[0].reshape(*scores[0].shape[:2], -1).amax(2).argmax(1)
    return _own(scores, answers, targets)


def _sign(scores: Sequence[Any], columns: Any, targets: Any) -> list[Any]:
    """Column 1 is the only score, column 0 its negative."""
    return [_signs(columns, scores[0], (-1.0, 1.0)).expand(scores[0].shape)]


def _pixels(scores: Sequence[Any], columns: Any, targets: Any) -> list[Any]:
    """The score of a class counts at the pixels of this class."""
    (gradient,) = _own(scores, columns, targets)
    is_there = targets.reshape(len(targets), 1, -1) == columns.view(-1, 1, 1)
    return [gradient * is_there]


def _distance(scores: Sequence[Any], columns: Any, targets: Any) -> list[Any]:
    """Column 0 is half the squared distance of a pair, column 1 its negative."""
    first = (scores[0] - scores[1]) * _signs(columns, scores[0], (1.0, -1.0))
    return [first, -first]


_STARTS: Mapping[str, Callable[[Sequence[Any], Any, Any], list[Any]]] = {
    "own": _own,
    "largest": _largest,
    "sign": _sign,
    "pixels": _pixels,
    "distance": _distance,
}


def _empty(score: Any) -> Any:
    """Zeros of shape (n_images, n_scores, n_positions)."""
    return torch.zeros(*score.shape[:2], score[0, 0].numel(), dtype=score.dtype, device=score.device)


def _signs(columns: Any, score: Any, of_columns: tuple[float, float]) -> Any:
    """A factor for each image, by its column; 0 for none."""
    none = torch.zeros(len(columns), dtype=score.dtype, device=score.device)
    signs = torch.where(columns == 0, of_columns[0], torch.where(columns == 1, of_columns[1], none))
    return signs.view(-1, *[1] * (score.dim() - 1))
