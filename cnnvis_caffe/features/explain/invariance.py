"""Moves, scales and turns images, and measures how far their features move (Zeiler and Fergus 2014, Figure 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.features.explain.scores import Scorer
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.explanation import Invariance

#: Each with the unit of its amount.
TRANSFORMATIONS = {"translation": " px", "scale": "", "rotation": "°"}


def transform(images: np.ndarray, kind: str, amount: float) -> np.ndarray:
    """Transform images about their middle, with bilinear interpolation; outside, the pixels at the edge go on.

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W)
    kind : {"translation", "scale", "rotation"}
    amount : float
        Pixels down; factor of the size; degrees anticlockwise.

    Returns
    -------
    ndarray of shape (n, C, H, W), float32
    """
    height, width = images.shape[2:]
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    y, x = np.arange(height)[:, None] - middle_y, np.arange(width)[None] - middle_x
    if kind == "translation":
        from_y, from_x = y - amount, x + 0.0 * y
    elif kind == "scale":
        from_y, from_x = y / amount + 0.0 * x, x / amount + 0.0 * y
    else:
        cosine, sine = np.cos(np.radians(amount)), np.sin(np.radians(amount))
        from_y, from_x = cosine * y + sine * x, cosine * x - sine * y
    rows = np.broadcast_to(np.clip(from_y + middle_y, 0, height - 1), (height, width))
    columns = np.broadcast_to(np.clip(from_x + middle_x, 0, width - 1), (height, width))
    y0, x0 = np.floor(rows).astype(np.intp), np.floor(columns).astype(np.intp)
    y1, x1 = np.minimum(y0 + 1, height - 1), np.minimum(x0 + 1, width - 1)
    share_y, share_x = (rows - y0).astype(np.float32), (columns - x0).astype(np.float32)
    above = images[..., y0, x0] * (1 - share_x) + images[..., y0, x1] * share_x
    below = images[..., y1, x0] * (1 - share_x) + images[..., y1, x1] * share_x
    result: np.ndarray = (above * (1 - share_y) + below * share_y).astype(np.float32)
    return result


def invariance(
    scorer: Scorer,
    images: np.ndarray,
    prepare: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    *,
    kind: str,
    amounts: Sequence[float],
    layers: Sequence[str],
    progress: Progress = SILENT,
) -> Invariance:
    """Transform images by some amounts, and measure how far their features and the probability of their class move.

    Parameters
    ----------
    scorer : Scorer
    images : ndarray of shape (n, C, H, W), uint8 or float32
        In the network's geometry, before mean and scale.
    prepare : callable
        Makes such images what the network takes, float32.
    labels : ndarray of shape (n,), int
        Their true classes; where below 0, the most probable one of the image as it is.
    kind : {"translation", "scale", "rotation"}
    amounts : sequence of float
        See `transform`.
    layers : sequence of str
        Blobs whose activations are the feature vectors.
    progress : Progress, optional

    Returns
    -------
    Invariance

    Raises
    ------
    CnnvisError
        If there is no such transformation or class, or an amount is not possible.
    """
    if kind not in TRANSFORMATIONS:
        raise CnnvisError(f"there is no transformation {kind!r}; choose one of {', '.join(TRANSFORMATIONS)}")
    if kind == "scale" and min(amounts) <= 0:
        raise CnnvisError(f"an image cannot be scaled by {min(amounts):g}; factors must be above 0")
    n = len(images)
    distance = np.empty((len(layers), len(amounts), n), np.float32)
    probability = np.empty((len(amounts), n), np.float32)
    true = np.array(labels, np.int64)
    progress.start(n * len(amounts), kind)
    for part in scorer.batches(n):
        size = part.stop - part.start
        scorer.input(size)[...] = prepare(images[part])
        found = scorer.probabilities()
        if true.max(initial=-1) >= found.shape[1]:
            raise CnnvisError(f"there is no class {true.max()}; the network has the classes 0 to {found.shape[1] - 1}")
        true[part] = np.where(true[part] < 0, found.argmax(1), true[part])
        start = [_vectors(scorer, layer).copy() for layer in layers]
        lengths = [np.linalg.norm(vectors, axis=1) for vectors in start]
        for number, amount in enumerate(amounts):
            scorer.input(size)[...] = prepare(transform(images[part], kind, amount))
            probability[number, part] = scorer.probabilities()[np.arange(size), true[part]]
            for row, layer in enumerate(layers):
                moved = np.linalg.norm(_vectors(scorer, layer) - start[row], axis=1)
                distance[row, number, part] = moved / np.where(lengths[row] > 0, lengths[row], 1)
            progress.step(size)
    progress.done()
    return Invariance(kind, np.array(amounts, np.float64), tuple(layers), distance, probability, true)


def _vectors(scorer: Scorer, layer: str) -> np.ndarray:
    """The activations of a layer as one vector for each image."""
    values: np.ndarray = scorer.net.blobs[layer].data
    return values.reshape(len(values), -1)
