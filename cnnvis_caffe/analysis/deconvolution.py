"""A neuron's strongest images projected back to the pixels, with the model that an analysis was made of."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnvis_caffe.analysis.model import (
    Nets,
    analysed_network,
    automatic_batch,
    network_of_request,
    open_model,
    preprocessing_of,
    python_layers,
)
from cnnvis_caffe.analysis.request import Request, sha256
from cnnvis_caffe.analysis.snapshots import SnapshotFile
from cnnvis_caffe.datasets.preprocessing import Preprocessing, reorder
from cnnvis_caffe.errors import CnnvisError, DataNotFoundError
from cnnvis_caffe.features.explain.as_picture import as_picture
from cnnvis_caffe.features.explain.projections import project_back
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.feeding import find_feeding
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.records.layer_code import LayerCode
from cnnvis_caffe.records.network_file import NetworkFile

logger = logging.getLogger(__name__)

#: Responses to kept images are those of the analysis up to this, relative.
CLOSE = 1e-3
#: Options that an analysis says in one word, and that matter here.
_TEXTS = ("data", "mean", "channel_order", "score", "task", "until", "engine", "fork")


def deconvolve(
    analysis: Analysis,
    snapshot: Snapshot,
    node: str,
    neuron: int,
    progress: Progress = SILENT,
    *,
    allow_python_layers: bool = False,
    places: Sequence[str] = (),
) -> dict[int, np.ndarray]:
    """Project the images that a neuron responds to most back to their pixels.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    node : str
    neuron : int
    progress : Progress, default=SILENT
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.
    places : sequence of str
        Folders or files to look in too, where model, weights, mean or data have moved.

    Returns
    -------
    dict of int to ndarray of shape (H, W, 3), uint8
        By image index.

    Raises
    ------
    CnnvisError
        If the model or the weights are not where they were, or are others now; or the data, where the images that
        the analysis keeps are not enough.
    """
    if (snapshot.features[node].top_image[neuron] < 0).all():
        raise CnnvisError(f"{node}, neuron {neuron}: is constant over all images, so there is nothing to project back")
    return project_strongest(
        analysis, snapshot, node, [neuron], progress=progress, allow_python_layers=allow_python_layers, places=places
    )[0]


def project_strongest(
    analysis: Analysis,
    snapshot: Snapshot,
    node: str,
    neurons: Sequence[int],
    *,
    most: int | None = None,
    progress: Progress = SILENT,
    allow_python_layers: bool = False,
    places: Sequence[str] = (),
) -> list[dict[int, np.ndarray]]:
    """Project the images that each of some neurons responds to most back to their pixels.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    node : str
    neurons : sequence of int
    most : int, optional
        Images of a neuron, the strongest ones; as many as the analysis has by default.
    progress : Progress, default=SILENT
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.
    places : sequence of str
        As for `deconvolve`.

    Returns
    -------
    list of dict of int to ndarray of shape (H, W, 3), uint8
        For each neuron, by image index; empty for one that is constant over all images.

    Raises
    ------
    CnnvisError
        As `deconvolve`.
    """
    features = snapshot.features[node]
    images = features.top_image[list(neurons)][:, :most]
    place, rank = np.nonzero(images >= 0)
    result: list[dict[int, np.ndarray]] = [{} for _ in neurons]
    if not len(place):
        return result
    if analysis.data.item != "image":
        raise CnnvisError(f"{analysis.title}: is of {analysis.data.item}s; what is projected back is a single image")
    _warn_of_preparation(analysis)
    progress.start(len(place), "projecting")
    request = replace(request_of(analysis, snapshot, places), allow_python_layers=allow_python_layers)
    network, preprocessing = _opened(analysis, request)
    path = request.weights[0] if request.weights else ""
    net = Nets(network, request).with_weights(SnapshotFile(path, snapshot.sha256, snapshot.iteration, ""))
    slopes = {one.layer: one.negative_slope for one in analysis.nodes}
    chosen, image = np.asarray(neurons)[place], images[place, rank]
    positions = features.top_position[chosen, rank][:, : net.blobs[node].data.ndim - 2]
    different, row = np.unique(image, return_inverse=True)
    inputs = _kept_inputs(analysis, preprocessing, different)
    is_kept = inputs is not None
    if inputs is None:
        inputs = open_model(request, progress).source.inputs(different)
    pictures: list[np.ndarray] = []
    batch = automatic_batch(build_dag(network))
    while len(pictures) < len(place):
        part = slice(len(pictures), len(pictures) + batch)
        some = project_back(
            net, analysis.data.input_name, inputs[row[part]], node, chosen[part], positions[part], slopes
        )
        if is_kept and not np.allclose(some[1], features.top_response[chosen, rank][part], rtol=CLOSE, atol=1e-6):
            # Images that were no bytes are not kept whole.
            inputs, is_kept = open_model(request, progress).source.inputs(different), False
            pictures.clear()
            continue
        pictures += [as_picture(one, analysis.data.channel_order) for one in some[0]]
        progress.step(len(some[0]))
    progress.done()
    for at, index, picture in zip(place.tolist(), image.tolist(), pictures):
        result[at][index] = picture
    return result


def _opened(analysis: Analysis, request: Request) -> tuple[NetworkFile, Preprocessing]:
    """The analysis net, fed by hand, and what is done to its images; without opening any data."""
    network = network_of_request(request)
    analysed = analysed_network(network, request, analysis.data.input_shape)
    known, mean = analysis.data.scale, analysis.data.mean
    if known is None:  # an older file: files beside the network say it
        return analysed, preprocessing_of(request, network, find_feeding(network))
    if mean is not None and mean.shape[1:] == (1, 1):
        return analysed, Preprocessing(scale=known, mean_values=tuple(mean.ravel().tolist()))
    return analysed, Preprocessing(scale=known, mean_image=mean, mean_name=f"of {analysis.path}")


def _warn_of_preparation(analysis: Analysis) -> None:
    """Say that the images were perhaps prepared in the wrong way, as their projections are of what was fed."""
    trial = analysis.preparation
    if trial is not None and trial.best is not None:
        logger.warning(
            "the images of this analysis are %s prepared in the wrong way (%s): %s",
            "probably" if trial.has_labels else "perhaps", ", ".join(trial.suspects), trial.reason,
        )  # fmt: skip


def _kept_inputs(analysis: Analysis, preprocessing: Preprocessing, indices: np.ndarray) -> np.ndarray | None:
    """What the network takes, of the images that the analysis keeps; None where it keeps not all of them."""
    order, n_channels = analysis.data.channel_order, analysis.data.input_shape[0]
    if order == "other" or n_channels not in (1, 3) or not all(int(index) in analysis.images for index in indices):
        return None
    kept = np.stack([np.asarray(analysis.images[int(index)]) for index in indices])
    planes = reorder(kept.transpose(0, 3, 1, 2), "RGB", order)[:, :n_channels]
    mean = preprocessing.mean_image
    return preprocessing.values(planes, planes.shape[2:] if mean is None else mean.shape[1:])


def request_of(analysis: Analysis, snapshot: Snapshot, places: Sequence[str] = ()) -> Request:
    """Return how the model of an analysis is opened again, with the weights of one snapshot.

    Files are looked for where they were, whatever the folder is here: from the folder in which the analysis was made,
    which older files do not say; from here; from that of the analysis file; and in `places`.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    places : sequence of str
        Folders or files to look in too.

    Raises
    ------
    DataNotFoundError
        If one is not there any more.
    CnnvisError
        If it is another one now, or the analysis does not say what it was made of.
    """
    said = analysis.provenance
    if "model" not in said or "option data" not in said:
        raise CnnvisError(f"{analysis.title}: this analysis does not say which model and data it was made of")
    texts = {name: said.get(f"option {name}", "") for name in _TEXTS}
    scale = said.get("option scale", "")
    request = Request(
        model=_found(analysis, said["model"], said.get("model sha256", ""), "model", places),
        weights=(_found(analysis, snapshot.path, snapshot.sha256, "snapshot", places),) if snapshot.path else (),
        scale=float(scale) if scale else None,
        resize=said.get("option resize", "") == "True",
        stages=tuple(part for part in said.get("option stages", "").split(", ") if part),
        seed=int(said.get("option seed", "") or 1),
        **{name: text for name, text in texts.items() if text},  # type: ignore[arg-type]
    )
    data, mean = (next(iter(_there(analysis, path, places)), path) for path in (request.data, request.mean))
    return replace(request, data=data, mean=mean)


def missing_file(analysis: Analysis, snapshot: Snapshot, places: Sequence[str] = ()) -> str:
    """Return the path of the model or the weights of an analysis, whichever is not there; empty where none is missing.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    places : sequence of str
        As for `request_of`.
    """
    model = analysis.provenance.get("model", "")
    wanted = (model, snapshot.path) if model else ()  # else it does not say what it was made of, and cannot be made
    return next((path for path in wanted if path and not _there(analysis, path, places)), "")


def python_layers_of(analysis: Analysis, snapshot: Snapshot, places: Sequence[str] = ()) -> tuple[LayerCode, ...]:
    """Return the code that running the model of an analysis again would run, so that the user can be asked.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    places : sequence of str
        As for `request_of`.

    Raises
    ------
    CnnvisError
        As `request_of`, or if the network cannot be read.
    """
    request = request_of(analysis, snapshot, places)
    return python_layers(request.model, request.stages)


def _there(analysis: Analysis, path: str, places: Sequence[str]) -> list[str]:
    """Where a file is that the analysis names, the likeliest place first; empty where it is nowhere."""
    if not path:
        return []
    folder, beside = analysis.provenance.get("folder", ""), os.path.dirname(analysis.path)
    found = [os.path.join(folder, path) if folder else path, path]
    if analysis.path:
        found.append(os.path.join(beside, path))
    for place in places:
        if os.path.isdir(place):
            found += [os.path.join(place, path), os.path.join(place, os.path.basename(path))]
        elif os.path.splitext(place)[1] == os.path.splitext(path)[1]:
            found.append(place)
    return [one for one in dict.fromkeys(found) if os.path.exists(one)]


def _found(analysis: Analysis, path: str, checksum: str, what: str, places: Sequence[str]) -> str:
    """A file that must be there and be the one that was analysed."""
    there = _there(analysis, path, places)
    if not there:
        looked = analysis.provenance.get("folder", "") or os.getcwd()
        raise DataNotFoundError(
            f"{path}: the {what} that was analysed is not there (looked for it from {looked}); "
            "say where it is now (render --files-in FOLDER, or Deconvolve in the window), or put the file back"
        )
    same = next((one for one in there if not checksum or sha256(one) == checksum), "")
    if not same:
        raise CnnvisError(f"{there[0]}: this is not the {what} that was analysed any more; analyse it again")
    return same
