"""Runs images through a network and keeps what it says: read this first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnnvis_caffe.analysis.model import Nets, automatic_batch
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.datasets.ahead import read_ahead
from cnnvis_caffe.datasets.class_names import find_class_names
from cnnvis_caffe.datasets.classes import fit_to_classes
from cnnvis_caffe.datasets.opening import DataOptions
from cnnvis_caffe.errors import DataFileError, DeviceMemoryError, NetError
from cnnvis_caffe.formats import beside, file_kind
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.deploy import Deployed, deploy
from cnnvis_caffe.network.deploy_layers import used_layers
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.network.snapshot import network_of
from cnnvis_caffe.prediction.answer import find_answer
from cnnvis_caffe.prediction.inputs import Inputs, open_inputs
from cnnvis_caffe.prediction.keep import Kept, probabilities
from cnnvis_caffe.prediction.request import PredictionRequest
from cnnvis_caffe.preparation.found import training_networks
from cnnvis_caffe.preparation.settings import PreparationOptions, Prepared, prepare
from cnnvis_caffe.preparation.trial import try_preparations
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.annotations import Annotations
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.prediction import CLASSES, LABELS, NUMBERS, PIXELS, RIGHT, Answer, Predictions
from cnnvis_caffe.records.preparation import PreparationTrial

logger = logging.getLogger(__name__)

_IMAGES_PROBED = 23
#: Called for each image with its index, its name and the network's mask (H, W) or boxes (m, 6).
Each = Callable[[int, str, np.ndarray], None]


@dataclass(eq=False)
class _Opened:
    """A network and images that fit it."""

    deployed: Deployed
    weights: str
    answer: Answer
    inputs: Inputs
    prepared: Prepared
    nets: Nets
    batch: int
    names: tuple[str, ...]
    annotations: Annotations
    notes: list[str]


def predict(request: PredictionRequest, *, each: Each | None = None, progress: Progress = SILENT) -> Predictions:
    """Say what a network makes of images.

    Parameters
    ----------
    request : PredictionRequest
    each : callable, optional
        Told the mask or the boxes of each image as soon as they are there; masks are kept nowhere else.
    progress : Progress, default=SILENT
        Told of images; what it raises ends the run.

    Returns
    -------
    Predictions

    Raises
    ------
    ConsentError
        If the network has Python layers whose code may not be run.
    CnnvisError
        If a file is missing or damaged, or things do not fit.
    """
    opened = _open(request, progress)
    trial = _trial(request, opened)
    indices = opened.inputs.sources[0].choose(request.limit) if request.limit else np.arange(opened.inputs.n_images)
    kept = Kept(opened.answer, opened.annotations, request.top)
    progress.start(len(indices), "images")
    _run(opened, indices, kept, each, progress)
    progress.done()
    notes = [*opened.notes, *filter(None, [opened.answer.note, opened.inputs.sources[0].note])]
    return kept.predictions(
        title=opened.deployed.network.message.name,
        images=tuple(opened.inputs.name_of(index) for index in indices.tolist()),
        names=opened.names,
        annotations=opened.annotations.select(indices),
        preprocessing=_preprocessing_words(request, opened),
        notes=tuple(notes),
        trial=trial,
    )


def _run(opened: _Opened, indices: np.ndarray, kept: Kept, each: Each | None, progress: Progress) -> None:
    """All images in batches, a few of them ahead; fewer at once where the GPU has no memory for more."""
    size = max(1, opened.batch // opened.inputs.per_image)
    done = 0
    while done < len(indices):
        parts = [indices[begin : begin + size] for begin in range(done, len(indices), size)]
        batches = read_ahead(lambda part: (part, opened.inputs.read(part)), parts)
        try:
            for part, values in batches:
                output = forward(opened.nets.net, values, opened.answer.blob)
                kept.add(part, _merged(opened, output, len(part)), opened.inputs, each)
                done += len(part)
                progress.step(len(part))
        except DeviceMemoryError:
            if size == 1:
                raise
            size //= 2
            opened.nets.renew()
            opened.nets.net.copy_from(opened.weights)
        finally:
            batches.close()  # type: ignore[attr-defined]


def forward(net: Any, values: dict[str, np.ndarray], blob: str) -> np.ndarray:
    """Run one batch through a net.

    Parameters
    ----------
    net : Net
        With pycaffe's names.
    values : dict of str to ndarray, float32
        What each input takes.
    blob : str

    Returns
    -------
    ndarray
        A copy of a blob.
    """
    for name, array in values.items():
        if tuple(net.blobs[name].shape) != array.shape:
            net.blobs[name].reshape(*array.shape)
        net.blobs[name].data[...] = array
    net.forward()
    return np.array(net.blobs[blob].data)


def _merged(opened: _Opened, output: np.ndarray, n_images: int) -> np.ndarray:
    """Probabilities or numbers of each image; the mean over its crops."""
    output = probabilities(opened.answer, output)
    if opened.inputs.per_image == 1:
        return output
    return output.reshape(n_images, opened.inputs.per_image, *output.shape[1:]).mean(1)


# -- opening ---------------------------------------------------------------------------------------------------------


def _open(request: PredictionRequest, progress: Progress) -> _Opened:
    """Open network and images, and check that they fit, before anything runs."""
    weights = request.weights or request.model
    deployed = deploy(
        request.model,
        request.weights or None,
        stages=request.stages,
        input_shapes={name: shape for name, shape in request.input_shapes.items()},
    )
    network = _network(request)
    layer = _data_layer(network, request.stages)
    options = PreparationOptions(request.scale, request.mean, request.channel_order)
    prepared = prepare(network, layer, [weights], options)
    if request.image_dims:
        prepared = replace(prepared, settings=replace(prepared.settings, resize=request.image_dims))
    inputs = open_inputs(
        request.images,
        deployed.inputs,
        prepared.settings,
        DataOptions(masks=request.masks, skip_damaged=request.skip_damaged),
        path=request.model,
        crop_from=_crop_from(request, deployed),
        progress=progress,
    )
    n_rows = _IMAGES_PROBED * inputs.per_image
    shapes = {name: (n_rows, *shape[1:]) for name, shape in deployed.inputs.items()}
    fed = _with_shapes(deployed.network, shapes)
    dag = build_dag(fed)
    answer = find_answer(
        dag, output=request.output, task=request.task, training=[network, *training_networks(network, [weights])]
    )
    nets = Nets(fed, _net_request(request, weights))
    nets.net.copy_from(weights)
    names, annotations, notes = _names(request, answer, inputs)
    return _Opened(
        deployed=deployed,
        weights=weights,
        answer=answer,
        inputs=inputs,
        prepared=prepared,
        nets=nets,
        batch=request.batch or automatic_batch(dag),
        names=names,
        annotations=annotations,
        notes=notes,
    )


def _net_request(request: PredictionRequest, weights: str) -> Request:
    """What makes a net, as an analysis asks for it."""
    return Request(
        model=request.model,
        weights=(weights,),
        data="",
        engine=request.engine,
        device=request.device,
        allow_python_layers=request.allow_python_layers,
    )


def _network(request: PredictionRequest) -> NetworkFile:
    """The network as it was given, with what it names found beside it."""
    if file_kind.guess_kind(request.model) in (file_kind.CAFFEMODEL, file_kind.HDF5_WEIGHTS):
        network = network_of(read_weights(request.model))
        assert network is not None, "deploy has read it"
    else:
        network = read_network(request.model)
    beside.find_in_network(network.message, request.model)
    return network


def _data_layer(network: NetworkFile, stages: Sequence[str]) -> Any:
    """The layer that would read images from disk; None for Input layers."""
    layers = used_layers(network, stages)
    return next((layer for layer in layers if facts_of(layer.type).reads_data and not layer.bottom), None)


def _crop_from(request: PredictionRequest, deployed: Deployed) -> tuple[int, int] | None:
    """The size of the images that ten crops are taken from: that of the input, unless another one is given."""
    if not request.oversample:
        return None
    shapes = [shape for shape in deployed.inputs.values() if len(shape) == 4]
    if len(shapes) != 1:
        raise NetError(f"{request.model}: ten crops (--oversample) are taken for networks with one image as input")
    return request.image_dims or (shapes[0][2], shapes[0][3])


def _with_shapes(network: NetworkFile, shapes: dict[str, tuple[int, ...]]) -> NetworkFile:
    """The network for batches of some size."""
    message = type(network.message)()
    message.CopyFrom(network.message)
    for layer in message.layer:
        if layer.type == "Input" and layer.top[0] in shapes:
            layer.input_param.ClearField("shape")
            layer.input_param.shape.add(dim=shapes[layer.top[0]])
    return replace(network, message=message)


def _names(
    request: PredictionRequest, answer: Answer, inputs: Inputs
) -> tuple[tuple[str, ...], Annotations, list[str]]:
    """Names of classes, labels or numbers, the labels that belong to them, and what is to be said about both."""
    annotations, notes = inputs.annotations, []
    n_names = _n_names(answer)
    names = request.classes
    if names and n_names and len(names) != n_names:
        raise DataFileError(
            "classes", f"are {len(names)} names, but the output {answer.blob!r} has {n_names}; name all in its order"
        )
    if not names and n_names and answer.kind in (CLASSES, LABELS, PIXELS):
        names, file = find_class_names((request.model, request.weights), n_names)
        if file:
            notes.append(f"names from {file}")
    if answer.kind == CLASSES:
        annotations, note = fit_to_classes(annotations, n_names, names, inputs.sources[0].name)
        notes += [note] if note else []
    if not names and annotations.kind == RIGHT.get(answer.kind) and len(annotations.names) == n_names:
        names = annotations.names
    if not names and n_names > 1 and answer.kind in (CLASSES, LABELS, PIXELS):
        notes.append(
            f"the {n_names} classes have no names: give them (--classes), or put a labels.txt beside the network"
        )
    return tuple(names), annotations, notes


def _n_names(answer: Answer) -> int:
    """How many classes, labels or numbers an answer has; 0 where it does not say."""
    if answer.is_index or answer.kind not in (CLASSES, LABELS, PIXELS, NUMBERS):
        return 0
    return answer.shape[1] if len(answer.shape) > 1 else 1


def _trial(request: PredictionRequest, opened: _Opened) -> PreparationTrial | None:
    """What the usual ways to prepare images give, where nothing says how that is done."""
    inputs = opened.inputs
    is_plain = len(inputs.sources) == 1 and inputs.sources[0].item == "image" and not inputs.crop
    if not request.try_preparation or opened.prepared.is_known or opened.answer.kind != CLASSES or not is_plain:
        return None
    if opened.answer.is_index:
        return None
    source = inputs.sources[0].with_annotations(opened.annotations)
    answer, means = opened.answer, opened.prepared.found.means
    return try_preparations(opened.nets.net, source, inputs.blobs[0], answer.blob, answer.function, means)


def _preprocessing_words(request: PredictionRequest, opened: _Opened) -> str:
    """What is done to the images."""
    words = opened.inputs.sources[0].preprocessing
    return f"{words}, mean over ten crops" if request.oversample else words
