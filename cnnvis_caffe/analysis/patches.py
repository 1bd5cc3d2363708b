"""The patches of an analysis: all that a neuron responds to most, cut from the images that are kept."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.features.patches import cut, thumbnail
from cnnvis_caffe.records.analysis import Analysis, Snapshot


def top_patches(
    analysis: Analysis, snapshot: Snapshot, node: str, neuron: int, *, size_px: int | None = None
) -> list[np.ndarray]:
    """Cut the patches that a neuron responds to most.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
        One of its snapshots.
    node : str
    neuron : int
    size_px : int, optional
        Longest side; larger patches are made smaller. Their own size if left out.

    Returns
    -------
    list of ndarray of shape (h, w, 3), uint8
        RGB, the strongest first, grey where the receptive field lies outside the image; as many as there are images.

    Raises
    ------
    KeyError
        If the node was not analysed.
    """
    features = snapshot.features[node]
    found = zip(features.top_image[neuron].tolist(), features.top_box[neuron])
    images = ((analysis.images[index], box) for index, box in found if index >= 0)
    if size_px is None:
        return [cut(image, box).copy() for image, box in images]
    return [thumbnail(image, box, size_px) for image, box in images]
