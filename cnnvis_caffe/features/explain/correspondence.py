"""Measures whether hiding the same part of images changes their features alike (Zeiler and Fergus 2014, Table 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.features.explain.scores import Scorer
from cnnvis_caffe.progress import SILENT, Progress


def part_distances(
    scorer: Scorer,
    images: np.ndarray,
    fill: np.ndarray,
    boxes: np.ndarray,
    layers: Sequence[str],
    progress: Progress = SILENT,
) -> np.ndarray:
    """Hide one part in every image, and compare how the features of each two images change.

    Parameters
    ----------
    scorer : Scorer
    images : ndarray of shape (n, C, H, W), float32
        Two or more, as the network takes them.
    fill : ndarray of shape (C, H, W) or (C, 1, 1), float32
        What hides.
    boxes : ndarray of shape (n, n_parts, 4), int
        y0, x0, y1, x1 in pixels of the network's input, half open. Parts that are cut off by the edge are hidden as far
        as they are seen.
    layers : sequence of str
        Blobs whose activations are the feature vectors.
    progress : Progress, optional

    Returns
    -------
    ndarray of shape (n_layers, n_parts, n_pairs), float64
        For each two images the share of a layer's activations whose change has not the same sign. It is 0 where hiding
        the part does the same to both.

    Notes
    -----
    The paper sums the Hamming distances of the signs over all pairs; a mean over pairs and activations can be compared
    between layers and numbers of images.
    """
    n, n_parts = boxes.shape[:2]
    start = _vectors(scorer, images, layers)
    first, second = np.triu_indices(n, 1)
    result = np.empty((len(layers), n_parts, len(first)))
    rows, columns = np.arange(images.shape[2]), np.arange(images.shape[3])
    progress.start(n_parts, "hiding parts")
    for part in range(n_parts):
        y0, x0, y1, x1 = boxes[:, part].T[..., None]
        inside = ((rows >= y0) & (rows < y1))[:, :, None] & ((columns >= x0) & (columns < x1))[:, None, :]
        hidden = _vectors(scorer, np.where(inside[:, None], fill, images).astype(np.float32), layers)
        for number in range(len(layers)):
            signs = np.sign(start[number] - hidden[number])
            of_sign = [(signs == value).astype(np.float32) for value in (-1, 0, 1)]
            alike = sum(one @ one.T for one in of_sign)
            result[number, part] = 1 - alike[first, second] / signs.shape[1]
        progress.step()
    progress.done()
    return result


def random_boxes(boxes: np.ndarray, height: int, width: int, n: int, seed: int) -> np.ndarray:
    """Return boxes of the sizes of some parts at random places, others in each image: the control.

    Parameters
    ----------
    boxes : ndarray of shape (n_images, n_parts, 4), int
    height, width : int
        Of the images.
    n : int
        How many in each image.
    seed : int

    Returns
    -------
    ndarray of shape (n_images, n, 4), int64
    """
    random = np.random.RandomState(seed)
    n_images, n_parts = boxes.shape[:2]
    chosen = boxes[np.arange(n_images)[:, None], random.randint(n_parts, size=(n_images, n))]
    sizes = np.minimum(chosen[..., 2:] - chosen[..., :2], (height, width))
    corners = np.floor(random.uniform(size=sizes.shape) * (np.array([height, width]) - sizes + 1)).astype(np.int64)
    return np.concatenate([corners, corners + sizes], -1)


def _vectors(scorer: Scorer, images: np.ndarray, layers: Sequence[str]) -> list[np.ndarray]:
    """The activations of layers, as one vector for each image."""
    found: list[list[np.ndarray]] = [[] for _ in layers]
    for part in scorer.batches(len(images)):
        scorer.input(part.stop - part.start)[...] = images[part]
        scorer.probabilities()
        for vectors, layer in zip(found, layers):
            values = scorer.net.blobs[layer].data
            vectors.append(values.reshape(len(values), -1).copy())
    return [np.concatenate(vectors) for vectors in found]
