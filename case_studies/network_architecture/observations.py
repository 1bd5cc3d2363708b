"""The expert's two observations, as numbers of a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

#: The layers that Figure 4 compares: LeNet's first, and DeepLeNet's first group.
FIRST_GROUP = {"lenet": ("conv1",), "deep_lenet": ("conv1-1", "conv1-2", "conv1-3", "conv1-4")}
#: Cosine above which two neurons do nearly the same. The first is the project's definition; in LeNet's first layer,
#: which has no ReLU, every neuron follows the amount of ink, so that stricter ones are given as well.
REDUNDANT_ABOVE = (0.95, 0.99, 0.999)


def positive_share(weights: Path, layers: tuple[str, ...]) -> dict[str, float]:
    """Share of positive weights of some layers, and of all their weights together.

    Parameters
    ----------
    weights : Path
        A caffemodel.
    layers : tuple of str

    Returns
    -------
    dict of str to float
        By layer; "all" is over all weights of these layers.
    """
    from cnnvis_caffe.formats.weights import read_weights

    arrays = {layer.name: np.asarray(layer.blobs[0].data).ravel() for layer in read_weights(str(weights)).layers
              if layer.name in layers}  # fmt: skip
    shares = {name: float((arrays[name] > 0).mean()) for name in layers}
    shares["all"] = float((np.concatenate([arrays[name] for name in layers]) > 0).mean())
    return shares


def connection_share(analysis: Any, layers: tuple[str, ...]) -> dict[str, float]:
    """Share of positive connections, each the mean of a kernel: what the picture's edges show.

    Parameters
    ----------
    analysis : Analysis
    layers : tuple of str

    Returns
    -------
    dict of str to float
        By layer, and "all" over all connections of these layers.
    """
    weights = [analysis.snapshots[-1].connections[name].weight.ravel() for name in layers]
    shares = {name: float((weight > 0).mean()) for name, weight in zip(layers, weights)}
    shares["all"] = float((np.concatenate(weights) > 0).mean())
    return shares


def redundant_neurons(analysis: Any, node: str) -> dict[str, Any]:
    """Count the neurons of a layer with a partner that does nearly the same.

    Parameters
    ----------
    analysis : Analysis
    node : str

    Returns
    -------
    dict
        "redundant", a number for each of `REDUNDANT_ABOVE`, and "n_neurons".
    """
    snapshot = analysis.snapshots[-1]
    similarity = np.array(snapshot.similarity[node], np.float64)
    alive = np.ptp(np.stack([snapshot.features[node].minimum, snapshot.features[node].overall_maximum]), axis=0) > 0
    similarity[~alive] = similarity[:, ~alive] = 0
    np.fill_diagonal(similarity, 0)
    nearest = similarity.max(1, initial=0)
    return {"redundant": [int((nearest > limit).sum()) for limit in REDUNDANT_ABOVE], "n_neurons": len(similarity)}
