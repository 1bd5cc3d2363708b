"""The network as it is analysed, its data, and the nets that run it."""

from __future__ import annotations

import logging
import math
import os
import shlex
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cnnvis_caffe import engines
from cnnvis_caffe.analysis.answering import Shape, answers_of, loss_of, task_with_data
from cnnvis_caffe.analysis.columns import Columns, all_images, columns_of
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.analysis.snapshots import SnapshotFile
from cnnvis_caffe.datasets.class_names import find_class_names
from cnnvis_caffe.datasets.classes import fit_to_classes
from cnnvis_caffe.datasets.clips import open_clips
from cnnvis_caffe.datasets.opening import DataOptions, as_source, is_image_file, is_image_folder, open_data, wants_color
from cnnvis_caffe.datasets.pairs import PairSource
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.datasets.readers import ArrayReader
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import (
    CnnvisError,
    DataFileError,
    DeviceError,
    LayerError,
    NetError,
    ParamMismatchError,
    ShapeError,
)
from cnnvis_caffe.formats import beside
from cnnvis_caffe.formats.fork_choice import apply_preference
from cnnvis_caffe.formats.hdf5_data import dataset_shapes
from cnnvis_caffe.formats.prototxt import read_network, write_text
from cnnvis_caffe.formats.python_code import code_of, refuse_code
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.formats.writing_layers import without_writing
from cnnvis_caffe.network.answers import Answers, check_task, keep_until, without_layers
from cnnvis_caffe.network.boxes import before_the_heads
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.feeding import Feeding, feed_by_hand, find_feeding, find_label, test_layers
from cnnvis_caffe.network.input_shapes import assume_input_shapes, set_input_shapes
from cnnvis_caffe.network.names import find_value, value_names, values_by_name
from cnnvis_caffe.network.nodes import analysis_nodes
from cnnvis_caffe.network.partners import partners_of
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.network.rewrite import NO_LOSS, AddedLoss, analysis_network, find_score
from cnnvis_caffe.network.weights_fit import compare
from cnnvis_caffe.preparation.settings import PreparationOptions, Prepared, prepare
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Node
from cnnvis_caffe.records.annotations import CLASS
from cnnvis_caffe.records.dag import Dag, Value
from cnnvis_caffe.records.layer_code import LayerCode
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.preparation import FoundPreparation
from cnnvis_caffe.records.task import BOXES, CLASSES, EMBEDDING, PAIRS, PIXELS, Task
from cnnvis_caffe.records.weights import WeightsFile
from cnnvis_caffe.records.weights_fit import DIFFERS, MISSING

logger = logging.getLogger(__name__)

_OR_LEAVE_OUT = (
    "; else state the shape of what it gives (--input-shape TOP=1,3,224,224): it is then left out, with all that "
    "depends on it, or is an input of images where it gives data"
)
#: In the batch that shapes are found with: a length that hardly another axis has.
_PROBED_IMAGES = 23
#: What the activations of a batch may take, in bytes, and in any case as much as the parameters do, as what is done to
#: these for each batch takes its time. Gradients take as much again. More makes nothing faster.
_BATCH_BYTES = 100e6
#: On a GPU, this part of its memory that is free: gradients, and what layers need to compute, take the rest.
_PART_OF_FREE = 0.25
_SMALLEST_BATCH, _LARGEST_BATCH = 2, 256


#: What images have that have no class each.
_WITHOUT = {
    "none": "no labels",
    "several": "several labels each",
    "numbers": "numbers for labels",
    "mask": "masks for labels",
}


@dataclass(frozen=True, eq=False)
class Model:
    """A network that is ready to be analysed.

    Attributes
    ----------
    title : str
    network : NetworkFile
        The analysis net, fed by hand.
    dag : Dag
    nodes : tuple of Node
    fields : ReceptiveFields
    input_name, label_name, score_name : str
        Nodes, which are blobs of the analysis net; no label where there is no loss on labels, and no score where the
        network answers nothing.
    judged : tuple of str
        Blobs with the answers: the score, or the two of a pair.
    answers : Answers
    columns : Columns
        Of the matrices.
    n_scores : int
        Answers for each image and position.
    has_loss : bool
    source : ImageSource
    batch : int
        Images at once.
    score_names : tuple of str
        Names of the answers, where they are known.
    partners : dict of str to int
        Of pairs, which image a node sees, where it sees only one.
    unprepared : FoundPreparation or None
        What was looked for in vain, where nothing says how images are prepared; None where that is known.
    why_no_error : str
        Why no error is counted though the network tells classes apart; empty where one is.
    """

    title: str
    network: NetworkFile
    dag: Dag
    nodes: tuple[Node, ...]
    fields: ReceptiveFields
    input_name: str
    label_name: str
    score_name: str
    judged: tuple[str, ...]
    answers: Answers
    columns: Columns
    n_scores: int
    has_loss: bool
    source: ImageSource
    batch: int
    score_names: tuple[str, ...] = ()
    partners: Mapping[str, int] = field(default_factory=dict)
    unprepared: FoundPreparation | None = None
    why_no_error: str = ""

    @property
    def n_classes(self) -> int:
        """Number of answers for each image and position."""
        return self.n_scores

    @property
    def class_names(self) -> tuple[str, ...]:
        """A name for each answer."""
        names = self.columns.names if self.columns.are_scores else self.score_names
        return (*names[: self.n_scores], *map(str, range(len(names), self.n_scores)))


def read_as(request: Request) -> NetworkFile:
    """Read the network of a request; where it does not say whose its layers are, the request does.

    Parameters
    ----------
    request : Request

    Returns
    -------
    NetworkFile

    Raises
    ------
    DataNotFoundError, PrototxtError
        If there is no such file, or if it cannot be read.
    """
    network = read_network(request.model)
    apply_preference(network.message, request.fork)
    return network


def open_model(request: Request, progress: Progress = SILENT) -> Model:
    """Open the network and the data, and check that they fit.

    Parameters
    ----------
    request : Request
    progress : Progress, default=SILENT
        Told of downloads.

    Returns
    -------
    Model

    Raises
    ------
    CnnvisError
        If the network cannot be analysed or the data are not there or do not fit.
    """
    network = network_of_request(request)
    beside.find_in_network(network.message, request.model)
    feeding = find_feeding(network, request.shapes)
    prepared = _prepared(request, network, feeding)
    source = _open_images(request, network, feeding, prepared.settings, progress)
    n_images = request.batch or _PROBED_IMAGES
    answers = answers_of(request, network, feeding.image_blob)
    bare = _fed_without_labels(network, feeding, answers, source.blob_shape, n_images)
    analysed, dag = _rewritten(bare, request, answers, NO_LOSS)
    score = _score(dag, request, answers)
    shape = dag.shape(score) or () if score is not None else ()
    size = Shape(*(shape[1], math.prod(shape[2:])) if len(shape) > 1 else ())
    task = task_with_data(answers, request, source, size)
    if request.task and score is not None:
        check_task(task, shape, network.path, value_names(dag)[score])
    source, names, why_no_error = _with_names(request, source, task, size.n_scores)
    columns = columns_of(task, source.annotations, size.n_scores, names, source.name)
    columns = columns or all_images(task, source.n_images)
    label_name = ""
    if columns.knows_answers and task in (CLASSES, PIXELS) and source.annotations.kind == CLASS:
        fed = feed_by_hand(network, feeding, source.blob_shape, n_images)
        analysed, dag = _rewritten(fed, request, answers, None)
        score = find_value(dag, request.score) if request.score else find_score(dag)
        label_name = find_label(analysed)
    elif columns.knows_answers:
        loss = loss_of(task, answers, network)
        analysed, dag = _rewritten(bare, request, answers, loss)
        score = _score(dag, request, answers)
        label_name = find_label(analysed) if loss.type else ""
    score_name, judged = _judged(dag, task, answers, score)
    return Model(
        title=network.message.name or os.path.basename(request.model),
        network=analysed,
        dag=dag,
        nodes=analysis_nodes(dag, analysed),
        fields=ReceptiveFields(dag),
        input_name=feeding.image_blob,
        label_name=label_name,
        score_name=score_name,
        judged=judged,
        answers=replace(answers, task=task),
        columns=columns,
        n_scores=size.n_scores,
        has_loss=any(any(layer.loss_weights) for layer in dag.layers),
        source=source,
        batch=request.batch or automatic_batch(dag, _room(request)),
        score_names=names,
        partners=partners_of(dag, feeding.image_blob, feeding.partner_blob) if feeding.takes_pairs else {},
        unprepared=None if prepared.is_known else prepared.found,
        why_no_error=why_no_error,
    )


def _judged(dag: Dag, task: Task, answers: Answers, score: Value | None) -> tuple[str, tuple[str, ...]]:
    """The name of the scores, empty without, and the names of all that is judged."""
    known = value_names(dag)
    score_name = known[score] if score is not None and task not in (BOXES, EMBEDDING, PAIRS) else ""
    pair = _partners_of_loss(dag, answers) if task is PAIRS else ()
    return score_name, tuple(known[find_value(dag, name)] for name in pair) or ((score_name,) if score_name else ())


def open_with_images(request: Request, progress: Progress = SILENT) -> Model:
    """Open the network and images; where nothing says what it answers, the last scores are taken for its answers.

    Parameters
    ----------
    request : Request
    progress : Progress, default=SILENT
        Told of downloads.

    Returns
    -------
    Model
        With an empty `score_name`, and `n_classes` 0, where there are no scores.

    Raises
    ------
    CnnvisError
        If the network or the images cannot be read or do not fit.
    """
    model = open_model(request, progress)
    if model.source.item != "image":
        raise NetError(f"{request.model}: takes {model.source.item}s; what is explained is a single image")
    if model.score_name:
        return model
    score = find_value(model.dag, request.score) if request.score else find_score(model.dag)
    if score is None:
        return model
    n_scores = (model.dag.shape(score) or (0, 0))[1]
    return replace(model, score_name=value_names(model.dag)[score], n_scores=n_scores)


def _open_images(
    request: Request, network: NetworkFile, feeding: Feeding, settings: Preprocessing, progress: Progress
) -> ImageSource:
    """Open the data as the network takes them: images, clips or pairs."""
    shape = feeding.shape or (shape_of_weights(request, network, feeding) if _takes_files(request) else None)
    options = DataOptions(
        root_folder=feeding.data_layer.image_data_param.root_folder if feeding.data_layer is not None else "",
        names=(feeding.image_blob, feeding.label_blobs[0] if feeding.label_blobs else "label"),
        masks=request.masks,
        skip_damaged=request.skip_damaged,
        are_pairs=feeding.takes_pairs,
    )
    if shape is not None and len(shape) == 4:
        return open_clips(request.data, shape, settings, options, progress)
    image_shape = None if shape is None else (shape[0], shape[1], shape[2])
    if image_shape is not None and feeding.is_joined_pair:
        image_shape = (image_shape[0] // 2, *image_shape[1:])
    color = feeding.pair_channels != 1 if feeding.pair_channels else wants_color(image_shape, settings)
    opened = open_data(request.data, color=color, options=options, progress=progress)
    readers = opened.readers
    if feeding.takes_pairs and opened.are_files and len(readers) == 1:
        raise DataFileError(opened.name, "has single images, but the network takes pairs; give a list with two a line")
    if feeding.partner_blob and len(readers) == 1:
        # Datasets of an HDF5 file that are named as the inputs are.
        if feeding.partner_blob not in _datasets(request.data):
            raise DataFileError(
                opened.name, f"has no images for the second input, {feeding.partner_blob!r}; give a list with two "
                f"images a line, or an HDF5 file with datasets {feeding.image_blob!r} and {feeding.partner_blob!r}"
            )  # fmt: skip
        names = (feeding.partner_blob, options.names[1])
        readers += open_data(request.data, options=replace(options, names=names)).readers
    if len(readers) == 2:
        first, second = (as_source(opened, reader, image_shape, settings) for reader in readers)
        return PairSource(first, second, feeding.partner_blob)
    if isinstance(readers[0], ArrayReader) and readers[0].images.ndim == 5:
        return open_clips(request.data, readers[0].images.shape[1:], settings, options, progress)
    if image_shape is not None and feeding.is_joined_pair:
        image_shape = (2 * image_shape[0], *image_shape[1:])
    return as_source(opened, readers[0], image_shape, settings)


def _datasets(path: str) -> Collection[str]:
    """Names of the datasets of an HDF5 file; none of anything else."""
    try:
        return dataset_shapes(path) if os.path.isfile(path) else ()
    except CnnvisError:
        return ()


def _partners_of_loss(dag: Dag, answers: Answers) -> tuple[str, ...]:
    """The two embeddings of a pair: what the loss compares, else the only two outputs of one shape."""
    if answers.loss is not None:
        return answers.loss.answers
    known = value_names(dag)
    outputs = [value for value in dag.outputs if dag.shape(value)]
    if len(outputs) != 2 or dag.shape(outputs[0]) != dag.shape(outputs[1]):
        named = ", ".join(known[value] for value in outputs) or "none"
        raise NetError(f"{dag.path}: pairs need two outputs of one shape, or a ContrastiveLoss; outputs: {named}")
    return known[outputs[0]], known[outputs[1]]


def no_score(model: Model) -> NetError:
    """Return the error of a network without scores of classes."""
    return NetError(f"{model.network.path}: has no scores of classes; name the layer that gives them (--score)")


def _fed_without_labels(
    network: NetworkFile, feeding: Feeding, answers: Answers, shape: tuple[int, ...], n_images: int
) -> NetworkFile:
    """The network fed by hand, without what needs labels, and of a detection network what stands before its heads."""
    if answers.task is BOXES:
        network = before_the_heads(network)
    of_labels = set(feeding.label_blobs)
    dropped = []
    for layer in network.message.layer:
        if of_labels.intersection(layer.bottom):
            dropped.append(layer.name)
            of_labels.update(layer.top)
    kept = without_layers(network, dropped)
    fed = feed_by_hand(kept, feeding, shape, n_images)
    read = {blob for layer in fed.message.layer for blob in layer.bottom}
    unread = [layer for layer in fed.message.layer if not layer.bottom and not read.intersection(layer.top)]
    images = {feeding.image_blob, feeding.partner_blob}
    return without_layers(fed, [layer.name for layer in unread if not images.intersection(layer.top)])


def _rewritten(
    fed: NetworkFile, request: Request, answers: Answers, loss: AddedLoss | None
) -> tuple[NetworkFile, Dag]:
    """The network that is analysed, and its graph."""
    shapes = _python_shapes(fed, request)
    score = answers.score or None
    analysed = analysis_network(fed, score=score, input_shapes=_by_top(shapes, fed), loss=loss)
    return analysed, build_dag(analysed, "TEST", input_shapes=_by_top(shapes, analysed))


def _score(dag: Dag, request: Request, answers: Answers) -> Value | None:
    """The answers of the network; None where there are none."""
    if request.score:
        return find_value(dag, request.score)
    if answers.task in (BOXES, PAIRS) or (answers.task is EMBEDDING and answers.is_certain):
        return None
    known = values_by_name(dag)
    return known[answers.score] if answers.score in known else find_score(dag)


def network_of_request(request: Request) -> NetworkFile:
    """Read the network that is analysed: the layers of its TEST phase, without those that write files.

    Parameters
    ----------
    request : Request

    Returns
    -------
    NetworkFile

    Raises
    ------
    CnnvisError
        If the file cannot be read.
    ConsentError
        If it has Python layers whose code may not be run.
    """
    network = without_writing(test_layers(read_as(request), request.stages))
    if request.shapes:
        network = set_input_shapes(network, request.shapes)
    if request.until:
        network = keep_until(network, [request.until])
    if not request.allow_python_layers:
        network = _without_code(network, request.shapes)
        refuse_code(network.message, network.path, network.layer_lines, _OR_LEAVE_OUT)
    return network


def _without_code(network: NetworkFile, shapes: Mapping[str, tuple[int, ...]]) -> NetworkFile:
    """A network without the Python layers of which the user states shapes; those that give data become inputs."""
    message = type(network.message)()
    message.CopyFrom(network.message)
    left_out = []
    for layer in message.layer:
        if layer.type != "Python" or not shapes.keys() & set(layer.top):
            continue
        if layer.bottom:
            left_out.append(layer.name)
            continue
        n_images = next(shapes[top][0] for top in layer.top if top in shapes)
        layer.type = "Input"
        layer.ClearField("python_param")
        for top in layer.top:
            layer.input_param.shape.add().dim[:] = shapes.get(top, (n_images,))
    changed = replace(network, message=message)
    if not left_out:
        return changed
    kept = without_layers(changed, left_out)
    names = {layer.name for layer in message.layer} - {layer.name for layer in kept.message.layer} - set(left_out)
    behind = f", nor what depends on them: {', '.join(sorted(names))}" if names else ""
    logger.warning("%s: not run: %s (Python)%s", network.path, ", ".join(left_out), behind)
    return kept


def python_layers(model: str | os.PathLike[str], stages: Sequence[str] = ()) -> tuple[LayerCode, ...]:
    """Return the code that an analysis of a network would run, so that the user can be asked.

    Parameters
    ----------
    model : str or path-like
    stages : sequence of str, optional
        For the layers' stage rules.

    Returns
    -------
    tuple of LayerCode

    Raises
    ------
    CnnvisError
        If the file cannot be read.
    """
    network = test_layers(read_network(model), stages)
    return code_of(network.message, network.path, network.layer_lines)


def analysed_network(network: NetworkFile, request: Request, shape: tuple[int, ...]) -> NetworkFile:
    """Rewrite a network into the one that is analysed, without what needs labels.

    Parameters
    ----------
    network : NetworkFile
        What `network_of_request` gives.
    request : Request
    shape : (int, int, int)
        Channels, height and width of the images.

    Returns
    -------
    NetworkFile
        Fed by hand with one image.
    """
    feeding = find_feeding(network, request.shapes)
    answers = answers_of(request, network, feeding.image_blob)
    return _rewritten(_fed_without_labels(network, feeding, answers, shape, 1), request, answers, NO_LOSS)[0]


def _python_shapes(fed: NetworkFile, request: Request) -> dict[str, list[tuple[int, ...]]]:
    """What Python layers make of their bottoms, which only running them tells: shapes of the tops, by layer."""
    layers = [layer for layer in fed.message.layer if layer.type == "Python"]
    if not layers:
        return {}
    net = Nets(fed, request).net
    return {layer.name: [tuple(map(int, net.blobs[top].shape)) for top in layer.top] for layer in layers}


def _by_top(shapes: Mapping[str, Sequence[tuple[int, ...]]], network: NetworkFile) -> dict[str, tuple[int, ...]]:
    """The shapes that layers give to their tops, by the names that a network has for these."""
    return {
        top: shape
        for layer in network.message.layer
        if layer.name in shapes
        for top, shape in zip(layer.top, shapes[layer.name])
    }


def _takes_files(request: Request) -> bool:
    """Whether the images are files, which come in any shape and are brought to what the network takes."""
    return is_image_folder(request.data) or is_image_file(request.data)


def shape_of_weights(
    request: Request, network: NetworkFile, feeding: Feeding
) -> tuple[int, int, int] | None:
    """Return the shape of images that the weights fit, where the network does not say it.

    Parameters
    ----------
    request : Request
    network : NetworkFile
    feeding : Feeding

    Returns
    -------
    tuple of int or None
        Channels, height and width; None without weights, or where these do not tell.
    """
    if not request.weights:
        return None
    assumed = assume_input_shapes(network, weights=[read_weights(request.weights[0])]).shapes
    try:
        dag = build_dag(network, input_shapes=assumed)
    except LayerError:
        return None
    found = next((dag.shape(value) or () for value in dag.inputs if dag.blob_name(value) == feeding.image_blob), ())
    return (found[1], found[2], found[3]) if len(found) == 4 else None


def _room(request: Request) -> float | None:
    """What the activations of a batch may take on a GPU, in bytes; None where they lie elsewhere."""
    free = engines.free_gpu_memory(request.engine) if request.device == "cuda" else None
    return None if free is None else free * _PART_OF_FREE


def automatic_batch(dag: Dag, room: float | None = None) -> int:
    """Choose how many images go through a network at once.

    Parameters
    ----------
    dag : Dag
        Of a network for any number of images.
    room : float, optional
        What their activations may take, in bytes, where that is not as on a CPU.

    Returns
    -------
    int
        Such that memory stays bounded: small images go by the hundred, large ones by a few.
    """
    n_images = next((shape[0] for shape in map(dag.shape, dag.inputs) if shape and len(shape) > 2), 1)
    n_values = sum(math.prod(shape) for layer in dag.layers for shape in layer.top_shapes if shape)
    n_params = sum(math.prod(param.shape) for layer in dag.layers for param in layer.params if param.owner is None)
    room = max(_BATCH_BYTES, 4 * n_params) if room is None else room
    fitting = int(room * n_images / (4 * max(n_values, 1)))
    return min(max(fitting, 1 if room < _BATCH_BYTES else _SMALLEST_BATCH), _LARGEST_BATCH)


def preprocessing_of(request: Request, network: NetworkFile, feeding: Feeding) -> Preprocessing:
    """Put together what the network, the files beside it and the user say about the images.

    Parameters
    ----------
    request : Request
    network : NetworkFile
    feeding : Feeding

    Returns
    -------
    Preprocessing

    Raises
    ------
    MeanFileError, DataFileError
        If the mean cannot be read.
    """
    return _prepared(request, network, feeding).settings


def _prepared(request: Request, network: NetworkFile, feeding: Feeding) -> Prepared:
    """How images are prepared, and how sure that is."""
    options = PreparationOptions(request.scale, request.mean, request.channel_order, request.resize)
    return prepare(network, feeding.data_layer, request.weights, options)


def _with_names(
    request: Request, source: ImageSource, task: Task, n_scores: int
) -> tuple[ImageSource, tuple[str, ...], str]:
    """The images with labels that are the network's classes, names of the answers, and why no error is counted."""
    known = request.classes
    if known and n_scores and task is not EMBEDDING and len(known) != n_scores:
        raise NetError(
            f"{len(known)} class names are given, but the network has {n_scores} classes; name all "
            f"{n_scores} in the order of its scores (--classes takes a file too, with one name in a line)"
        )
    if not known and task in (CLASSES, PIXELS):
        known, file = find_class_names((request.model, *request.weights), n_scores)
        if known:
            logger.info("the names of the classes are those of %s", file)
    if task is not CLASSES:
        return source, tuple(known), ""
    annotations, note = fit_to_classes(source.annotations, n_scores, known, source.name)
    if annotations.kind != CLASS:  # `check_classes` says what is taken for classes
        note = f"{source.name}: {note or f'its images have {_WITHOUT[annotations.kind]}'}"
        return source.with_annotations(annotations), tuple(known), note
    return source.with_annotations(annotations), tuple(known), ""


def check_classes(request: Request, model: Model, indices: np.ndarray) -> None:
    """Warn of classes without images, and of folders that are taken for classes by their order.

    Parameters
    ----------
    request : Request
    model : Model
    indices : ndarray of int
        Of the images that are analysed.

    Raises
    ------
    DataFileError
        If there are no images.
    """
    source = model.source
    if not len(indices):
        raise DataFileError(source.name, "has no images to analyse in this selection")
    counts = model.columns.count(indices)
    if not model.columns.are_scores or model.columns.members is None:
        return
    empty = [name for name, count in zip(model.columns.names, counts) if not count]
    if empty:
        logger.warning("%s: no images of %s; their columns stay empty", source.name, _list(empty, model.columns))
    n_classes = len(model.columns.names)
    if empty and source.class_names and not request.classes and len(source.class_names) < n_classes:
        logger.warning(
            "%s: %s taken for the first %d of the network's %d classes; if they are others, name all %d in the order "
            "of its scores with --classes, and folders are found by their names",
            source.name,
            ", ".join(source.class_names[:5]) + (", ..." if len(source.class_names) > 5 else ""),
            len(source.class_names),
            n_classes,
            n_classes,
        )


def _list(names: Sequence[str], columns: Columns) -> str:
    """Some names, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:5])
    more = len(names) - 5
    rest = f" and {more} more" if more > 0 else ""
    return f"{columns.column} {shown}" if len(names) == 1 else f"{columns.columns} {shown}{rest}"


def check_weights(model: Model, snapshots: Sequence[SnapshotFile]) -> None:
    """Raise unless weights files are of this network.

    Parameters
    ----------
    model : Model
    snapshots : sequence of SnapshotFile

    Raises
    ------
    CaffemodelError
        If a file is damaged.
    ParamMismatchError
        If a layer has other parameters in a file, or none.
    """
    for snapshot in snapshots:
        if not snapshot.path:
            continue
        weights = read_weights(snapshot.path)
        _check_channels(model, weights)
        fit = compare(model.dag, weights)
        for status in (DIFFERS, MISSING):
            wrong = fit.named(status)
            if wrong:
                more = f", and {len(wrong) - 1} more layers" if len(wrong) > 1 else ""
                raise ParamMismatchError(
                    f"{snapshot.path}: these are not the weights of {model.network.path}: layer {wrong[0].name!r}: "
                    f"{wrong[0].reason}{more}; compare them with: cnnvis-caffe inspect "
                    f"{shlex.quote(model.network.path)} --weights {shlex.quote(snapshot.path)}"
                )


def _check_channels(model: Model, weights: WeightsFile) -> None:
    """Raise if the weights were trained on images of other channels than the data have, which a network may not say."""
    saved = {layer.name: layer.blobs for layer in weights.layers}
    for layer, param in zip(model.dag.layers, model.network.message.layer):
        if layer.type != "Convolution" or list(param.bottom) != [model.input_name] or not saved.get(layer.name):
            continue
        blob = saved[layer.name][0]
        wanted = layer.params[0].shape
        if blob is None or len(blob.shape) != 4 or blob.shape[1] == wanted[1] or blob.shape[0] != wanted[0]:
            continue
        channels = blob.shape[1] * max(param.convolution_param.group, 1)
        raise ShapeError(
            "data",
            f"{model.source.name} has images of {model.source.input_shape[0]} channels, but {weights.path} was trained "
            f"on images of {channels}",
        )


class Nets:
    """Nets of an engine that run a model.

    Parameters
    ----------
    network : NetworkFile
        The analysis net, fed by hand.
    request : Request

    Attributes
    ----------
    net : Net
        With pycaffe's names; with the weights that it was last given.

    Raises
    ------
    ConsentError
        If the network has Python layers whose code may not be run.
    EngineError, DeviceError
        If the engine or the device is not there.
    """

    def __init__(self, network: NetworkFile, request: Request) -> None:
        if not request.allow_python_layers:
            refuse_code(network.message, network.path, network.layer_lines)
        elif code_of(network.message):
            engines.serve_layers(request.engine)
        # Whoever wants the real Caffe's own lines sets it; it must be set before the import.
        os.environ.setdefault("GLOG_minloglevel", "2")
        self._caffe = engines.engine(request.engine)
        self._engine, self._device = request.engine, request.device
        self._network, self._seed = network, request.seed
        self.renew()

    def renew(self) -> None:
        """Make the net anew, so that the memory of the one before is free once nobody has that any more."""
        self.net: Any = None
        try:
            engines.use_device(self._engine, self._device)
        except DeviceError as error:
            raise DeviceError(f"{error}; analyse with --device cpu") from error
        self._caffe.set_random_seed(self._seed)  # weights that fillers give are the same again
        with tempfile.TemporaryDirectory(prefix="cnnvis_caffe.") as folder:
            path = os.path.join(folder, "analysis.prototxt")
            write_text(path, self._network.message)
            self.net = self._caffe.Net(path, self._caffe.TEST)

    @property
    def version(self) -> str:
        """Of the engine."""
        return str(getattr(self._caffe, "__version__", ""))

    def with_weights(self, snapshot: SnapshotFile) -> Any:
        """Return the net with the weights of a snapshot; there is one net, which the next call changes.

        Parameters
        ----------
        snapshot : SnapshotFile
        """
        if snapshot.path:
            self.net.copy_from(snapshot.path)
        return self.net
