"""Batches of an analysis: images, the columns they belong to, what is right, and what goes into the net."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.analysis.answering import UNKNOWN, VOID
from cnnvis_caffe.analysis.model import Model
from cnnvis_caffe.datasets.ahead import read_ahead
from cnnvis_caffe.datasets.preprocessing import resize_nearest
from cnnvis_caffe.features.judges import JUDGES, Judge
from cnnvis_caffe.features.judges.pairs import PairJudge
from cnnvis_caffe.records.task import PAIRS


@dataclass(frozen=True, eq=False)
class Batch:
    """Some images of an analysis, as `features.Extraction.update` takes them.

    Attributes
    ----------
    inputs : ndarray of shape (n, C, H, W), float32
    members : ndarray of shape (n,), int64, or of shape (n, n_columns), bool
    indices : ndarray of shape (n,), int64
    targets : ndarray of shape (n, ...), or None
    feeds : mapping of str to ndarray
    """

    inputs: np.ndarray
    members: np.ndarray
    indices: np.ndarray
    targets: np.ndarray | None
    feeds: Mapping[str, np.ndarray]


def read_batches(model: Model, indices: np.ndarray, size: int) -> Iterator[Batch]:
    """Read images in batches, a few of them ahead of whoever takes them.

    Parameters
    ----------
    model : Model
    indices : ndarray of int
    size : int
        Images in a batch; the last may have fewer.

    Yields
    ------
    Batch
    """
    indices = np.asarray(indices, np.int64)
    parts = [indices[start : start + size] for start in range(0, len(indices), size)]
    return read_ahead(lambda part: _batch(model, part), parts)


def judge_of(model: Model) -> Judge:
    """Return what judges the answers of a model."""
    task, columns = model.columns.task, model.columns
    n = len(columns.names) if columns.are_scores else model.n_scores
    if task is PAIRS:
        return PairJudge(2, _margin(model))
    return JUDGES[task.name](n)


def _margin(model: Model) -> float:
    """How far apart the loss wants different ones to be."""
    losses = [layer for layer in model.network.message.layer if layer.type == "ContrastiveLoss"]
    return float(losses[-1].contrastive_loss_param.margin) if losses else 1.0


def _batch(model: Model, part: np.ndarray) -> Batch:
    """Read some images with what belongs to them."""
    columns, inputs, others = model.columns, model.source.inputs(part), model.source.other_inputs(part)
    if columns.members is None:
        targets = _masks(model, part)
        return Batch(inputs, _present(targets, len(columns.names)), part, targets, {**_feeds(model, targets), **others})
    members = columns.members[part]
    if columns.targets is columns.members:  # one array, as engines that sum up elsewhere ask for
        return Batch(inputs, members, part, members, {**_feeds(model, members), **others})
    found = columns.targets[part] if columns.targets is not None else None
    return Batch(inputs, members, part, found, {**_feeds(model, found), **others})


def _feeds(model: Model, targets: np.ndarray | None) -> dict[str, np.ndarray]:
    """What goes into the net beside the images: labels, where it takes some."""
    if not model.label_name or targets is None:
        return {}
    if targets.dtype == np.float32 and model.columns.task.loss != "EuclideanLoss":
        targets = np.where(np.isnan(targets), np.float32(UNKNOWN), targets)
    return {model.label_name: targets}


def _masks(model: Model, part: np.ndarray) -> np.ndarray:
    """The class of each position of the scores, (n, H, W) int64; void where there is none."""
    masks = model.source.masks(part)
    height, width = next(node.positions for node in model.nodes if node.name == model.score_name)
    if masks.shape[1:] != (height, width):
        masks = np.stack([resize_nearest(mask, height, width) for mask in masks])
    return np.where(masks < len(model.columns.names), masks, VOID).astype(np.int64)


def _present(targets: np.ndarray, n_classes: int) -> np.ndarray:
    """Which classes some position of each image has, (n, n_classes) bool."""
    found = np.zeros((len(targets), n_classes + 1), bool)
    flat = np.minimum(targets.reshape(len(targets), -1), n_classes)
    found[np.arange(len(targets))[:, np.newaxis], flat] = True
    return found[:, :n_classes]
