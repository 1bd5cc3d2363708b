"""What is known of the neurons of a shown layer: their patches, colours, likeness, and matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cnnvis_caffe.records.aggregation import Column
from cnnvis_caffe.records.analysis import Analysis, LayerFeatures, Snapshot
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.cache import SceneCache
from cnnvis_caffe.scene.colour_maps import hexadecimal


@dataclass(frozen=True, eq=False)
class Patches:
    """The strongest patches of a layer's neurons.

    Attributes
    ----------
    pixels : tuple of ndarray of shape (h, w, 3), uint8
        Of no height where there is none.
    aspects : ndarray of shape (n,), float64
        Width by height; 1 where there is none.
    colours : tuple of str
        Means, "#RRGGBB"; empty where there is none.
    """

    pixels: tuple[np.ndarray, ...]
    aspects: np.ndarray
    colours: tuple[str, ...]


def chosen_snapshot(analysis: Analysis, view: View) -> Snapshot:
    """Return the snapshot that a view names, the last one as a rule; KeyError if there is none of that name."""
    if not view.snapshot:
        return analysis.snapshots[-1]
    for snapshot in analysis.snapshots:
        if snapshot.label == view.snapshot:
            return snapshot
    raise KeyError(view.snapshot)


def snapshot_of_clusters(analysis: Analysis, view: View) -> Snapshot:
    """Return the snapshot whose clusters and places a view shows; KeyError if there is none of that name."""
    return chosen_snapshot(analysis, replace(view, snapshot=view.clusters_of))


def present_classes(analysis: Analysis) -> list[int]:
    """Return the classes of which there are images; all if there are none of any."""
    count = analysis.data.class_count
    return np.flatnonzero(count > 0).tolist() if (count > 0).any() else list(range(len(count)))


def features_of(snapshot: Snapshot, node: str) -> LayerFeatures | None:
    """Return the features of a node; None for inputs and whatever was not analysed."""
    return snapshot.features.get(node)


def patches_of(analysis: Analysis, snapshot: Snapshot, column: Column, cache: SceneCache) -> Patches:
    """Return the patches of a column.

    Where a receptive field reaches over both ends of the image, the padding is left out: in late layers of deep
    networks hardly anything else would be seen.
    """

    def read() -> Patches:
        n = len(column.labels)
        found = snapshot.thumbnails.get(column.node, ())
        pixels = tuple(found) if len(found) == n else tuple(np.zeros((0, 0, 3), np.uint8) for _ in range(n))
        aspects, colours = np.ones(n), [""] * n
        features = features_of(snapshot, column.node)
        if features is not None:
            height, width = analysis.data.input_shape[1:]
            boxes = features.top_box[:, 0].tolist() if features.top_box.shape[1] else [(0, 0, 0, 0)] * n
            pixels = tuple(without_padding(patch, box, height, width) for patch, box in zip(pixels, boxes))
        for neuron, patch in enumerate(pixels):
            if patch.size:
                aspects[neuron] = patch.shape[1] / patch.shape[0]
                colours[neuron] = hexadecimal(*patch.reshape(-1, 3).mean(axis=0))
        return Patches(pixels, np.clip(aspects, 0.25, 4.0), tuple(colours))

    return cache.get(("patches", id(snapshot), column.node, len(column.labels)), read, alive=snapshot)


def without_padding(patch: np.ndarray, box: Sequence[int], height: int, width: int) -> np.ndarray:
    """Cut a patch to the image along each axis on which its box holds the whole image.

    Parameters
    ----------
    patch : ndarray of shape (h, w, 3), uint8
    box : sequence of int
        y0, x0, y1, x1 in pixels of the image, which may lie outside.
    height, width : int
        Of the image.
    """
    y0, x0, y1, x1 = box
    if y0 <= 0 and y1 >= height and y1 - y0 > height:
        patch = patch[_inside(patch.shape[0], y0, y1, height)]
    if x0 <= 0 and x1 >= width and x1 - x0 > width:
        patch = patch[:, _inside(patch.shape[1], x0, x1, width)]
    return patch


def _inside(n: int, start: int, stop: int, length: int) -> slice:
    """Pixels of n over [start, stop) that lie in [0, length); one at least."""
    scale = n / (stop - start)
    first = min(n - 1, int(np.ceil(-start * scale - 0.25)))
    return slice(first, max(first + 1, int(np.floor((length - start) * scale + 0.25))))


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
