"""Hides parts of an image, and reads what becomes of the classes and of a feature map (Zeiler and Fergus 2014)."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.features.explain.scores import Scorer, sums_of_maps
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.explanation import Occlusion


def squares(height: int, width: int, size: int, stride: int) -> np.ndarray:
    """Return where a square lies as it slides over an image.

    Parameters
    ----------
    height, width : int
        Of the image.
    size, stride : int
        Of the square, and from one place to the next, in pixels.

    Returns
    -------
    ndarray of shape (n_rows, n_columns, 4), int64
        y0, x0, y1, x1, half open. The first lies in the upper left corner. The last ones reach the edge, and are cut
        off there.

    Raises
    ------
    CnnvisError
        If the square is larger than the image, or size or stride is below 1.
    """
    if not 1 <= size <= min(height, width) or stride < 1:
        raise CnnvisError(
            f"a square of {size} pixels with stride {stride} cannot slide over an image of {height} x {width}; "
            f"its size can be 1 to {min(height, width)}, its stride 1 or more"
        )
    rows, columns = (np.arange(-(-(length - size) // stride) + 1) * stride for length in (height, width))
    boxes = np.empty((len(rows), len(columns), 4), np.int64)
    boxes[..., 0], boxes[..., 1] = rows[:, None], columns[None]
    boxes[..., 2] = np.minimum(boxes[..., 0] + size, height)
    boxes[..., 3] = np.minimum(boxes[..., 1] + size, width)
    return boxes


def occlude(
    scorer: Scorer,
    image: np.ndarray,
    fill: np.ndarray | float,
    *,
    size: int,
    stride: int,
    label: int = -1,
    layer: str = "",
    progress: Progress = SILENT,
) -> Occlusion:
    """Slide a square over an image, and see what the network makes of each.

    Parameters
    ----------
    scorer : Scorer
    image : ndarray of shape (C, H, W), float32
        As the network takes it.
    fill : ndarray of shape (C, H, W) or (C, 1, 1), or float
        What the square shows, as the network takes it.
    size, stride : int
        Of the square, in pixels.
    label : int, default=-1
        The class to follow; the most probable one of the whole image by default.
    layer : str, optional
        Blob of feature maps, of which the one with the largest summed activation on the whole image is followed; none
        by default.
    progress : Progress, optional

    Returns
    -------
    Occlusion

    Raises
    ------
    CnnvisError
        If the square does not fit, or there is no such class.
    """
    boxes = squares(image.shape[1], image.shape[2], size, stride)
    scorer.input(1)[...] = image
    whole = scorer.probabilities()[0]
    if not -1 <= label < len(whole):
        raise CnnvisError(f"there is no class {label}; the network has the classes 0 to {len(whole) - 1}")
    followed = int(whole.argmax()) if label < 0 else label
    of_maps = sums_of_maps(scorer.net, layer)[0] if layer else np.zeros(0)
    strongest = int(of_maps.argmax()) if layer else -1
    flat = boxes.reshape(-1, 4)
    probabilities = np.empty((len(flat), len(whole)), np.float32)
    sums = np.zeros(len(flat))
    rows, columns = np.arange(image.shape[1]), np.arange(image.shape[2])
    progress.start(len(flat), "hiding squares")
    for part in scorer.batches(len(flat)):
        y0, x0, y1, x1 = flat[part].T[..., None]
        hidden = ((rows >= y0) & (rows < y1))[:, :, None] & ((columns >= x0) & (columns < x1))[:, None, :]
        inputs = scorer.input(part.stop - part.start)
        inputs[...] = image
        np.copyto(inputs, fill, where=hidden[:, None])
        probabilities[part] = scorer.probabilities()
        if layer:
            sums[part] = sums_of_maps(scorer.net, layer, [strongest])[:, 0]
        progress.step(part.stop - part.start)
    progress.done()
    shape = boxes.shape[:2]
    return Occlusion(
        boxes=boxes,
        label=followed,
        probability=probabilities[:, followed].reshape(shape),
        most_probable=probabilities.argmax(1).reshape(shape),
        whole=whole,
        layer=layer,
        strongest_map=strongest,
        activation=sums.astype(np.float32).reshape(shape),
        whole_activation=float(of_maps[strongest]) if layer else 0.0,
    )
