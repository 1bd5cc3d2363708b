"""Measures what neurons do for some classes: one array for each quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from cnnvis_caffe.readings.by_class import over_images, strongest_classes
from cnnvis_caffe.readings.dead import dead_neurons
from cnnvis_caffe.readings.redundant import redundant_groups
from cnnvis_caffe.records.analysis import Analysis, LayerFeatures, Snapshot


@dataclass(frozen=True, eq=False)
class NeuronNumbers:
    """Measures of some neurons for the chosen classes; each array has one value for each neuron.

    Attributes
    ----------
    neuron : ndarray of int64
        Its number in its layer.
    strongest : ndarray of int64
        The class that it answers to most of all, -1 where there is none.
    mean : ndarray of float64
        Mean activation over the images of the chosen classes.
    selectivity : ndarray of float64
        (mean - mean over the other images) / (sum of both), -1 to 1; in layers that go below 0 the difference by the
        standard deviation over all images and positions. Without a choice it is that of the strongest class. NaN
        where it is not defined.
    contribution : ndarray of float64
        What it adds to the scores of the chosen classes, the mean over their images.
    active_share : ndarray of float64
        Share of the images of the chosen classes that activate it.
    dead : ndarray of float64
        1 for neurons of a rectifier that never fire, 0 for its others, NaN where that is not known.
    twin : ndarray of float64
        Another neuron of the layer that does the same; NaN where there is none.
    twins : ndarray of float64
        How many others do the same; NaN where that is not known.
    """

    neuron: np.ndarray
    strongest: np.ndarray
    mean: np.ndarray
    selectivity: np.ndarray
    contribution: np.ndarray
    active_share: np.ndarray
    dead: np.ndarray
    twin: np.ndarray
    twins: np.ndarray


def neuron_numbers(
    analysis: Analysis,
    snapshot: Snapshot,
    layer: str,
    classes: Sequence[int] = (),
    of_all: NeuronNumbers | None = None,
) -> NeuronNumbers:
    """Measure the neurons of a layer.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    layer : str
        One whose neurons were analysed.
    classes : sequence of int
        Empty for all. What is out of range is passed over.
    of_all : NeuronNumbers, optional
        What this returned for all classes, where it is at hand: then only the chosen classes are read.

    Returns
    -------
    NeuronNumbers

    Raises
    ------
    UnknownNameError
        If the layer was not analysed.
    """
    features, counts = snapshot.features_of(layer), analysis.data.class_count
    if of_all is None:
        of_all = _of_all(analysis, snapshot, layer)
    chosen = np.asarray([c for c in classes if 0 <= c < analysis.data.n_classes], np.int64)
    if not len(chosen):
        return of_all
    values = features.mean[:, chosen]
    mean, share, contribution = (
        over_images(part, counts[chosen])
        for part in (values, features.active_share[:, chosen], features.contribution[:, chosen])
    )
    n_here = (np.isfinite(values) * counts[chosen]).sum(axis=1)
    return replace(
        of_all,
        mean=mean,
        active_share=share,
        contribution=contribution,
        selectivity=_selectivity(features, of_all.mean, _n_images(features, counts), mean, n_here),
    )


def class_selectivity(features: LayerFeatures, class_count: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Measure how much more active the neurons of a layer are on some classes than on the others.

    Parameters
    ----------
    features : LayerFeatures
    class_count : ndarray of shape (n_classes,), int64
    classes : sequence of int
        What is out of range is passed over.

    Returns
    -------
    ndarray of shape (n,), float64
        As `NeuronNumbers.selectivity`; NaN where all classes are chosen.
    """
    chosen = np.asarray([c for c in classes if 0 <= c < len(class_count)], np.int64)
    values, counts = features.mean[:, chosen], class_count[chosen]
    here, n_here = over_images(values, counts), (np.isfinite(values) * counts).sum(axis=1)
    mean, n_images = over_images(features.mean, class_count), _n_images(features, class_count)
    return _selectivity(features, mean, n_images, here, n_here)


def joined(parts: Sequence[NeuronNumbers]) -> NeuronNumbers:
    """Join the measures of several layers, at least one."""
    return NeuronNumbers(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(parts[0])))


def _of_all(analysis: Analysis, snapshot: Snapshot, layer: str) -> NeuronNumbers:
    """The numbers for all classes; the selectivity is that of each neuron's strongest class."""
    features, counts = snapshot.features_of(layer), analysis.data.class_count
    mean, share, contribution = (
        over_images(part, counts) for part in (features.mean, features.active_share, features.contribution)
    )
    strongest = strongest_classes(analysis, snapshot, layer)
    rows = np.arange(features.n_neurons)
    here, n_here = np.full(len(rows), np.nan), np.zeros(len(rows))
    if analysis.data.n_classes:
        is_known = strongest >= 0
        here = np.where(is_known, features.mean[rows, strongest].astype(np.float64), np.nan)
        n_here = np.where(is_known, counts[strongest], 0)
    selectivity = _selectivity(features, mean, _n_images(features, counts), here, n_here)
    dead = dead_neurons(analysis, snapshot, layer)
    dead = np.full(len(rows), np.nan) if dead is None else dead.astype(np.float64)
    twin, twins = _twins(snapshot, layer)
    return NeuronNumbers(rows, strongest, mean, selectivity, contribution, share, dead, twin, twins)


def _n_images(features: LayerFeatures, counts: np.ndarray) -> np.ndarray:
    """Images of all classes of which something is known: the same for all neurons."""
    return np.full(features.n_neurons, (np.isfinite(features.mean[:1]) * counts).sum(), np.float64)


def _selectivity(
    features: LayerFeatures, mean: np.ndarray, n_images: np.ndarray, here: np.ndarray, n_here: np.ndarray
) -> np.ndarray:
    """Compare the mean over some images, `here`, with that over the others; `mean` is over all."""
    with np.errstate(invalid="ignore", divide="ignore"):
        other = (mean * n_images - here * n_here) / (n_images - n_here)
        if bool((features.minimum < 0).any()):
            size = np.sqrt(features.variance.astype(np.float64))
        else:
            other = np.maximum(other, 0.0)  # a difference of two sums may end below it by rounding
            size = here + other
        return np.where((size > 0) & (n_images > n_here), (here - other) / size, np.nan)


def _twins(snapshot: Snapshot, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """For each neuron another one that does the same, and how many do."""
    twin, twins = (np.full(snapshot.features[layer].n_neurons, np.nan) for _ in range(2))
    if layer in snapshot.similarity and layer in snapshot.correlation:
        twins[:] = 0
        for group in redundant_groups(snapshot, layer):
            twin[group], twins[group] = group[0], len(group) - 1
            twin[group[0]] = group[1]
    return twin, twins
