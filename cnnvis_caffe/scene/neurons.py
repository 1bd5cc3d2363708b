"""What is known of the neurons of a shown layer: their patches, colours, likeness, and matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.records.aggregation import Column
from cnnvis_caffe.records.analysis import Analysis, LayerFeatures, Snapshot
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.cache import SceneCache


@dataclass(frozen=True, eq=False)
class Patches:
    """The strongest patches of a layer's neurons.

    Attributes
    ----------
    pixels : tuple of ndarray of shape (h, w, 3), uint8
        Of no height where there is none.
    aspects : ndarray of shape (n,), float64
        Width by height; 1 where there is none.
    colours : ndarray of shape (n, 3), float64
        Means; NaN where there is none.
    """

    pixels: tuple[np.ndarray, ...]
    aspects: np.ndarray
    colours: np.ndarray


def chosen_snapshot(analysis: Analysis, view: View) -> Snapshot:
    """Return the snapshot that a view names, the last one as a rule; KeyError if there is none of that name."""
    if not view.snapshot:
        return analysis.snapshots[-1]
    for snapshot in analysis.snapshots:
        if snapshot.label == view.snapshot:
            return snapshot
    raise KeyError(view.snapshot)


def present_classes(analysis: Analysis) -> list[int]:
    """Return the classes of which there are images; all if there are none of any."""
    count = analysis.data.class_count
    return np.flatnonzero(count > 0).tolist() if (count > 0).any() else list(range(len(count)))


def features_of(snapshot: Snapshot, node: str) -> LayerFeatures | None:
    """Return the features of a node; None for inputs and whatever was not analysed."""
    return snapshot.features[node] if node in snapshot.features else None


def patches_of(snapshot: Snapshot, column: Column, cache: SceneCache) -> Patches:
    """Return the patches of a column."""

    def read() -> Patches:
        n = len(column.labels)
        found = snapshot.thumbnails[column.node] if column.node in snapshot.thumbnails else ()
        pixels = tuple(found) if len(found) == n else tuple(np.zeros((0, 0, 3), np.uint8) for _ in range(n))
        aspects, colours = np.ones(n), np.full((n, 3), np.nan)
        for neuron, patch in enumerate(pixels):
            if patch.size:
                aspects[neuron] = patch.shape[1] / patch.shape[0]
                colours[neuron] = patch.reshape(-1, 3).mean(axis=0)
        return Patches(pixels, np.clip(aspects, 0.25, 4.0), colours)

    return cache.get(("patches", id(snapshot), column.node, len(column.labels)), read, alive=snapshot)


def silent_neurons(snapshot: Snapshot, node: str, n: int) -> np.ndarray:
    """Return which neurons never respond: no image makes them anything but a constant not above 0."""
    features = features_of(snapshot, node)
    if features is None:
        return np.zeros(n, bool)
    return (features.overall_maximum <= 0) & (features.overall_maximum == features.minimum)


def likeness(snapshot: Snapshot, column: Column, neurons: np.ndarray) -> np.ndarray:
    """Return what makes neurons of a column alike: their mean activations by class, each scaled to length 1."""
    features = features_of(snapshot, column.node)
    if features is None:
        return np.zeros((len(neurons), 1))
    rows = np.nan_to_num(features.mean[neurons].astype(np.float64))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def facet_of(view: View, node: str, members: tuple[int, ...]) -> str:
    """Return the facet of a cluster: its own where the user chose one, else that of all."""
    for other, neurons, facet in view.facets:
        if other == node and set(neurons) == set(members):
            return facet
    return view.facet


def matrix_of(features: LayerFeatures, facet: str) -> np.ndarray:
    """Return neuron by class what a facet shows."""
    return features.contribution if facet == "contributions" else features.mean
