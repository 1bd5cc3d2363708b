"""Says how strongly one image drives each neuron, and what flows along a connection then."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.records.explanation import Reaction

#: With fewer images, the strongest response that an analysis saw says little.
LEAST_IMAGES = 10


def drives(analysis: Analysis, snapshot: Snapshot, reaction: Reaction) -> dict[str, np.ndarray]:
    """Return how strongly an image drives each neuron.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    reaction : Reaction
        Of the network with the weights of this snapshot.

    Returns
    -------
    dict of str to ndarray of shape (n_neurons,), float32
        By node: the largest activation on the image by the largest that the analysis saw of this neuron; 0 where one of
        the two is not above 0, and above 1 where no image of the analysis did as much. Of answers that are
        probabilities, these. An analysis of fewer than `LEAST_IMAGES` images is no yardstick: then by the largest
        activation in the layer.
    """
    found = {}
    for node, peaks in reaction.peaks.items():
        features = snapshot.features.get(node)
        if node == analysis.data.score_name and reaction.kind in ("classes", "labels"):
            found[node] = np.asarray(reaction.answers, np.float32)
            continue
        if features is not None and analysis.data.n_images >= LEAST_IMAGES:
            most = features.overall_maximum
        else:
            most = np.full(len(peaks), peaks.max(), np.float32)
        is_driven = (most > 0) & (peaks > 0)
        found[node] = np.divide(peaks, most, out=np.zeros(len(peaks), np.float32), where=is_driven)
    return found


def flow(
    drive: Mapping[str, np.ndarray],
    source: str,
    sources: tuple[int, ...],
    targets: tuple[int, ...],
    sign: int,
    relation: np.ndarray | None,
) -> float:
    """Return what flows along a connection between groups of neurons, by the most that could.

    Parameters
    ----------
    drive : mapping of str to ndarray
        What `drives` gives.
    source : str
        Node of the sources.
    sources, targets : tuple of int
        Neurons.
    sign : {1, -1}
        Of the connection.
    relation : ndarray of shape (n_targets, n_sources), or None
        Strengths between the neurons of the two nodes, with signs; None counts all alike.

    Returns
    -------
    float
        The mean drive of the sources, each with the weight of its connections of this sign; in [0, 1].
    """
    driven = drive.get(source)
    if driven is None or not sources:
        return 0.0
    some = np.clip(driven[list(sources)], 0.0, 1.0)
    if relation is None:
        return float(some.mean())
    weights = np.maximum(sign * relation[np.ix_(targets, sources)], 0.0).sum(0)
    total = float(weights.sum())
    return float(weights @ some / total) if total > 0 else float(some.mean())
