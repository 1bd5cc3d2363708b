"""Importance of neurons for chosen classes, and which neurons respond to these strongly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.readings.by_class import over_images
from cnnvis_caffe.readings.neurons import class_selectivity
from cnnvis_caffe.records.analysis import LayerFeatures


def over_classes(values: np.ndarray, class_count: np.ndarray, classes: Sequence[int] = ()) -> np.ndarray:
    """Average over classes, weighted by their images.

    Parameters
    ----------
    values : ndarray of shape (n, c), float32
        NaN for classes without images.
    class_count : ndarray of shape (c,), int64
        Images of each class.
    classes : sequence of int
        Chosen classes; empty for all. What is out of range is passed over.

    Returns
    -------
    ndarray of shape (n,), float64
        0 where nothing is known.
    """
    chosen = chosen_classes(values.shape[1], classes)
    chosen = chosen[class_count[chosen] > 0]  # of a thousand outputs a few may have images
    part = values[:, chosen].astype(np.float64)
    weight = np.where(np.isnan(part), 0.0, class_count[chosen].astype(np.float64))
    total = weight.sum(axis=1)
    return np.where(total > 0, (np.nan_to_num(part) * weight).sum(axis=1) / np.maximum(total, 1e-300), 0.0)


def chosen_classes(n_classes: int, classes: Sequence[int]) -> np.ndarray:
    """Classes that exist among the chosen ones; all where none was chosen.

    Parameters
    ----------
    n_classes : int
    classes : sequence of int
        Empty for all.

    Returns
    -------
    ndarray of int64
    """
    if not len(classes):
        return np.arange(n_classes)
    return np.asarray([c for c in classes if 0 <= c < n_classes], np.int64)


def importance(
    features: LayerFeatures, class_count: np.ndarray, kind: str = "mean", classes: Sequence[int] = ()
) -> np.ndarray:
    """Importance of the neurons of a layer.

    Parameters
    ----------
    features : LayerFeatures
    class_count : ndarray of shape (c,), int64
    kind : {"mean", "maximum", "contribution"}
        Mean activation; largest activation; mean size of the contribution to the score, whatever its sign.
    classes : sequence of int
        Empty for all.

    Returns
    -------
    ndarray of shape (n,), float64
        Never negative.
    """
    if kind == "mean":
        found = over_classes(features.mean, class_count, classes)
    elif kind == "maximum":
        part = features.maximum[:, chosen_classes(features.maximum.shape[1], classes)].astype(np.float64)
        found = np.nan_to_num(np.where(np.isnan(part), -np.inf, part).max(axis=1, initial=-np.inf), neginf=0.0)
    elif kind == "contribution":
        found = over_classes(np.abs(features.contribution), class_count, classes)
    else:
        raise ValueError(f"importance must be mean, maximum or contribution, got {kind!r}")
    return np.maximum(found, 0.0)


def strongly_activated(
    features: LayerFeatures,
    class_count: np.ndarray,
    classes: Sequence[int],
    cutoff: float = 0.5,
    by: str = "activation",
) -> np.ndarray:
    """Find which neurons the chosen classes activate strongly.

    Parameters
    ----------
    features : LayerFeatures
    class_count : ndarray of shape (c,), int64
    classes : sequence of int
        Empty for all, which activate every neuron strongly.
    cutoff : float
        Share of the layer's largest value over the chosen classes.
    by : {"activation", "selectivity", "contribution"}
        What is compared: the mean activation, the selectivity, or the contribution to the scores of the classes.

    Returns
    -------
    ndarray of shape (n,), bool
        All True where nothing is known: contributions that were not computed, or the selectivity of all classes.
    """
    if not len(classes):
        return np.ones(features.n_neurons, bool)
    if by == "selectivity":
        values = class_selectivity(features, class_count, classes)
    elif by == "contribution":
        values = over_images(*_of_classes(features.contribution, class_count, classes))
    else:
        values = over_classes(features.mean, class_count, classes)
    if by != "activation" and not np.isfinite(values).any():
        return np.ones(len(values), bool)
    values = np.where(np.isfinite(values), values, -np.inf)
    largest = values.max(initial=0.0)
    return values >= cutoff * largest if largest > 0 else np.zeros(len(values), bool)


def _of_classes(values: np.ndarray, class_count: np.ndarray, classes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The columns of the chosen classes, and how many images they have."""
    chosen = chosen_classes(values.shape[1], classes)
    return values[:, chosen], class_count[chosen]
