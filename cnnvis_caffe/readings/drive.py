"""Says how strongly one image drives each neuron, and what flows along a connection then."""

from __future__ import annotations

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


def flow_shares(
    sources: tuple[int, ...], targets: tuple[int, ...], sign: int, relation: np.ndarray | None
) -> np.ndarray:
    """Return how much each source counts in what flows along a connection between groups of neurons.

    Parameters
    ----------
    sources, targets : tuple of int
        Neurons.
    sign : {1, -1}
        Of the connection.
    relation : ndarray of shape (n_targets, n_sources), or None
        Strengths between the neurons of the two nodes, with signs; None counts all alike.

    Returns
    -------
    ndarray of shape (n_sources,), float64
        They add up to 1: the strengths of this sign, summed over the targets.
    """
    alike = np.full(len(sources), 1 / max(len(sources), 1))
    if relation is None:
        return alike
    weights = np.maximum(sign * relation[np.ix_(targets, sources)], 0.0).sum(0, dtype=np.float64)
    total = float(weights.sum())
    return weights / total if total > 0 else alike


def flow(drive: np.ndarray, sources: tuple[int, ...], shares: np.ndarray) -> float:
    """Return what flows along a connection, by the most that could.

    Parameters
    ----------
    drive : ndarray of shape (n_neurons,)
        Of the node of the sources.
    sources : tuple of int
        Neurons.
    shares : ndarray of shape (n_sources,)
        What `flow_shares` gives.

    Returns
    -------
    float
        The mean drive of the sources, each as much as it counts; in [0, 1].
    """
    return float(np.clip(drive[list(sources)], 0.0, 1.0) @ shares)
