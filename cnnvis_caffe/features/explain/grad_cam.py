"""Grad-CAM: where in an image the evidence for an activation lies (Selvaraju et al. 2017)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.features.explain.way_back import Aim, WayBack
from cnnvis_caffe.records.analysis import Node

#: What belongs to the last convolution: its normalisation, its rectifier, the module that joins it with others.
_FOLLOWS = ("rectifier", "activation", "normalization", "merge")


def last_maps(nodes: Sequence[Node], among: Collection[str]) -> str:
    """Return the last layer of feature maps before a target: the last convolution, with what belongs to it.

    Parameters
    ----------
    nodes : sequence of Node
        Of the network, in their order.
    among : collection of str
        Names of the nodes that the target depends on; its own is left out.

    Returns
    -------
    str
        Empty if no convolution with more than one position lies there.
    """
    found = ""
    for node in nodes:
        if node.name not in among or len(node.positions) != 2 or node.positions == (1, 1):
            continue
        if node.type == "Convolution" or (found in node.sources and node.role in _FOLLOWS):
            found = node.name
    return found


def grad_cam(
    way: WayBack, inputs: np.ndarray, neuron: int, positions: np.ndarray | None, layer: str
) -> tuple[np.ndarray, Aim]:
    """Weigh the feature maps of a layer by what they do for an activation.

    Parameters
    ----------
    way : WayBack
    inputs : ndarray of shape (n, C, H, W), float32
    neuron : int
    positions : ndarray of shape (n, d) or (d,), int, optional
        The largest activation of each image by default.
    layer : str
        Blob of the feature maps, of shape (n, n_maps, height, width).

    Returns
    -------
    maps : ndarray of shape (n, height, width), float32
        The sum of the feature maps, each times the mean over its positions of the activation's gradient; what is
        below 0 is 0.
    aim : Aim

    Raises
    ------
    CnnvisError
        If the layer has no feature maps, or the activation does not depend on it.
    """
    aim = way.aim(inputs, neuron, positions)
    gradients = way.back(aim.signal, to=layer)
    if gradients.ndim != 4:
        shape = " x ".join(map(str, gradients.shape[1:]))
        raise CnnvisError(f"{layer!r} has no feature maps: it gives {shape} for an image; choose a convolutional layer")
    maps = np.einsum("nk,nkyx->nyx", gradients.mean((2, 3)), way.net.blobs[layer].data)
    return np.maximum(maps, 0).astype(np.float32), aim


def stretched(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Stretch maps over an image, bilinearly between the middles of their cells.

    Parameters
    ----------
    maps : ndarray of shape (n, h, w)
    height, width : int

    Returns
    -------
    ndarray of shape (n, height, width), float32
    """
    rows, columns = _weights(maps.shape[1], height), _weights(maps.shape[2], width)
    return np.einsum("Yy,nyx,Xx->nYX", rows, maps, columns, optimize=True).astype(np.float32)


def _weights(found: int, wanted: int) -> np.ndarray:
    """How much of each cell goes into each of the wanted ones."""
    middles = np.clip((np.arange(wanted) + 0.5) * found / wanted - 0.5, 0, found - 1)
    return np.maximum(0, 1 - np.abs(middles[:, None] - np.arange(found)))
