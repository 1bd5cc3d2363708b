"""Opens a network with its weights, and the images that are to be explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnvis_caffe.analysis.model import Model, Nets, check_weights, no_score, open_with_images
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.analysis.snapshots import find_snapshots
from cnnvis_caffe.errors import CnnvisError, UnknownNameError
from cnnvis_caffe.explanation.kept import identity
from cnnvis_caffe.features.explain.scores import Scorer
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Node
from cnnvis_caffe.records.annotations import CLASS
from cnnvis_caffe.records.explanation import SeenImage


@dataclass(frozen=True, eq=False)
class Subject:
    """A network that runs, and the images that are looked at.

    Attributes
    ----------
    model : Model
    net : Net
        With pycaffe's names and the weights.
    indices : ndarray of shape (n,), int64
        Of the images in their source.
    """

    model: Model
    net: Any
    indices: np.ndarray

    @property
    def identity(self) -> str:
        """What tells the network with its weights and preparation from others."""
        return identity(self.net, self.model.network.message, self.model.source.settings)

    @property
    def slopes(self) -> dict[str, float]:
        """``negative_slope`` of the ReLU layers, by name."""
        return {node.layer: node.negative_slope for node in self.model.nodes}

    @property
    def inputs(self) -> np.ndarray:
        """What the network takes of the images, (n, C, H, W) float32."""
        return self.model.source.inputs(self.indices)

    @property
    def labels(self) -> np.ndarray:
        """True classes of the images, (n,) int64; -1 where they are not known."""
        source = self.model.source
        if source.annotations.kind != CLASS:
            return np.full(len(self.indices), -1, np.int64)
        labels = source.labels[self.indices]
        return np.where(labels < self.model.n_classes, labels, -1)

    def scorer(self) -> Scorer:
        """Return what gives the probabilities of the classes.

        Raises
        ------
        NetError
            If the network has no scores, or scores of many positions.
        """
        if not self.model.score_name:
            raise no_score(self.model)
        return Scorer(self.net, self.model.input_name, self.model.score_name, self.model.batch)

    def class_number(self, name: str | int) -> int:
        """Return the class that a name or a number means.

        Parameters
        ----------
        name : str or int

        Raises
        ------
        CnnvisError
            If there is none.
        """
        names, n_classes = self.model.class_names, self.model.n_classes
        if not self.model.score_name:
            raise no_score(self.model)
        text = str(name).strip()
        if text in names:
            return names.index(text)
        short = [one.split(",")[0].strip().casefold() for one in names]
        if text.casefold() in short:
            return short.index(text.casefold())
        if text.isdigit() and int(text) < n_classes:
            return int(text)
        if text.lstrip("-").isdigit():
            raise CnnvisError(f"there is no class {text}; the network has the classes 0 to {n_classes - 1}")
        raise UnknownNameError("class", text, names)

    def node(self, name: str) -> Node:
        """Return a layer with neurons.

        Parameters
        ----------
        name : str

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        known = {node.name: node for node in self.model.nodes if node.n_neurons and node.role != "input"}
        if name not in known:
            raise UnknownNameError("layer with neurons", name, known)
        return known[name]

    def neuron(self, text: str) -> tuple[Node, int]:
        """Return layer and number of a neuron.

        Parameters
        ----------
        text : str
            Such as ``conv2:17``.

        Raises
        ------
        CnnvisError
            If there is no such layer or neuron.
        """
        layer, _, number = text.rpartition(":")
        if not layer or not number.isdigit():
            first = next(node.name for node in self.model.nodes if node.n_neurons and node.role != "input")
            raise CnnvisError(f"neuron {text!r}: write LAYER:NUMBER, such as {first}:0")
        node = self.node(layer)
        if int(number) >= node.n_neurons:
            raise CnnvisError(f"{layer} has the neurons 0 to {node.n_neurons - 1}, not {number}")
        return node, int(number)

    def seen(self) -> list[SeenImage]:
        """Return the images as people look at them, with what the network says of each."""
        source, names = self.model.source, self.model.class_names
        pixels = source.shown_images(self.indices)
        probabilities = self._probabilities()
        return [
            SeenImage(source.name_of(int(index)), pixels[i], int(self.labels[i]), probabilities[i], names)
            for i, index in enumerate(self.indices)
        ]

    def _probabilities(self) -> np.ndarray:
        """(n, n_classes) float32; without columns where the network has no score for a whole image."""
        name = self.model.score_name
        if not name or any(length != 1 for length in self.net.blobs[name].data.shape[2:]):
            return np.zeros((len(self.indices), 0), np.float32)
        scorer = self.scorer()
        found = np.empty((len(self.indices), self.model.n_classes), np.float32)
        for part in scorer.batches(len(found)):
            scorer.input(part.stop - part.start)[...] = self.model.source.inputs(self.indices[part])
            found[part] = scorer.probabilities()
        return found


def open_subject(
    request: Request,
    images: Sequence[int] | None = None,
    progress: Progress = SILENT,
    *,
    default: Sequence[int] = (0,),
) -> Subject:
    """Open network, weights and images, and check that they fit.

    Parameters
    ----------
    request : Request
        With at most one file of weights; `data` is an image file, or anything else that `analyze` takes.
    images : sequence of int, optional
        Which of the images are looked at, from 0.
    progress : Progress, optional
    default : sequence of int, default=(0,)
        The same where it is not said; those that are not there are left out.

    Returns
    -------
    Subject

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or things do not fit.
    """
    model = open_with_images(request, progress)
    n_images = model.source.n_images
    if images is None:
        images = [index for index in default if index < n_images]
    wrong = [index for index in images if not 0 <= index < n_images]
    if wrong:
        raise CnnvisError(f"{model.source.name} has the images 0 to {n_images - 1}, not {wrong[0]}")
    snapshots = find_snapshots(request.weights)
    check_weights(model, snapshots)
    net = Nets(model.network, request).with_weights(snapshots[-1])
    return Subject(model, net, np.asarray(images, np.int64))


