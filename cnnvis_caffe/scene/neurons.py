"""Facts about the neurons of a shown layer: their patches, colours, likeness and matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cnnvis_caffe.records.aggregation import Column
from cnnvis_caffe.records.analysis import Analysis, LayerFeatures, Snapshot
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.cache import SceneCache
from cnnvis_caffe.scene.colour_maps import hexadecimal


class LayerPatches:
    """The strongest patches of a layer's neurons; of large layers only those that are shown are ever looked at.

    Parameters
    ----------
    found : sequence of ndarray of shape (h, w, 3), uint8
        Of no height where there is none; by neuron, or empty.
    cut : callable
        What of the patch of a neuron is shown.
    """

    def __init__(self, found: Sequence[np.ndarray], cut: Callable[[int, np.ndarray], np.ndarray]) -> None:
        self._found, self._cut = found, cut
        self._pixels: dict[int, np.ndarray] = {}
        self._colours: dict[int, str] = {}

    def pixels(self, neuron: int) -> np.ndarray:
        """Return a patch, (h, w, 3) uint8; of no height where there is none."""
        if neuron not in self._pixels:
            found = self._found[neuron] if len(self._found) else np.zeros((0, 0, 3), np.uint8)
            self._pixels[neuron] = self._cut(neuron, found)
        return self._pixels[neuron]

    def colour(self, neuron: int) -> str:
        """Return the mean of a patch, "#RRGGBB"; empty where there is none."""
        if neuron not in self._colours:
            self._colours[neuron] = _mean_colour(self.pixels(neuron))
        return self._colours[neuron]

    def aspects(self, neurons: np.ndarray) -> np.ndarray:
        """Return width by height of some neurons' patches, (m,) float64; 1 where there is none."""
        shapes = [self.pixels(neuron).shape for neuron in neurons.tolist()]
        return np.clip([width / height if width and height else 1.0 for height, width, _ in shapes], 0.25, 4.0)


def _mean_colour(patch: np.ndarray) -> str:
    """The mean of all pixels; empty where there are none."""
    height, width = patch.shape[:2]
    if not patch.size:
        return ""
    # Rows first: the other way round each sum would be over three numbers.
    sums = patch.reshape(height, -1).sum(axis=0, dtype=np.int64).reshape(-1, 3).sum(axis=0)
    return hexadecimal(*(sums / (height * width)).tolist())


def present_classes(analysis: Analysis) -> list[int]:
    """Return the classes of which there are images; all if there are none of any."""
    count = analysis.data.class_count
    return np.flatnonzero(count > 0).tolist() if (count > 0).any() else list(range(len(count)))


def features_of(snapshot: Snapshot, node: str) -> LayerFeatures | None:
    """Return the features of a node; None for inputs and whatever was not analysed."""
    return snapshot.features.get(node)


def patches_of(analysis: Analysis, snapshot: Snapshot, column: Column, cache: SceneCache) -> LayerPatches:
    """Return the patches of a column.

    Where a receptive field reaches over both ends of the image, the padding is left out: in late layers of deep
    networks hardly anything else would be seen.
    """

    def make() -> LayerPatches:
        found = snapshot.thumbnails.get(column.node, ())
        features = features_of(snapshot, column.node)
        if features is None or not features.top_box.shape[1]:
            boxes = None
        else:
            boxes = features.top_box[:, 0].tolist()
        height, width = analysis.data.input_shape[1:]

        def cut(neuron: int, patch: np.ndarray) -> np.ndarray:
            return patch if boxes is None else without_padding(patch, boxes[neuron], height, width)

        return LayerPatches(found if len(found) == len(column.labels) else (), cut)

    return cache.get(("patches", id(snapshot), column.node, len(column.labels)), make, alive=snapshot)


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
