"""Groups of images where the data say nothing of them: by what the network answers, found in a first pass."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from cnnvis_caffe.analysis.batches import read_batches
from cnnvis_caffe.analysis.columns import Columns
from cnnvis_caffe.analysis.model import Model
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.task import CLASSES, SCORE

logger = logging.getLogger(__name__)

#: Clusters are found among so many images, spread evenly; the others go to the nearest one.
N_SAMPLE = 4096


def grouped(model: Model, net: Any, indices: np.ndarray, progress: Progress = SILENT) -> Model:
    """Return a model whose images are in groups; the same model where the data said how.

    Parameters
    ----------
    model : Model
    net : Net
        That runs it, with the weights of the last snapshot.
    indices : ndarray of int64
        Of all images that are analysed, those of other shards as well, so that these have the same groups.
    progress : Progress, default=SILENT
        Told of images.

    Returns
    -------
    Model
        A classifier's images are grouped by the class that it names, other ones by clusters of what the last layer
        answers: see `aggregation.image_clusters`.
    """
    if not model.columns.is_fallback or not len(indices):
        return model
    name = model.score_name or next(node.name for node in reversed(model.nodes) if node.n_neurons)
    progress.start(len(indices), "grouping the images")
    if model.columns.task in (CLASSES, SCORE):
        answers = _of_all(model, net, indices, name, _named, progress)
        columns = _by_answer(model, indices, answers)
    else:
        columns = _by_cluster(model, net, indices, name, progress)
    progress.done()
    return replace(model, columns=columns)


def _by_answer(model: Model, indices: np.ndarray, answers: np.ndarray) -> Columns:
    """A group for each class that is named at all."""
    known = ("no", "yes") if model.columns.task is SCORE else model.class_names
    seen, place = np.unique(answers, return_inverse=True)
    names = tuple(f"named {known[number]}" for number in seen)
    logger.warning("%s has no labels: its images are grouped by what the network answers, and no error is counted",
                   model.source.name)  # fmt: skip
    return _columns(model, names, indices, place, "answer", "answers")


def _by_cluster(model: Model, net: Any, indices: np.ndarray, name: str, progress: Progress) -> Columns:
    """A group for each cluster of what a layer answers."""
    from cnnvis_caffe.aggregation.image_clusters import cluster_images

    step = max(1, -(-len(indices) // N_SAMPLE))
    n_clusters, assign = cluster_images(_of_all(model, net, indices[::step], name, _means, SILENT))
    members = _of_all(model, net, indices, name, lambda values: assign(_means(values)), progress)
    if n_clusters == 1:
        return model.columns
    logger.warning("%s has no labels: its images are grouped by clusters of what %s gives", model.source.name, name)
    names = tuple(f"cluster {number + 1}" for number in range(n_clusters))
    return _columns(model, names, indices, members, "cluster", "clusters")


def _columns(
    model: Model, names: tuple[str, ...], indices: np.ndarray, place: np.ndarray, column: str, columns: str
) -> Columns:
    """Columns of groups that were found."""
    members = np.full(model.source.n_images, -1, np.int64)
    members[indices] = place
    return Columns(model.columns.task, names, column, columns, False, members)


def _of_all(
    model: Model,
    net: Any,
    indices: np.ndarray,
    name: str,
    reduce: Callable[[np.ndarray], np.ndarray],
    progress: Progress,
) -> np.ndarray:
    """What a blob says of images, reduced batch by batch."""
    found = []
    for batch in read_batches(model, indices, model.batch):
        inputs = {model.input_name: batch.inputs, **batch.feeds}
        if net.blobs[model.input_name].shape[0] != len(batch.inputs):
            for blob, values in inputs.items():
                net.blobs[blob].reshape(*values.shape)
            net.reshape()
        for blob, values in inputs.items():
            net.blobs[blob].data[...] = values
        net.forward()
        found.append(reduce(np.asarray(net.blobs[name].data)))
        progress.step(len(batch.inputs))
    return np.concatenate(found)


def _means(values: np.ndarray) -> np.ndarray:
    """The mean of each neuron over its positions, (n_images, n_neurons) float32."""
    return values.reshape(*values.shape[:2], -1).mean(2)


def _named(scores: np.ndarray) -> np.ndarray:
    """The class with the largest score of each image; of a single score, whether it is at least 0."""
    flat = scores.reshape(*scores.shape[:2], -1).max(2)
    return flat.argmax(1) if flat.shape[1] > 1 else (flat[:, 0] >= 0).astype(np.int64)
