"""The contents of an analysis file: a network, its data, and what each neuron does on them, for each snapshot."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnvis_caffe.errors import CnnvisError, UnknownLayerError, UnknownNameError, UnknownSnapshotError
from cnnvis_caffe.records.checks import check_array
from cnnvis_caffe.records.measure import Measure
from cnnvis_caffe.records.preparation import PreparationTrial

#: How the neurons of a node are connected with those of its sources.
#: input: comes from outside; weights: mixes them by a matrix; identity: neuron i comes from neuron i; scale: the same
#: times a factor; concat: sources one behind the other; slice: from `offset` on; repeat: neuron i comes from
#: i // factor (Flatten); sum: adds sources times `coefficients`; other: connections end here.
NODE_KINDS = ("input", "weights", "identity", "scale", "concat", "slice", "repeat", "sum", "other")


@dataclass(frozen=True)
class Node:
    """One top of a layer of the analysis net: a node of the DAG.

    Attributes
    ----------
    name : str
        Name of the layer that writes it, ``<layer>:<top>`` for further tops, the blob's for inputs.
    layer, type : str
        Caffe's layer and its type.
    kind : str
        One of `NODE_KINDS`.
    sources : tuple of str
        Names of the nodes that it is computed from.
    n_neurons : int
        Length of axis 1; 0 where that axis does not mean neurons (labels, losses, time-major blobs).
    positions : tuple of int
        Lengths of the axes after axis 1.
    owner : str
        The nearest "weights" node upstream (itself for those); empty where there is none or more than one.
    role : {"input", "weights", "rectifier", "activation", "pooling", "normalization", "merge", "other"}
        What it is in the picture. Rectifiers are ReLU (leaky too) and PReLU; merge is Concat and Eltwise.
    coefficients : tuple of float
        For "sum", one for each source.
    offset : int
        For "slice", the first channel of the source.
    factor : int
        For "repeat", how many neurons come from one of the source.
    negative_slope : float
        Of a leaky ReLU.
    field_px : (int, int)
        Height and width of the receptive field in input pixels; (0, 0) where it is not known.
    settings : str
        What is special about the layer, in a few words: "20 of 5x5".
    transposed : bool
        The weights have the axes of top and bottom the other way round: Deconvolution, InnerProduct with transpose.
    epsilon : float
        What a BatchNorm adds to the variance.
    """

    name: str
    layer: str
    type: str
    kind: str
    sources: tuple[str, ...]
    n_neurons: int
    positions: tuple[int, ...] = ()
    owner: str = ""
    role: str = "other"
    coefficients: tuple[float, ...] = ()
    offset: int = 0
    factor: int = 1
    negative_slope: float = 0.0
    field_px: tuple[int, int] = (0, 0)
    settings: str = ""
    transposed: bool = False
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in NODE_KINDS:
            raise ValueError(f"kind must be one of {', '.join(NODE_KINDS)}, got {self.kind!r}")


@dataclass(frozen=True, eq=False)
class LayerFeatures:
    """What the neurons of one node do on the data; n neurons, c classes, k images each.

    Attributes
    ----------
    mean, peak, maximum, active_share : ndarray of shape (n, c), float32
        By class: the mean over images and positions; the mean over images of the largest over positions; the
        largest; the share of images with any position above 0. NaN for classes without images.
    overall_mean, variance, minimum, overall_maximum : ndarray of shape (n,), float32
        Over all images and positions.
    top_image : ndarray of shape (n, k), int64
        Image indices, the largest response first; -1 where there is none.
    top_response : ndarray of shape (n, k), float32
        Largest activation over the positions; NaN where there is none.
    top_position : ndarray of shape (n, k, 2), int32
        Row and column in the blob; 0 for axes that it does not have.
    top_box : ndarray of shape (n, k, 4), int32
        y0, x0, y1, x1 in pixels of the network's input, half open, not clipped.
    contribution : ndarray of shape (n, c), float32
        To the score of class c, over the images of class c; NaN where it was not computed.
    contribution_all : ndarray of shape (n, c), float32, or None
        To the score of class c, over all images; only where it was asked for.
    """

    mean: np.ndarray
    peak: np.ndarray
    maximum: np.ndarray
    active_share: np.ndarray
    overall_mean: np.ndarray
    variance: np.ndarray
    minimum: np.ndarray
    overall_maximum: np.ndarray
    top_image: np.ndarray
    top_response: np.ndarray
    top_position: np.ndarray
    top_box: np.ndarray
    contribution: np.ndarray
    contribution_all: np.ndarray | None = None

    def __post_init__(self) -> None:
        n, c = self.mean.shape
        k = self.top_image.shape[1]
        for name in ("mean", "peak", "maximum", "active_share", "contribution"):
            check_array(self, name, (n, c), np.float32)
        if self.contribution_all is not None:
            check_array(self, "contribution_all", (n, c), np.float32)
        for name in ("overall_mean", "variance", "minimum", "overall_maximum"):
            check_array(self, name, (n,), np.float32)
        check_array(self, "top_image", (n, k), np.int64)
        check_array(self, "top_response", (n, k), np.float32)
        check_array(self, "top_position", (n, k, 2), np.int32)
        check_array(self, "top_box", (n, k, 4), np.int32)

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.mean)


@dataclass(frozen=True, eq=False)
class Connections:
    """The connections between the neurons of a "weights" node and those of its source.

    Attributes
    ----------
    weight, abs_weight : ndarray of shape (n_to, n_from), float32
        Mean of the (absolute) weights over the kernel; over the positions of a channel for the first InnerProduct
        after a convolution. Zero between different groups.
    gradient, abs_gradient : ndarray of shape (n_to, n_from), float32, or None
        The same of the gradient of the mean loss over all data; None where it was not computed.
    """

    weight: np.ndarray
    abs_weight: np.ndarray
    gradient: np.ndarray | None = None
    abs_gradient: np.ndarray | None = None

    def __post_init__(self) -> None:
        shape = self.weight.shape
        check_array(self, "weight", (None, None), np.float32)
        check_array(self, "abs_weight", shape, np.float32)
        for name in ("gradient", "abs_gradient"):
            if getattr(self, name) is not None:
                check_array(self, name, shape, np.float32)


@dataclass(frozen=True, eq=False)
class WeightCounts:
    """How the weights of a layer are distributed: how many lie in each of some bins of equal width.

    Attributes
    ----------
    low, high : float
        Where the first bin begins and the last one ends: the least and the largest weight.
    counts : ndarray of shape (n_bins,), int64
    """

    low: float
    high: float
    counts: np.ndarray

    def __post_init__(self) -> None:
        check_array(self, "counts", (None,), np.int64)
        if not len(self.counts) or not np.isfinite([self.low, self.high]).all() or not self.low < self.high:
            raise ValueError(f"{len(self.counts)} bins from {self.low} to {self.high} are not a histogram")


@dataclass(frozen=True, eq=False)
class CellImages:
    """Images that fall into cells of the confusion matrix, a few of each cell.

    Attributes
    ----------
    row, column : ndarray of shape (m,), int64
        The class of each image, and what it is named as.
    image : ndarray of shape (m,), int64
        Image indices.
    lead : ndarray of shape (m,), float32
        How far the score of the answer is ahead of that of the right class; of a right answer, minus how far it is
        ahead of the next one. So the plainest mistakes are the largest, and right answers are never above 0.
    """

    row: np.ndarray
    column: np.ndarray
    image: np.ndarray
    lead: np.ndarray

    def __post_init__(self) -> None:
        for name in ("row", "column", "image"):
            check_array(self, name, self.image.shape, np.int64)
        check_array(self, "lead", (None,), np.float32)

    @classmethod
    def none(cls) -> CellImages:
        """Return what holds no images."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, nothing, np.zeros(0, np.float32))

    def at(self, which: np.ndarray) -> CellImages:
        """Return some of them, by their places."""
        return CellImages(self.row[which], self.column[which], self.image[which], self.lead[which])

    def of(self, row: int, column: int) -> np.ndarray:
        """Return the images of a cell, (n,) int64, the plainest mistake first."""
        return self.image[(self.row == row) & (self.column == column)]


@dataclass(frozen=True)
class LayerDebug:
    """Debugging information of a "weights" node or rectifier; NaN where there is none.

    Attributes
    ----------
    mean_abs_weight, mean_abs_gradient : float
        Over all weights of the layer, without biases; the gradient is that of the mean loss over all data.
    relative_change : float
        Mean |w - w'| / mean |w'|, w' the weights of the snapshot before.
    last_update : float
        Mean |history of the solver| / mean |w|, where a solver state lies beside the snapshot.
    dead_share : float
        Share of neurons whose rectifier never sees anything above 0; for rectifiers.
    """

    mean_abs_weight: float = float("nan")
    mean_abs_gradient: float = float("nan")
    relative_change: float = float("nan")
    last_update: float = float("nan")
    dead_share: float = float("nan")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One snapshot of the network; the mappings may read from a file when a value is looked up.

    Attributes
    ----------
    label : str
        "iter 5000", or the name of the file where the iteration is not known.
    iteration : int or None
    path, sha256 : str
        Of the weights; empty for weights from fillers.
    loss, error : float
        Mean loss, and share of wrong answers (1 is all; see `Task.error`); NaN where unknown.
    features : mapping of str to LayerFeatures
        By node, of those with neurons that were analysed.
    similarity : mapping of str to ndarray of shape (n, n), float32
        Cosine similarity of the neurons' mean activations over images.
    correlation : mapping of str to ndarray of shape (n, n), float32
        Correlation of the same.
    connections : mapping of str to Connections
        By "weights" node.
    scale : mapping of str to ndarray of shape (n,), float32
        Factors of "scale" nodes.
    debug : mapping of str to LayerDebug
        By "weights" node and rectifier.
    thumbnails : mapping of str to sequence of ndarray of shape (h, w, 3), uint8
        By node: for each neuron its strongest patch, RGB, at most 64 pixels high and wide; (0, 0, 3) where there
        is none.
    measures : tuple of Measure
        How right the answers are, the most telling measure first; empty where nobody measured.
    confusion : ndarray of shape (n, n), float64, or None
        How often a class (row) is named as another one (column), in images, pixels or pairs.
    cell_images : CellImages or None
        Some images of each cell; None where answers are not one class an image, and in older files.
    kernels : mapping of str to ndarray of shape (n, channels, h, w), float32
        Weights of the layers that read the images, without a transposed axis; empty in older files.
    weight_counts : mapping of str to WeightCounts
        By "weights" node, without biases; empty in older files.
    """

    label: str
    iteration: int | None
    path: str
    sha256: str
    loss: float
    error: float
    features: Mapping[str, LayerFeatures]
    similarity: Mapping[str, np.ndarray]
    correlation: Mapping[str, np.ndarray]
    connections: Mapping[str, Connections]
    scale: Mapping[str, np.ndarray]
    debug: Mapping[str, LayerDebug]
    thumbnails: Mapping[str, Sequence[np.ndarray]]
    measures: tuple[Measure, ...] = ()
    confusion: np.ndarray | None = None
    cell_images: CellImages | None = None
    kernels: Mapping[str, np.ndarray] = field(default_factory=dict)
    weight_counts: Mapping[str, WeightCounts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.confusion is not None:
            check_array(self, "confusion", (len(self.confusion),) * 2, np.float64)

    def features_of(self, node: str) -> LayerFeatures:
        """Return the features of a layer; UnknownNameError for one whose neurons were not analysed."""
        if node not in self.features:
            raise UnknownNameError("layer with neurons", node, self.features)
        return self.features[node]


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity over the iterations of a training.

    Attributes
    ----------
    name : str
        "train loss", "test loss", "test accuracy", "learning rate", or "<quantity> of <layer>".
    unit : str
        Empty for plain numbers.
    iterations : ndarray of shape (n,), int64
    values : ndarray of shape (n,), float64
    source : str
        Where it comes from, such as a log file; said where it is shown.
    """

    name: str
    unit: str
    iterations: np.ndarray
    values: np.ndarray
    source: str

    def __post_init__(self) -> None:
        check_array(self, "iterations", (None,), np.int64)
        check_array(self, "values", self.iterations.shape, np.float64)


@dataclass(frozen=True, eq=False)
class DataSummary:
    """The data that were analysed.

    Attributes
    ----------
    source : str
        As the user gave it: "mnist:train".
    n_images : int
        Analysed.
    class_names : tuple of str
        By class: whatever the columns of the matrices stand for.
    class_count : ndarray of shape (n_classes,), int64
        Images analysed of each class. An image may be of several (labels, classes of its pixels), or of none.
    channel_order : {"grey", "RGB", "BGR", "other"}
        Of the network's input.
    input_name : str
        The node of the images.
    input_shape : (int, int, int)
        Channels, height, width: of an image, or of the picture in which the frames of a clip, or a pair, lie side by
        side.
    preprocessing : str
        In words: "times 0.00390625".
    task : str
        What the network answers, by its name in `records.task.TASKS`.
    column, columns : str
        What a class is called here: "class", "label", "target", "group", "cluster"; and several of them.
    score_name : str
        The node with the answers; empty where there is none, or in older files.
    columns_are_scores : bool
        Whether each class has an answer of its own, so that what it contributes to is its own score.
    scale : float or None
        Factor of the pixels, after the mean is subtracted; None in older files, which do not say.
    mean : ndarray of shape (channels or 1, height, width), float32, or None
        What is subtracted from the pixels: an image as its file has it, or values with height and width 1. None for
        nothing, and in older files.
    item : {"image", "clip", "pair"}
        What is counted as one image.
    """

    source: str
    n_images: int
    class_names: tuple[str, ...]
    class_count: np.ndarray
    channel_order: str
    input_name: str
    input_shape: tuple[int, int, int]
    preprocessing: str
    task: str = "classes"
    column: str = "class"
    columns: str = "classes"
    score_name: str = ""
    columns_are_scores: bool = True
    scale: float | None = None
    mean: np.ndarray | None = None
    item: str = "image"

    def __post_init__(self) -> None:
        if self.mean is not None:
            check_array(self, "mean", (None, None, None), np.float32)
        check_array(self, "class_count", (len(self.class_names),), np.int64)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def short_names(self) -> tuple[str, ...]:
        """Names of the classes without what follows their first comma (ImageNet's synonyms)."""
        return tuple(name.split(",")[0].strip() for name in self.class_names)

    def class_index(self, name: str | int) -> int:
        """Return a class by its name, its short name or its number; UnknownNameError if there is none."""
        wanted, short = str(name), self.short_names
        for names in (self.class_names, short):
            if wanted in names:
                return names.index(wanted)
        if wanted.isdigit() and int(wanted) < self.n_classes:
            return int(wanted)
        raise UnknownNameError("class", wanted, [*short, *map(str, range(self.n_classes))])


@dataclass(frozen=True, eq=False)
class Analysis:
    """A network with everything that its analysis found.

    Attributes
    ----------
    title : str
        Name of the network.
    nodes : tuple of Node
        In the order in which they run.
    data : DataSummary
    snapshots : tuple of Snapshot
        By iteration; at least one.
    images : mapping of int to ndarray of shape (H, W, 3), uint8
        By image index: the images that some neuron responds to most, RGB, in the network's input geometry.
    image_class : mapping of int to int
        Their classes.
    curves : tuple of Curve
        From the training log, where there is one.
    provenance : mapping of str to str
        Versions, engine, files, times.
    path : str
        The file, or empty.
    preparation : PreparationTrial or None
        The usual ways to prepare images, tried before the analysis where nothing says how that is done; None where it
        is known, where nothing could be tried, and in older files.
    """

    title: str
    nodes: tuple[Node, ...]
    data: DataSummary
    snapshots: tuple[Snapshot, ...]
    images: Mapping[int, np.ndarray]
    image_class: Mapping[int, int]
    curves: tuple[Curve, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    preparation: PreparationTrial | None = None

    def node(self, name: str) -> Node:
        """Return a node by its name; UnknownLayerError, a KeyError, with near names if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise UnknownLayerError(name, [node.name for node in self.nodes])

    def snapshot(self, name: str | int = "") -> Snapshot:
        """Return a snapshot by its name.

        Parameters
        ----------
        name : str or int, default=""
            Its label, its iteration (1000, "1000" or "iter 1000"), the name of its file, or "last"; empty for the
            last one.

        Raises
        ------
        UnknownSnapshotError
            If there is none; the message lists those that there are.
        """
        return self.snapshots[self.snapshot_index(name)]

    def snapshot_index(self, name: str | int = "") -> int:
        """Return the place of a snapshot among the snapshots; for names and errors see `snapshot`."""
        wanted = str(name).strip()
        labels = [snapshot.label for snapshot in self.snapshots]
        if wanted in labels:
            return labels.index(wanted)
        if wanted in ("", "last"):
            return len(labels) - 1
        iteration = wanted[len("iter") :].strip() if wanted.startswith("iter") else wanted
        for index, snapshot in enumerate(self.snapshots):
            if snapshot.iteration is not None and str(snapshot.iteration) == iteration:
                return index
            if snapshot.path and wanted in (snapshot.path, os.path.basename(snapshot.path)):
                return index
        raise UnknownSnapshotError(self.path or self.title, wanted, labels)

    def neuron(self, name: str) -> tuple[str, int]:
        """Return node and number of a neuron by its name, such as "conv2:17".

        Raises
        ------
        UnknownNameError
            If no layer of that name has neurons that were analysed.
        CnnvisError
            If the layer has no neuron of that number, or one of the two is missing.
        """
        layer, _, number = name.rpartition(":")
        nodes = {node.name: node.n_neurons for node in self.shown_nodes}
        if not layer and name.isdigit():
            known = [node for node in nodes if node != self.data.input_name]
            example = f"{known[0]}:{name}" if known else f"LAYER:{name}"
            raise CnnvisError(
                f"neuron {name}: of which layer? write LAYER:NUMBER, such as {example}; layers: {', '.join(known)}"
            )
        if name in nodes and layer not in nodes:
            raise CnnvisError(f"{name} has {nodes[name]} neurons; say which, such as {name}:0")
        if layer not in nodes:
            raise UnknownNameError("layer with neurons", layer or name, nodes)
        if not number.isdigit() or int(number) >= nodes[layer]:
            raise CnnvisError(f"{layer} has the neurons 0 to {nodes[layer] - 1}, not {number!r}")
        return layer, int(number)

    @property
    def shown_nodes(self) -> tuple[Node, ...]:
        """The nodes with neurons that were analysed, and the images."""
        known = self.snapshots[0].features
        return tuple(n for n in self.nodes if n.name in known or n.name == self.data.input_name)
