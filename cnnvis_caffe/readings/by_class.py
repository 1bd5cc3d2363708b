"""Finds the classes that a neuron answers to, by one measure for pages, histories, cards, lists and tables."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.records.analysis import Analysis, LayerFeatures, Snapshot

#: The measures in words, for places with room for them.
MEASURES = {
    "mean": "mean over images",
    "peak": "mean of each image's peak",
}


def measure_of(analysis: Analysis, node: str) -> str:
    """Return which activation tells classes apart in a layer: "mean" or "peak".

    Means over the positions of neurons without a rectifier are nearly the same for all images: what goes up in one
    place goes down in another. There it is the peak, in all snapshots if in any.
    """
    found = analysis.node(node)
    is_rectified = found.type == "ReLU" and not found.negative_slope  # known without looking at activations
    is_linear = bool(found.positions and not is_rectified) and any(
        bool((snapshot.features[node].minimum < 0).any())
        for snapshot in analysis.snapshots
        if node in snapshot.features
    )
    return "peak" if is_linear else "mean"


def activation_by_class(features: LayerFeatures, measure: str) -> np.ndarray:
    """Return the activations by a measure, (n_neurons, n_classes) float32; NaN for classes without images."""
    return features.peak if measure == "peak" else features.mean


def strongest_class(values: np.ndarray) -> int:
    """Return the class with the largest of some values, or -1 where none is above 0 or known."""
    return int(_strongest(values[None])[0])


def strongest_few(values: np.ndarray, most: int = 3) -> list[int]:
    """Return the classes with the largest of some values, the largest first; only those above 0."""
    known = np.where(np.isfinite(values), values, -np.inf)
    return [int(number) for number in np.argsort(-known, kind="stable")[:most] if known[number] > 0]


def strongest_classes(analysis: Analysis, snapshot: Snapshot, node: str) -> np.ndarray:
    """Return the class that each neuron of a layer answers to most.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    node : str
        One with features.

    Returns
    -------
    ndarray of shape (n_neurons,), int64
        -1 for neurons that no class activates.
    """
    return _strongest(activation_by_class(snapshot.features_of(node), measure_of(analysis, node)))


def neurons_of_class(analysis: Analysis, snapshot: Snapshot, node: str, number: int) -> np.ndarray:
    """Return the neurons of a layer by how strongly they answer to a class.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    node : str
        One with features.
    number : int
        Of the class.

    Returns
    -------
    ndarray of shape (n_neurons,), int64
        The strongest first; of equals the one with the smaller number, and those of which nothing is known last.
    """
    values = activation_by_class(snapshot.features_of(node), measure_of(analysis, node))[:, number]
    return np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")


def active_share(analysis: Analysis, features: LayerFeatures) -> np.ndarray:
    """Return the share of images with any activation of each neuron, (n_neurons,) float64; NaN where nothing is known.

    Parameters
    ----------
    analysis : Analysis
    features : LayerFeatures
    """
    return over_images(features.active_share, analysis.data.class_count)


def over_images(values: np.ndarray, class_count: np.ndarray) -> np.ndarray:
    """Average a quantity that is known by class over the images of all classes.

    Parameters
    ----------
    values : ndarray of shape (n, n_classes)
        NaN where a class has no images.
    class_count : ndarray of shape (n_classes,), int64
        Images of each class.

    Returns
    -------
    ndarray of shape (n,), float64
        NaN where nothing is known.
    """
    weight = np.where(np.isfinite(values), class_count.astype(np.float64), 0.0)
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (np.where(weight > 0, values.astype(np.float64), 0.0) * weight).sum(axis=1) / total


def _strongest(values: np.ndarray) -> np.ndarray:
    """The largest of each row, or -1 where none is above 0 or known."""
    if not values.shape[1]:
        return np.full(len(values), -1)
    known = np.where(np.isfinite(values), values, -np.inf)
    best = known.argmax(axis=1)
    return np.where(known[np.arange(len(known)), best] > 0, best, -1)
