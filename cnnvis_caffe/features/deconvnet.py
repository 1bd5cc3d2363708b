"""What in an image makes a neuron respond: its activation projected back to the pixels (Zeiler and Fergus 2014).

The way back is the network's own backward pass, layer by layer: it unpools with the switches of the forward pass and
applies the transposed filters. Only rectifiers differ: a deconvnet rectifies what comes back, whatever went forward.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnvis_caffe.network.facts.table import facts_of


def project_back(
    net: Any, input_name: str, inputs: np.ndarray, node: str, neuron: int, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Project a neuron's activation on some images back to their pixels.

    Parameters
    ----------
    net : pycaffe Net
        Out of place and with `force_backward`, as analyses use it.
    input_name : str
        Blob of the images.
    inputs : ndarray of shape (n, C, H, W), float32
        As the network takes them.
    node : str
        Blob of the neuron.
    neuron : int
    positions : ndarray of shape (n, d), int
        Where in the blob the activation lies that is projected, one for each image; d is 0 for inner products.

    Returns
    -------
    projections : ndarray of shape (n, C, H, W), float32
        What the activations are made of; their scale means nothing.
    activations : ndarray of shape (n,), float32
        What was projected.

    Notes
    -----
    Layers of a kind that Zeiler and Fergus do not have go back by their own gradient.
    """
    names, types = list(net._layer_names), [layer.type for layer in net.layers]
    last = next(number for number, name in enumerate(names) if node in net.top_names[name])
    for name, number in zip(names, range(last + 1)):
        if types[number] == "Input":
            for top in net.top_names[name]:
                net.blobs[top].reshape(len(inputs), *net.blobs[top].data.shape[1:])
    net.blobs[input_name].data[...] = inputs
    net.forward(end=names[last])
    for blob in net.blobs.values():
        blob.diff[...] = 0
    wanted = net.blobs[node]
    activations = np.zeros(len(inputs), np.float32)
    for number, position in enumerate(positions):
        place = (number, neuron, *(int(at) for at in position))
        activations[number] = wanted.data[place]
        wanted.diff[place] = activations[number]
    needed = {node}
    for number in range(last, -1, -1):
        name, tops, bottoms = names[number], net.top_names[names[number]], net.bottom_names[names[number]]
        facts = facts_of(types[number])
        if facts.source or not needed.intersection(tops):
            continue
        needed.update(bottoms)
        if facts.way_back == "rectified":
            net.blobs[bottoms[0]].diff[...] = np.maximum(net.blobs[tops[0]].diff, 0)
        elif facts.way_back == "unchanged":  # what comes back is no activation that a layer could normalise
            net.blobs[bottoms[0]].diff[...] = net.blobs[tops[0]].diff
        else:
            net.backward(start=name, end=name)
    return np.array(net.blobs[input_name].diff, np.float32), activations


def as_picture(projection: np.ndarray, channel_order: str) -> np.ndarray:
    """Turn a projection into a picture: grey where nothing comes back, each brought to its own largest value.

    Parameters
    ----------
    projection : ndarray of shape (C, H, W), float32
    channel_order : {"grey", "RGB", "BGR", "other"}

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    planes = projection[::-1] if channel_order == "BGR" else projection
    if len(planes) != 3:
        planes = np.repeat(planes.mean(axis=0, keepdims=True), 3, axis=0)
    largest = float(np.abs(planes).max(initial=0.0))
    shares = planes / largest if largest > 0 else np.zeros_like(planes)
    return np.rint(127.5 + 127.5 * shares.transpose(1, 2, 0)).astype(np.uint8)
