"""One pass over the data: from batches of images to everything that an analysis knows of a snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnvis_caffe.errors import NetError, ShapeError, UnknownLayerError
from cnnvis_caffe.features import engine
from cnnvis_caffe.features.cell_images import CellSums
from cnnvis_caffe.features.class_sums import ClassMaxima, ClassMembers, ClassSums, rounds
from cnnvis_caffe.features.connections import kernels, neuron_weights, scale_factors, weight_counts
from cnnvis_caffe.features.judges import JUDGES, Judge
from cnnvis_caffe.features.neurons import Neurons
from cnnvis_caffe.features.outcome import Outcome
from cnnvis_caffe.features.places import PatchPlaces
from cnnvis_caffe.features.score_path import NO_PATH, score_path
from cnnvis_caffe.features.similarity import correlation, cosine_similarity
from cnnvis_caffe.features.top_images import TopImages
from cnnvis_caffe.features.totals import Totals
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.records.analysis import (
    CellImages,
    Connections,
    LayerDebug,
    LayerFeatures,
    Node,
    WeightCounts,
)
from cnnvis_caffe.records.measure import Measure
from cnnvis_caffe.records.summation import Summation

CONTRIBUTIONS = ("own", "all", "none")


@dataclass(frozen=True, eq=False)
class ExtractedSnapshot:
    """What a pass over the data found out; the fields are those of `Snapshot` with the same name.

    Attributes
    ----------
    loss, error : float
    measures : tuple of Measure
    confusion : ndarray of shape (n, n), float64, or None
    cell_images : CellImages or None
    n_images : int
    class_count : ndarray of shape (n_classes,), int64
        Images of each class or group.
    features : mapping of str to LayerFeatures
        Put together when they are asked for, each time anew.
    strongest : mapping of str to (ndarray of shape (n,), int64; ndarray of shape (n, 4), int32)
        For each node the first column of `top_image` and `top_box`, likewise.
    top_images : ndarray of int64
        All images that some neuron responds to most, and those of `cell_images`, ascending.
    similarity, correlation : mapping of str to ndarray
        The same.
    connections : mapping of str to Connections
    scale : mapping of str to ndarray
    kernels : mapping of str to ndarray
    weight_counts : mapping of str to WeightCounts
    debug : mapping of str to LayerDebug
        Without what takes other snapshots or solver states (`features.changes`).
    """

    loss: float
    error: float
    measures: tuple[Measure, ...]
    confusion: np.ndarray | None
    cell_images: CellImages | None
    n_images: int
    class_count: np.ndarray
    features: Mapping[str, LayerFeatures]
    strongest: Mapping[str, tuple[np.ndarray, np.ndarray]]
    top_images: np.ndarray
    similarity: Mapping[str, np.ndarray]
    correlation: Mapping[str, np.ndarray]
    connections: Mapping[str, Connections]
    scale: Mapping[str, np.ndarray]
    kernels: Mapping[str, np.ndarray]
    weight_counts: Mapping[str, WeightCounts]
    debug: Mapping[str, LayerDebug]


class Extraction:
    """Sums up what the neurons of a net do on images that come in batches.

    Parameters
    ----------
    net : Net
        The analysis net with its weights, by pycaffe's face: ours or the real one.
    nodes : sequence of Node
        From `analysis_nodes`.
    fields : PatchPlaces or ReceptiveFields, optional
        Of the analysis net; without them the boxes of top images are zero.
    input_name, label_name, score_name : str
        Nodes (and blobs) with the images, their labels, and the scores; the last two may be empty: then the net has no
        loss on labels, and no score.
    n_classes : int
        Columns of the matrices: classes, labels, targets or groups.
    judge : Judge, optional
        Of what the net answers; for one class of many if left out.
    judged_names : sequence of str, optional
        Blobs that are judged, and that the scores of the columns are made of; the score if left out.
    columns_are_scores : bool, default=True
        Whether each column has a score of its own. If not, contributions are to the largest score of each image.
    top : int, default=9
        Images to keep for each neuron.
    contributions : {"own", "all", "none"}
        To the score of each image's own column, of all columns as well, or not at all.
    gradients : bool, default=True
        Whether the gradients of the loss with respect to the weights are summed.
    layers : collection of str, optional
        Nodes to analyse; all with neurons if left out.
    similarity_limit : int, default=2048
        Nodes with more neurons get no matrices of similarity and correlation.

    Raises
    ------
    UnknownLayerError
        If one of `layers` is not there or has no neurons.
    NetError
        If the net has no such input, or its score another number of classes.

    Notes
    -----
    Batches may come in any order and cut. The memory that it takes depends on the net, not on the number of images.
    """

    def __init__(
        self,
        net: Any,
        nodes: Sequence[Node],
        fields: PatchPlaces | ReceptiveFields | None = None,
        *,
        input_name: str,
        label_name: str,
        score_name: str,
        n_classes: int,
        judge: Judge | None = None,
        judged_names: Sequence[str] = (),
        columns_are_scores: bool = True,
        top: int = 9,
        contributions: str = "own",
        gradients: bool = True,
        layers: Collection[str] | None = None,
        similarity_limit: int = 2048,
    ) -> None:
        if contributions not in CONTRIBUTIONS:
            raise ValueError(f"contributions must be one of {', '.join(CONTRIBUTIONS)}, got {contributions!r}")
        self._net = net
        self._nodes = {node.name: node for node in nodes}
        self._places = PatchPlaces(fields, input_name) if isinstance(fields, ReceptiveFields) else fields
        self._input, self._label, self._score = input_name, label_name, score_name
        self._n_classes = n_classes
        self._judge = JUDGES["classes"](n_classes) if judge is None else judge
        self._judged = tuple(judged_names) or ((score_name,) if score_name else ())
        self._columns_are_scores = columns_are_scores
        self._contributions, self._gradients = contributions, gradients
        self._check_net()
        analysed = _chosen(nodes, layers)
        self._neurons = Neurons(analysed)
        self._start = self._judge.start if columns_are_scores else "largest"
        self._scored = self._judged if self._start == "distance" else tuple(filter(None, [score_name]))
        self._path = score_path(net, self._scored) if self._scored else NO_PATH
        self._on_path = [node for node in analysed if node.name in self._path.blobs]
        self._path_neurons = Neurons(self._on_path)
        self._summation = Summation(
            input_name, self._judged or self._scored, self._start, n_classes,
            type(self._judge) is JUDGES["classes"], self._neurons.names, self._path_neurons.names,
            self._path.layers, self._path.silent, top, contributions, gradients,
        )  # fmt: skip
        make = getattr(net, "reductions", None)
        self._engine: Any = make() if make is not None else engine.Reductions(net)

        total, n_on_path = self._neurons.total, self._path_neurons.total
        self._outcome = Outcome(n_classes)
        self._totals = Totals(total)
        self._top = TopImages(top, total)
        self._cells = CellSums()
        self._mean, self._peak, self._active = (ClassSums(n_classes, total) for _ in range(3))
        self._maximum = ClassMaxima(n_classes, total)
        self._own = ClassSums(n_classes, n_on_path if contributions != "none" else 0)
        self._all = ClassSums(n_classes, n_on_path if contributions == "all" else 0)
        self._similar = {
            node.name: (node.n_neurons,) * 2 for node in analysed if node.n_neurons <= similarity_limit
        }
        self._products = self._engine.new_sums(self._similar)
        self._weight_shapes = {
            node.name: np.shape(net.params[node.layer][0].data)
            for node in self._weight_nodes()
            if gradients and node.name == node.layer
        }
        self._gradient_sums = self._engine.new_sums(self._weight_shapes)
        self._elsewhere: Any = None  # sums up on the engine's device, where the engine has one
        self._is_behind = False  # what it has summed up since is not here yet

    # -- setting up ------------------------------------------------------------------------------------------------

    def _check_net(self) -> None:
        """Refuse a net that does not have what is said."""
        for what, name in (("input", self._input), ("labels", self._label), ("score", self._score)):
            if name not in self._net.blobs and (name or what == "input"):
                raise NetError(f"the analysis net has no blob {name!r} for its {what}; it has {list(self._net.blobs)}")
        if type(self._judge) is not JUDGES["classes"] or not self._columns_are_scores:
            return
        shape = tuple(self._net.blobs[self._score].shape)
        if len(shape) < 2 or shape[1] != self._n_classes:
            raise NetError(f"the score {self._score!r} has shape {shape}, which is not of {self._n_classes} classes")

    def _weight_nodes(self) -> Iterator[Node]:
        """The nodes with weights between neurons."""
        for node in self._nodes.values():
            if node.kind == "weights" and node.n_neurons and self._nodes[node.sources[0]].n_neurons:
                yield node

    @property
    def n_images(self) -> int:
        """Number of images seen."""
        self._fetch()
        return self._outcome.n_images

    @property
    def class_count(self) -> np.ndarray:
        """Images seen of each class."""
        self._fetch()
        return self._outcome.class_count

    # -- a batch -----------------------------------------------------------------------------------------------------

    def update(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        *,
        targets: np.ndarray | None = None,
        feeds: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Run a batch of images and add what comes out.

        Parameters
        ----------
        inputs : ndarray of shape (n, C, H, W), float32
            As the net gets them. The net is reshaped to the batch.
        labels : ndarray of shape (n,), int, or of shape (n, n_classes), bool
            The column of each image, -1 for none; or whether it belongs to each column.
        indices : ndarray of shape (n,), int64
            Of the images in their source, each once in all batches.
        targets : ndarray of shape (n, ...), optional
            What is right, as the judge takes it; the labels where columns are scores and there is one an image.
        feeds : mapping of str to ndarray, optional
            What else goes into the net, by blob; the labels where the net takes some.

        Raises
        ------
        ShapeError
            If the arrays do not fit the net, or each other.
        NetError
            If a label is not a class.
        DeviceMemoryError
            If the batch is too large for the GPU; what was summed up so far is lost then.
        """
        labels, indices = self._checked(inputs, labels, indices)
        if targets is None and self._columns_are_scores and labels.ndim == 1:
            targets = labels
        if feeds is None:
            feeds = {self._label: labels} if self._label else {}
        if len(labels):
            with self._engine.memory_explained():
                self._take_in(inputs, labels, indices, targets, feeds)

    def _take_in(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        targets: np.ndarray | None,
        feeds: Mapping[str, np.ndarray],
    ) -> None:
        """Sum a batch up, here or where the engine does it."""
        is_countable = targets is None or targets is labels or not self._summation.counts_classes
        if not (self._engine.accumulates and is_countable):
            self._fetch()
            self._elsewhere = None
            self._update(inputs, labels, indices, targets, feeds)
            return
        if self._elsewhere is None:
            sums = self._products, self._gradient_sums
            self._elsewhere = self._engine.accumulator(self._summation, *sums, self._state(), self._judge_batch)
        self._is_behind = True
        self._elsewhere.update(inputs, list(rounds(labels)), indices, targets, feeds)

    def _update(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        targets: np.ndarray | None,
        feeds: Mapping[str, np.ndarray],
    ) -> None:
        """Sum a batch up here."""
        self._forward(inputs, feeds)
        names = self._neurons.names
        moments = self._engine.moments(names)
        members = ClassMembers(labels)
        self._outcome.update(self._loss(), members)
        if targets is not None:
            self._judge_batch([np.asarray(self._net.blobs[name].data) for name in self._judged], targets, indices)
        self._totals.update(moments.mean, moments.square, moments.minimum, moments.peak.max(0))
        self._mean.update(moments.mean, members)
        self._peak.update(moments.peak, members)
        self._maximum.update(moments.peak, members)
        self._active.update(moments.peak > 0, members)
        self._top.update(moments.peak, indices, self._find_positions)
        self._engine.add_products(self._products, moments, {name: self._neurons.of(name) for name in names})
        if self._gradients:
            self._engine.backward()
            self._engine.add_gradients(self._gradient_sums, float(len(labels)))
        if self._contributions == "all":
            for number in range(self._n_classes):
                self._add_contribution_of(number, labels, targets)
        elif self._contributions == "own" and self._columns_are_scores:
            for columns in rounds(labels):
                self._own.update(self._contribution(columns, targets), ClassMembers(columns))
        elif self._contributions == "own":
            self._own.update(self._contribution(labels, targets), members)

    def _checked(
        self, inputs: np.ndarray, labels: np.ndarray, indices: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels and indices as they are summed by, after everything has been looked at."""
        labels, indices = np.asarray(labels), np.asarray(indices, np.int64)
        shape = tuple(self._net.blobs[self._input].shape)
        if np.shape(inputs)[1:] != shape[1:]:
            raise ShapeError(
                self._input,
                f"images have shape {np.shape(inputs)[1:]}; the net's input {self._input!r} takes {shape[1:]}",
            )
        n = len(inputs)
        if labels.shape not in ((n,), (n, self._n_classes)) or indices.shape != (n,):
            raise ShapeError(
                self._input,
                f"{n} images need as many labels and indices; got arrays of shape {labels.shape} and {indices.shape}",
            )
        if labels.ndim == 2:
            return labels.astype(bool, copy=False), indices
        outside = labels[(labels < -1) | (labels >= self._n_classes)]
        if len(outside):
            raise NetError(
                f"label {outside[0]} is not a class: the score {self._score!r} has {self._n_classes}, numbered from 0"
            )
        return labels.astype(np.int64, copy=False), indices

    def _forward(self, inputs: np.ndarray, feeds: Mapping[str, np.ndarray]) -> None:
        """Put a batch into the net and run it."""
        net, n = self._net, len(inputs)
        blobs = {name: net.blobs[name] for name in (self._input, *feeds)}
        if any(blob.shape[0] != n for blob in blobs.values()):
            for blob in blobs.values():
                blob.reshape(n, *blob.shape[1:])
            net.reshape()
        blobs[self._input].data[...] = inputs
        for name, values in feeds.items():
            data = blobs[name].data
            # One value an image holds for all its positions.
            data[...] = values.reshape(n, *(1,) * (data.ndim - 1)) if values.size == n else values.reshape(data.shape)
        net.forward()

    def _loss(self) -> float:
        """The weighted loss of the batch."""
        weights = self._net.blob_loss_weights
        return float(sum(w * self._net.blobs[name].data.sum() for name, w in weights.items() if w))

    def _judge_batch(self, scores: Sequence[np.ndarray], targets: np.ndarray, indices: np.ndarray) -> None:
        """Judge answers, and keep images of each cell of the confusion matrix."""
        self._judge.update(scores, targets)
        cells = self._judge.cells(scores, targets, indices)
        if cells is not None:
            self._cells.update(cells)

    def _find_positions(self, images: np.ndarray, neurons: np.ndarray) -> np.ndarray:
        """Positions of the largest activations of some neurons on some images of the batch."""
        result = np.zeros(len(images), np.int64)
        for name, which, numbers in self._neurons.split(neurons):
            if self._nodes[name].positions:
                result[which] = self._engine.positions(name, images[which], numbers)
        return result

    def _contribution(self, columns: np.ndarray, targets: np.ndarray | None) -> np.ndarray:
        """Activation times gradient of one column's score for each image, of all neurons that it depends on."""
        scores = [np.asarray(self._net.blobs[name].data) for name in self._scored]
        if self._start == "largest":
            answers = scores[0].reshape(*scores[0].shape[:2], -1).max(2).argmax(1)
            found = Judge.gradients(scores, answers, None)
        else:
            found = self._judge.gradients(scores, columns, targets)
        self._engine.backward_from(dict(zip(self._scored, found)), self._path.layers, self._path.silent)
        return self._engine.products(self._path_neurons.names)

    def _add_contribution_of(self, number: int, labels: np.ndarray, targets: np.ndarray | None) -> None:
        """To the score of one column: over all images, and over its own."""
        values = self._contribution(np.full(len(labels), number), targets)
        own = labels == number if labels.ndim == 1 else labels[:, number]
        self._all.sums[number] += values.sum(0, dtype=np.float64)
        self._own.sums[number] += values[own].sum(0, dtype=np.float64)

    # -- parts of a pass ---------------------------------------------------------------------------------------------

    def _accumulators(self) -> dict[str, Any]:
        """Everything that sums up on its own, by name."""
        return {
            "outcome": self._outcome,
            "judge": self._judge,
            "totals": self._totals,
            "top": self._top,
            "cells": self._cells,
            "mean": self._mean,
            "peak": self._peak,
            "active": self._active,
            "maximum": self._maximum,
            "own": self._own,
            "all": self._all,
        }

    def merge(self, other: Extraction) -> None:
        """Add what another extraction, with the same net and settings, has seen of other images."""
        self._fetch()
        other._fetch()
        self._elsewhere = None
        theirs = other._accumulators()
        for name, mine in self._accumulators().items():
            mine.merge(theirs[name])
        self._engine.add_sums(self._products, other._engine.arrays(other._products))
        self._engine.add_sums(self._gradient_sums, other._engine.arrays(other._gradient_sums))

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on later: arrays by names with slashes; copy what must not change."""
        self._fetch()
        result = self._state()
        for part, sums in (("products", self._products), ("gradients", self._gradient_sums)):
            for name, array in self._engine.arrays(sums).items():
                result[f"{part}/{name}"] = array
        return result

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state of an extraction with the same net and settings; what was seen before is forgotten."""
        self._elsewhere, self._is_behind = None, False
        parts = self._restore(state)
        self._products = self._engine.new_sums(self._similar)
        self._engine.add_sums(self._products, parts.get("products", {}))
        self._gradient_sums = self._engine.new_sums(self._weight_shapes)
        self._engine.add_sums(self._gradient_sums, parts.get("gradients", {}))

    def _state(self) -> dict[str, np.ndarray]:
        """What lies here, without the sums that the engine keeps."""
        return {
            f"{part}/{name}": array
            for part, accumulator in self._accumulators().items()
            for name, array in accumulator.state().items()
        }

    def _restore(self, state: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
        """Take a state over into what lies here; return it by parts."""
        parts: dict[str, dict[str, np.ndarray]] = {}
        for key, array in state.items():
            part, _, name = key.partition("/")
            parts.setdefault(part, {})[name] = array
        for part, accumulator in self._accumulators().items():
            accumulator.restore(parts.get(part, {}))
        return parts

    def _fetch(self) -> None:
        """Bring here what was summed up elsewhere."""
        if self._is_behind:
            found = self._elsewhere.state()
            parts = {"judge": self._judge.state(), "cells": self._cells.state()}
            here = {f"{part}/{name}": array.copy() for part in parts for name, array in parts[part].items()}
            self._restore({**here, **found})
            self._is_behind = False

    # -- the result --------------------------------------------------------------------------------------------------

    def finish(self) -> ExtractedSnapshot:
        """Return what was found; more batches may follow."""
        self._fetch()
        gradients = {
            name: total / max(self.n_images, 1) for name, total in self._engine.arrays(self._gradient_sums).items()
        }
        products = self._engine.arrays(self._products)
        n = max(self.n_images, 1)

        def correlated(name: str) -> np.ndarray:
            """Correlation of a node's neurons."""
            return correlation(products[name], self._totals.total[self._neurons.of(name)], n)

        confusion = self._judge.confusion
        cells = None if confusion is None else self._cells.finish(confusion)
        return ExtractedSnapshot(
            loss=self._outcome.loss if any(self._net.blob_loss_weights.values()) else float("nan"),
            error=self._judge.error,
            measures=self._judge.measures(),
            confusion=None if confusion is None else confusion.copy(),
            cell_images=cells if cells is not None and len(cells.image) else None,
            n_images=self.n_images,
            class_count=self.class_count.copy(),
            features=_OnDemand(self._neurons.names, self._features),
            strongest=_OnDemand(self._neurons.names, self._strongest),
            top_images=np.union1d(self._top_images(), [] if cells is None else cells.image).astype(np.int64),
            similarity=_OnDemand(tuple(products), lambda name: cosine_similarity(products[name])),
            correlation=_OnDemand(tuple(products), correlated),
            connections={node.name: self._connection(node, gradients) for node in self._weight_nodes()},
            scale={
                node.name: scale_factors([np.asarray(blob.data) for blob in self._net.params[node.layer]], node)
                for node in self._nodes.values()
                if node.kind == "scale" and node.n_neurons
            },
            kernels=self._kernels(),
            weight_counts=self._weight_counts(),
            debug=self._debug(gradients),
        )

    def _features(self, name: str) -> LayerFeatures:
        """The features of a node's neurons."""
        own = self._neurons.of(name)
        counts, totals = self.class_count, self._totals.of(own)
        image, where = self._top_of(name)
        both = np.zeros((*image.shape, 2), np.int32)
        both[..., : min(2, where.shape[-1])] = where[..., -2:]  # of a clip, without the frame
        contribution, contribution_all = self._contributions_of(name)
        return LayerFeatures(
            mean=self._mean.means(own, counts),
            peak=self._peak.means(own, counts),
            maximum=self._maximum.of(own),
            active_share=self._active.means(own, counts),
            overall_mean=totals.mean.astype(np.float32),
            variance=totals.variance.astype(np.float32),
            minimum=totals.minimum,
            overall_maximum=totals.maximum,
            top_image=image,
            top_response=np.where(image < 0, np.float32(np.nan), self._top.response[own]),
            top_position=both,
            top_box=self._boxes(self._nodes[name], where, image),
            contribution=contribution,
            contribution_all=contribution_all,
        )

    def _top_of(self, name: str, k: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The first k images of a node's neurons, (n, k), and the positions in them, (n, k, axes)."""
        node, own = self._nodes[name], self._neurons.of(name)
        is_constant = self._totals.of(own).is_constant
        image = np.where(is_constant[:, np.newaxis], -1, self._top.image[own, :k])
        position = np.where(image < 0, 0, self._top.position[own, :k])
        return image, np.stack(np.unravel_index(position, node.positions or (1,)), -1)

    def _strongest(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The strongest image of a node's neurons, and the box that they see of it."""
        image, where = self._top_of(name, 1)
        return image[:, 0], self._boxes(self._nodes[name], where, image)[:, 0]

    def _top_images(self) -> np.ndarray:
        """All images that some neuron responds to most."""
        images = np.unique(self._top.image[~self._totals.is_constant])
        return images[images >= 0]

    def _boxes(self, node: Node, where: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Receptive fields of positions; zero where there is no image."""
        boxes = np.zeros((*image.shape, 4), np.int32)
        if self._places is None:
            return boxes
        channels = np.broadcast_to(np.arange(len(image))[:, np.newaxis], image.shape)
        found = self._places.boxes(node, where, channels)
        if found is not None:
            boxes[...] = np.where(image[..., np.newaxis] < 0, 0, found)
        return boxes

    def _contributions_of(self, name: str) -> tuple[np.ndarray, np.ndarray | None]:
        """To the classes' scores: over their own images, and over all where that was asked for."""
        unknown = np.full((self._nodes[name].n_neurons, self._n_classes), np.nan, np.float32)
        if self._contributions == "none" or name not in self._path.blobs:
            return unknown, unknown.copy() if self._contributions == "all" else None
        neurons = self._path_neurons.of(name)
        own = self._own.means(neurons, self.class_count)
        if self._contributions == "own":
            return own, None
        return own, self._all.means(neurons, np.full(self._n_classes, max(self.n_images, 1)))

    def _connection(self, node: Node, gradients: Mapping[str, np.ndarray]) -> Connections:
        """Weights and gradients between the neurons of a node and of its source."""
        n_from = self._nodes[node.sources[0]].n_neurons
        weight = np.asarray(self._net.params[node.layer][0].data)
        mean, mean_abs = neuron_weights(weight, node, n_from)
        if not self._gradients:
            return Connections(mean, mean_abs)
        return Connections(mean, mean_abs, *neuron_weights(gradients[node.layer], node, n_from))

    def _kernels(self) -> dict[str, np.ndarray]:
        """Weights of the convolutions that read the images."""
        n_channels = self._net.blobs[self._input].shape[1]
        found = {
            node.name: kernels(np.asarray(self._net.params[node.layer][0].data), node, n_channels)
            for node in self._weight_nodes()
            if node.sources[0] == self._input
        }
        return {name: weights for name, weights in found.items() if weights is not None}

    def _weight_counts(self) -> dict[str, WeightCounts]:
        """How the weights of each layer are distributed."""
        nodes = [node.name for node in self._weight_nodes() if node.name == node.layer]
        found = {name: weight_counts(np.asarray(self._net.params[name][0].data)) for name in nodes}
        return {name: counts for name, counts in found.items() if counts is not None}

    def _debug(self, gradients: Mapping[str, np.ndarray]) -> dict[str, LayerDebug]:
        """Debugging information of layers with weights, and of rectifiers."""
        result = {}
        for node in self._nodes.values():
            if node.role == "weights" and node.name == node.layer:
                weights = np.asarray(self._net.params[node.layer][0].data)
                gradient = gradients.get(node.layer)
                result[node.name] = LayerDebug(
                    mean_abs_weight=float(np.abs(weights).mean(dtype=np.float64)),
                    mean_abs_gradient=float("nan") if gradient is None else float(np.abs(gradient).mean()),
                )
            elif node.role == "rectifier":
                seen = self._seen_of_rectifier(node)
                if seen:
                    highest = self._totals.maximum[self._neurons.of(seen)]
                    result[node.name] = LayerDebug(dead_share=float((highest <= 0).mean()))
        return result

    def _seen_of_rectifier(self, node: Node) -> str:
        """The node whose maxima say what is dead: what goes in, else what comes out if it has the same sign."""
        if node.sources[0] in self._neurons.names:
            return node.sources[0]
        keeps_sign = node.type == "ReLU" and node.negative_slope >= 0
        return node.name if keeps_sign and node.name in self._neurons.names else ""


class _OnDemand(Mapping):
    """A mapping whose values are made when they are asked for, so that not all lie in memory."""

    def __init__(self, names: Sequence[str], make: Any) -> None:
        self._names = dict.fromkeys(names)
        self._make = make

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _chosen(nodes: Sequence[Node], layers: Collection[str] | None) -> list[Node]:
    """The nodes to analyse, in the order in which they run."""
    possible = [node for node in nodes if node.n_neurons]
    if layers is None:
        return possible
    known = {node.name for node in possible}
    for name in layers:
        if name not in known:
            raise UnknownLayerError(name, sorted(known))
    return [node for node in possible if node.name in layers]
