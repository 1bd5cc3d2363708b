"""To which classes a neuron answers, by one measure wherever it is said: page, history, card, lists and tables."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.records.analysis import Analysis, LayerFeatures

#: What the measures are, for where there is room to say it.
MEASURES = {
    "mean": "mean over images",
    "peak": "mean of each image's peak",
}


def measure_of(analysis: Analysis, node: str) -> str:
    """Return which activation tells classes apart in a layer: "mean" or "peak".

    Means over the positions of neurons without a rectifier are nearly the same for all images: what goes up in one
    place goes down in another. There it is the peak, in all snapshots if in any.
    """
    is_linear = bool(analysis.node(node).positions) and any(
        bool((snapshot.features[node].minimum < 0).any())
        for snapshot in analysis.snapshots
        if node in snapshot.features
    )
    return "peak" if is_linear else "mean"


def activation_by_class(features: LayerFeatures, measure: str) -> np.ndarray:
    """Return the activations by a measure, (n_neurons, n_classes) float32."""
    return features.peak if measure == "peak" else features.mean


def strongest_class(values: np.ndarray) -> int:
    """Return the class with the largest of some values, or -1 where none is above 0 or known."""
    known = np.where(np.isfinite(values), values, -np.inf)
    best = int(known.argmax()) if known.size else -1
    return best if best >= 0 and known[best] > 0 else -1
