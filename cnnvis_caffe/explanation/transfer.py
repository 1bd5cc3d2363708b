"""Tries the features of every layer on another data set, by a linear classifier (Zeiler and Fergus 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.datasets.opening import open_source
from cnnvis_caffe.datasets.preprocessing import reorder, resize_planes
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import CnnvisError, DataFileError, UnknownNameError
from cnnvis_caffe.explanation.bare_network import BareNetwork
from cnnvis_caffe.explanation.kept import KeptResults
from cnnvis_caffe.explanation.layers import parameter_layers
from cnnvis_caffe.explanation.retrain import retrained_accuracy
from cnnvis_caffe.features.explain.colour_shape import without_colour
from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.annotations import CLASS
from cnnvis_caffe.records.explanation import Transfer

#: Numbers of a layer that the classifier gets; feature maps with more are averaged over parts of the image.
MOST_VALUES = 2048
#: Of the classifier, which chooses one by leaving out each image in turn.
_REGULARIZATIONS = (1.0, 10.0, 100.0, 1000.0, 10000.0)


@dataclass(frozen=True)
class TransferOptions:
    """How features are tried.

    Attributes
    ----------
    train, test : str
        Images with classes, as `analyze` takes data. They are brought to the network's size, and to grey or colour.
    layers : tuple of str
        Empty for all with weights.
    per_class : tuple of int
        Images of each class that the classifier learns from.
    n_repeats : int
        Choices of these images.
    n_test : int
        Images of `test` at most, each class in proportion.
    seed : int
        Of the choices.
    size : tuple of int
        Height and width of the images, where neither the network nor its weights say it; empty for what these say.
    retrains : bool
        Retrain the network's last layer as well, with Caffe's solver.
    keep : str
        A folder for what is found on the way; the same work goes on there. Empty for none.
    """

    train: str
    test: str
    layers: tuple[str, ...] = ()
    per_class: tuple[int, ...] = (5, 20, 60)
    n_repeats: int = 3
    n_test: int = 1000
    seed: int = 0
    size: tuple[int, ...] = ()
    retrains: bool = False
    keep: str = ""


def transfer(request: Request, options: TransferOptions, progress: Progress = SILENT) -> Transfer:
    """Train a linear classifier on the features of each layer, for images that the network was not trained on.

    Parameters
    ----------
    request : Request
        Network and weights; `data` is not read.
    options : TransferOptions
    progress : Progress, optional

    Returns
    -------
    Transfer

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, the network does not say its size, the images have no classes or too few of
        one, or there is no such layer.
    """
    train, test = (_with_classes(text) for text in (options.train, options.test))
    network = _Network(request, options.layers, options.size, train.input_shape[0], options.retrains)
    chosen = _choices(train, options)
    different = np.unique(np.concatenate([one.ravel() for one in chosen]))
    test_indices = test.choose(options.n_test)
    kept = KeptResults(options.keep, "transfer", network.identity if options.keep else "", network.layers, options.seed)
    progress.start(len(different) + len(test_indices), "features")
    learned = network.features(train, different, kept, progress)
    tried = network.features(test, test_indices, kept, progress)
    progress.done()
    # The features below the last layer stand at the end, where that is retrained.
    names = (*network.layers, f"{network.score_name}, retrained") if options.retrains else network.layers
    accuracy = np.empty((len(names), len(options.per_class), options.n_repeats))
    progress.start(accuracy.size, "classifiers")
    for (layer, count, repeat), _ in np.ndenumerate(accuracy):
        indices = chosen[repeat][:, : options.per_class[count]].ravel()
        rows = np.searchsorted(different, indices)
        judge = _accuracy if layer < len(network.layers) else retrained_accuracy
        accuracy[layer, count, repeat] = judge(
            learned[layer][rows], train.labels[indices], tried[layer], test.labels[test_indices]
        )
        progress.step()
    progress.done()
    n_classes = len(np.unique(train.labels))
    return Transfer(
        network.title, options.train, options.test, names, options.per_class, accuracy, n_classes, len(test_indices)
    )


class _Network(BareNetwork):
    """A network that gives the features of its layers for images of any size and colour."""

    def __init__(
        self, request: Request, layers: Sequence[str], size: tuple[int, ...], n_channels: int, retrains: bool
    ) -> None:
        super().__init__(request, size, n_channels)
        self._way = WayBack(self.net, self.input_name, self.score_name)
        wrong = [layer for layer in layers if layer not in self.nodes or layer not in self._way.blobs]
        if wrong:
            known = [one for one in self.nodes if one in self._way.blobs]
            raise UnknownNameError("layer before the scores", wrong[0], known)
        found = tuple(layers) or parameter_layers(tuple(self.nodes.values()), self._way.blobs)
        self.layers = (self.input_name, *(layer for layer in found if layer != self.input_name))
        self._read = (*self.layers, self._below_scores()) if retrains else self.layers

    def _below_scores(self) -> str:
        """What the last layer with weights reads."""
        names = list(self.net.top_names)
        writer = next(name for name in names if self.score_name in self.net.top_names[name])
        return str(self.net.bottom_names[writer][0])

    def features(
        self, source: ImageSource, indices: np.ndarray, kept: KeptResults, progress: Progress
    ) -> list[np.ndarray]:
        """For each layer that is read (n, n_values) float32."""
        found: list[list[np.ndarray]] = [[] for _ in self._read]
        for first in range(0, len(indices), self.batch):
            part = indices[first : first + self.batch]
            name = f"features_{source.fingerprint(part)}_{len(self._read)}" if kept.is_on else ""
            for values, one in zip(found, kept.get(name, partial(self._features, source, part))):
                values.append(one)
            progress.step(len(part))
        return [np.concatenate(values) for values in found]

    def _features(self, source: ImageSource, part: np.ndarray) -> list[np.ndarray]:
        """Those of one batch."""
        self._way.forward(self._inputs(source, part))
        return [averaged(self.net.blobs[layer].data, MOST_VALUES) for layer in self._read]

    def _inputs(self, source: ImageSource, indices: np.ndarray) -> np.ndarray:
        """Images of any geometry as the network takes them."""
        pixels = source.pixels(indices)
        order = source.channel_order
        if pixels.shape[1] == 3 and self.shape[0] == 1:
            pixels = without_colour(pixels, order)[:, :1].astype(pixels.dtype)
        elif pixels.shape[1] == 1 and self.shape[0] == 3:
            pixels = np.repeat(pixels, 3, 1)
        elif pixels.shape[1] != self.shape[0]:
            raise CnnvisError(
                f"{source.name} has images of {pixels.shape[1]} channels, the network takes {self.shape[0]}; only grey "
                "and colour are turned into each other"
            )
        pixels = reorder(pixels, order, self.preprocessing.channel_order or order)
        if pixels.shape[2:] != self.shape[1:]:
            pixels = resize_planes(np.ascontiguousarray(pixels), *self.shape[1:])
        return self.prepared(pixels)


def averaged(values: np.ndarray, most: int) -> np.ndarray:
    """Return activations as vectors; those of large feature maps averaged over parts of the image.

    Parameters
    ----------
    values : ndarray of shape (n, n_neurons) or (n, n_neurons, height, width)
    most : int
        Numbers in a vector, unless there are more neurons.

    Returns
    -------
    ndarray of shape (n, n_values), float32
    """
    if values.ndim == 4 and values[0].size > most:
        side = max(int(np.sqrt(most / values.shape[1])), 1)
        for axis in (2, 3):
            length = values.shape[axis]
            starts = np.unique(np.arange(side) * length // side)
            counts = np.diff([*starts, length])
            shape = [1, 1, 1, 1]
            shape[axis] = len(counts)
            values = np.add.reduceat(values, starts, axis) / counts.reshape(shape)
    return np.array(values.reshape(len(values), -1), np.float32)


def _with_classes(text: str) -> ImageSource:
    """Images in their own geometry, which must have classes."""
    source = open_source(text)
    if source.annotations.kind != CLASS:
        raise DataFileError(source.name, "has no class for each image, which a classifier learns from")
    return source


def _choices(source: ImageSource, options: TransferOptions) -> list[np.ndarray]:
    """For each repeat (n_classes, largest per_class) indices of images."""
    most = max(options.per_class)
    by_class = [np.flatnonzero(source.labels == one) for one in np.unique(source.labels)]
    least = min(map(len, by_class))
    if least < most:
        raise DataFileError(source.name, f"has a class of {least} images, and {most} are asked for (--per-class)")
    result = []
    for repeat in range(options.n_repeats):
        random = np.random.RandomState(options.seed + repeat)
        result.append(np.stack([random.permutation(one)[:most] for one in by_class]))
    return result


def _accuracy(learned: np.ndarray, classes: np.ndarray, tried: np.ndarray, wanted: np.ndarray) -> float:
    """Share of images that a linear classifier gets right."""
    from sklearn.linear_model import RidgeClassifierCV

    middle, spread = learned.mean(0), learned.std(0)
    spread[spread == 0] = 1
    classifier = RidgeClassifierCV(alphas=_REGULARIZATIONS)
    classifier.fit((learned - middle) / spread, classes)
    return float((classifier.predict((tried - middle) / spread) == wanted).mean())
