"""Keeps a network open and answers for one image after another: its classes, its neurons, why."""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnnvis_caffe.analysis.deconvolution import request_of
from cnnvis_caffe.analysis.model import Model, Nets, check_weights, no_score, open_with_images
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.analysis.snapshots import SnapshotFile, find_snapshots
from cnnvis_caffe.datasets.opening import OpenedData, as_source
from cnnvis_caffe.datasets.preprocessing import Preprocessing, centre_crop
from cnnvis_caffe.datasets.readers import ArrayReader, FileReader, Reader
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import CnnvisError, DataFileError
from cnnvis_caffe.explanation.explain import ExplainOptions, explain
from cnnvis_caffe.explanation.occlude import FILLS
from cnnvis_caffe.explanation.subject import Subject
from cnnvis_caffe.features import engine
from cnnvis_caffe.features.explain.colour_shape import without_colour
from cnnvis_caffe.features.explain.grad_cam import stretched
from cnnvis_caffe.features.explain.scores import softmax
from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.features.neurons import Neurons
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.records.annotations import without_labels
from cnnvis_caffe.records.explanation import Explanation, GivenImage, Reaction, SeenImage
from cnnvis_caffe.records.task import CLASSES, EMBEDDING, LABELS, NUMBERS, PIXELS, SCORE

#: Prepared images that are kept, so that a large file is read once while its parts are hidden.
_MOST_IMAGES = 8
#: Weights of so many numbers make an integral of many steps a matter of seconds; then fewer are taken.
_LARGE_PARAMETERS, _FEW_STEPS = 2_000_000, 10


@dataclass(frozen=True, eq=False)
class _Prepared:
    """An image as the network takes it."""

    source: ImageSource
    inputs: np.ndarray


@dataclass(frozen=True, eq=False)
class _OneImage(Subject):
    """A subject with one image, of which it is known already what the network says."""

    image: SeenImage | None = None

    def seen(self) -> list[SeenImage]:
        """Return the image as people look at it."""
        assert self.image is not None
        return [self.image]


class LiveNetwork:
    """A network that runs, for one image after the other.

    Parameters
    ----------
    model : Model
    nets : Nets
    settings : Preprocessing
        How images are prepared.
    origin : str
        Where that comes from, in words.

    Attributes
    ----------
    model : Model

    Notes
    -----
    Not safe for several threads at once.
    """

    def __init__(self, model: Model, nets: Nets, settings: Preprocessing, origin: str) -> None:
        self.model, self._nets = model, nets
        self._settings, self._origin = settings, origin
        self._nodes = tuple(node for node in model.nodes if node.n_neurons)
        self._prepared: OrderedDict[int, tuple[GivenImage, _Prepared]] = OrderedDict()
        self._weights: SnapshotFile | None = None
        self._engine: Any = None

    def use_weights(self, snapshot: SnapshotFile) -> None:
        """Run with the weights of a snapshot from now on.

        Parameters
        ----------
        snapshot : SnapshotFile

        Raises
        ------
        CaffemodelError, ParamMismatchError
            If the file is damaged, or is not one of this network.
        """
        if snapshot != self._weights:
            check_weights(self.model, [snapshot])
            net = self._nets.with_weights(snapshot)
            make = getattr(net, "reductions", None)
            self._engine = make() if make is not None else engine.Reductions(net)
            self._weights = snapshot

    # -- what the network does

    def react(
        self, given: GivenImage, square: tuple[int, int, int, int] | None = None, fill: str = "grey"
    ) -> Reaction:
        """Run an image through the network, with a square hidden where one is given.

        Parameters
        ----------
        given : GivenImage
        square : tuple of int, optional
            y0, x0, y1, x1 in pixels of the network's input, half open.
        fill : {"grey", "black", "white", "mean"}, default="grey"
            What the square shows.

        Returns
        -------
        Reaction

        Raises
        ------
        CnnvisError
            If the image cannot be read, or be brought to what the network takes.
        """
        prepared = self._prepare(given)
        inputs = prepared.inputs
        if square is not None:
            y0, x0, y1, x1 = square
            share = FILLS[fill]
            colour = inputs[0].mean((1, 2), keepdims=True) if share is None else prepared.source.of_one_grey(share)
            inside = np.zeros((1, *inputs.shape[2:]), bool)
            inside[:, y0:y1, x0:x1] = True
            inputs = np.where(inside, colour, inputs[0])[None]
        self._forward(inputs)
        names = [node.name for node in self._nodes]
        peaks = self._engine.moments(names).peak[0]
        places = Neurons(self._nodes)
        kind, answers = self._answers()
        pixels = prepared.source.shown_images(np.arange(1))[0]
        known = self.model.class_names if len(answers) == self.model.n_classes else ()
        probabilities = answers if kind == "classes" else np.zeros(0, np.float32)
        image = SeenImage(given.name, pixels, given.label, probabilities, known)
        by_node = {name: peaks[places.of(name)] for name in names}
        return Reaction(image, kind, answers, known, by_node, f"{self._settings.words()} ({self._origin})")

    def _forward(self, inputs: np.ndarray) -> None:
        """Run the whole net on some images."""
        net = self._nets.net
        for name in net.inputs:
            shape = tuple(net.blobs[name].data.shape)
            if shape[:1] != (len(inputs),):
                net.blobs[name].reshape(len(inputs), *shape[1:])
        net.blobs[self.model.input_name].data[...] = inputs
        net.forward()

    def _answers(self) -> tuple[str, np.ndarray]:
        """What the network said last: the kind of its answers, and these."""
        nothing = "", np.zeros(0, np.float32)
        if not self.model.score_name:
            return nothing
        scores = self._nets.net.blobs[self.model.score_name].data[0].astype(np.float32)
        task = self.model.answers.task
        if scores.ndim > 1 and int(np.prod(scores.shape[1:])) > 1:
            if task not in (PIXELS, CLASSES):
                return nothing
            flat = scores.reshape(len(scores), -1).argmax(0)
            return "pixels", (np.bincount(flat, minlength=len(scores)) / len(flat)).astype(np.float32)
        scores = scores.reshape(-1)
        if task in (LABELS, SCORE):
            return "labels", (1 / (1 + np.exp(-scores))).astype(np.float32)
        if task in (NUMBERS, EMBEDDING):
            return "numbers", scores
        return "classes", softmax(scores)

    # -- why

    def explain(
        self, reaction: Reaction, given: GivenImage, neuron: str, method: str, progress: Progress = SILENT
    ) -> Explanation:
        """Explain what an image does to a neuron, by one method.

        Parameters
        ----------
        reaction : Reaction
            To the whole image.
        given : GivenImage
        neuron : str
            Such as ``conv2:17``; empty for the score of the most probable class.
        method : str
            Of `records.explanation.METHODS`, or "activation" for the map of the neuron's activations.
        progress : Progress, optional

        Returns
        -------
        Explanation
            One without values and with a note, where the method has nothing to say of this neuron.

        Raises
        ------
        CnnvisError
            If there is no such neuron, or the network gives no scores and no neuron is named.
        """
        if not neuron and not self.model.score_name:
            raise no_score(self.model)
        prepared = self._prepare(given)
        source = replace(self.model, source=prepared.source)
        subject = _OneImage(source, self._nets.net, np.zeros(1, np.int64), reaction.image)
        if method == "activation":
            return self._activation(subject, neuron or f"{self.model.score_name}:{int(reaction.answers.argmax())}")
        large = sum(blob.data.size for blobs in self._nets.net.params.values() for blob in blobs) > _LARGE_PARAMETERS
        options = ExplainOptions(neuron=neuron, methods=(method,), n_steps=_FEW_STEPS if large else 50)
        try:
            return explain(subject, options, progress)[0].explanations[0]
        except CnnvisError as error:
            node, _, number = neuron.rpartition(":")
            if method != "grad-cam" or not node:
                raise
            note = "there are no feature maps before it" if "feature maps" in str(error) else str(error)
            return Explanation(method, node, int(number), (), 0.0, np.zeros((1, 0, 0), np.float32), note=note)

    def _activation(self, subject: Subject, neuron: str) -> Explanation:
        """The map of a neuron's activations, stretched over the image."""
        node, number = subject.neuron(neuron)
        way = WayBack(subject.net, self.model.input_name, node.name, subject.slopes)
        found = way.forward(subject.inputs)[0, number]
        if found.ndim != 2 or found.size < 2:
            value, nothing = float(np.max(found)), np.zeros((1, 0, 0), np.float32)
            return Explanation("activation", node.name, number, (), value, nothing, note="one number, no map")
        place = tuple(int(one) for one in np.unravel_index(int(found.argmax()), found.shape))
        values = stretched(found[None], *subject.inputs.shape[2:])
        size = "×".join(map(str, found.shape))
        return Explanation("activation", node.name, number, place, float(found.max()), values, note=f"{size} positions")

    # -- images

    def _prepare(self, given: GivenImage) -> _Prepared:
        """An image as the network takes it; the last ones are kept."""
        known = self._prepared.get(id(given))
        if known is not None:
            self._prepared.move_to_end(id(given))
            return known[1]
        source = self._source(given)
        prepared = _Prepared(source, source.inputs(np.arange(1)))
        self._prepared[id(given)] = given, prepared
        if len(self._prepared) > _MOST_IMAGES:
            self._prepared.popitem(last=False)
        return prepared

    def _source(self, given: GivenImage) -> ImageSource:
        """A source with one image."""
        shape = self.model.source.input_shape
        if shape[0] not in (1, 3):
            raise DataFileError(
                given.name, f"is an image of one or three channels, but the network takes {shape[0]}; "
                "explain images of many channels on the command line (cnnvis-caffe explain, with an npz or HDF5 file)"
            )  # fmt: skip
        settings = self._settings
        if given.pixels is None:
            reader: Reader = FileReader([given.path], color=shape[0] == 3)
        else:
            planes = np.ascontiguousarray(given.pixels.transpose(2, 0, 1)[None])
            if shape[0] == 1:
                planes = np.rint(without_colour(planes, "RGB")[:, :1]).astype(np.uint8)
            reader = ArrayReader(planes, "grey" if shape[0] == 1 else "RGB")
        if given.is_fitted:
            mean = settings.mean_image
            fitting = mean if mean is None else centre_crop(mean, *shape[1:])
            settings = replace(settings, mean_image=fitting, resize=None, resize_to_fit=False)
        # Whatever size an image has, it is brought to the network's, as image files are.
        opened = OpenedData(given.name, (reader,), without_labels(1), are_files=not given.is_fitted)
        return as_source(opened, reader, shape, settings)


def open_live(
    analysis: Analysis,
    snapshot: Snapshot,
    *,
    places: Sequence[str] = (),
    allow_python_layers: bool = False,
    progress: Progress = SILENT,
) -> LiveNetwork:
    """Open the network of an analysis again, with the weights of one snapshot.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    places : sequence of str, optional
        Folders or files to look in too, where model and weights have moved.
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.
    progress : Progress, optional

    Returns
    -------
    LiveNetwork
        Images are prepared as the analysis prepared them.

    Raises
    ------
    CnnvisError
        If the model or the weights are not where they were, or are others now.
    """
    request = replace(request_of(analysis, snapshot, places), allow_python_layers=allow_python_layers)
    settings = _settings_of(analysis)
    if analysis.data.columns_are_scores and analysis.data.task == "classes" and not request.classes:
        request = replace(request, classes=analysis.data.class_names)
    model = _open_without_data(request, analysis.data.input_shape, progress)
    origin = "as in the analysis" if analysis.data.scale is not None else "the analysis does not say how"
    live = LiveNetwork(model, Nets(model.network, request), settings, origin)
    live.use_weights(snapshot_file(analysis, snapshot, places))
    return live


def snapshot_file(analysis: Analysis, snapshot: Snapshot, places: Sequence[str] = ()) -> SnapshotFile:
    """Return where the weights of a snapshot are now.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    places : sequence of str, optional

    Raises
    ------
    CnnvisError
        If they are not there, or are others now.
    """
    weights = request_of(analysis, snapshot, places).weights
    return find_snapshots(weights)[-1]


def _settings_of(analysis: Analysis) -> Preprocessing:
    """How the analysis prepared its images."""
    data = analysis.data
    order = data.channel_order if data.channel_order in ("RGB", "BGR") else ""
    mean, values = data.mean, np.zeros(0, np.float32)
    if data.mean is not None and data.mean.shape[1:] == (1, 1):
        mean, values = None, data.mean.ravel()
    name = "of the analysis" if mean is not None else ""
    scale = 1.0 if data.scale is None else data.scale
    return Preprocessing(
        scale=scale, mean_values=tuple(values.tolist()), mean_image=mean, mean_name=name, channel_order=order
    )


def _open_without_data(request: Request, shape: tuple[int, int, int], progress: Progress) -> Model:
    """Open the network for images of some shape; what is done to them is said elsewhere."""
    with tempfile.TemporaryDirectory(prefix="cnnvis_caffe.") as folder:
        path = os.path.join(folder, "images.npz")
        np.savez(path, images=np.zeros((1, *shape), np.uint8))
        # Scale and mean are named so that nothing is looked for, neither beside the network nor in files that it names.
        return open_with_images(replace(request, data=path, scale=1.0, mean="0"), progress)
