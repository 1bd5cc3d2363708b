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
    return _shares(_weights(weights, layers))


def positive_kernels(weights: Path, layers: tuple[str, ...]) -> dict[str, float]:
    """Share of positive connections of some layers, each the mean of a kernel.

    Parameters
    ----------
    weights : Path
        A caffemodel.
    layers : tuple of str
        Convolutions.

    Returns
    -------
    dict of str to float
        By layer, and "all" over all connections of these layers.
    """
    return _shares({name: array.mean((2, 3)) for name, array in _weights(weights, layers).items()})


def _weights(path: Path, layers: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The weights of some layers."""
    from cnnvis_caffe.formats.weights import read_weights

    found = {layer.name: layer for layer in read_weights(str(path)).layers}
    return {name: np.asarray(found[name].blobs[0].data) for name in layers}


def _shares(arrays: dict[str, np.ndarray]) -> dict[str, float]:
    """Share of what is positive in each, and in all together."""
    shares = {name: float((array > 0).mean()) for name, array in arrays.items()}
    shares["all"] = float((np.concatenate([array.ravel() for array in arrays.values()]) > 0).mean())
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
    return _shares({name: analysis.snapshots[-1].connections[name].weight for name in layers})


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
