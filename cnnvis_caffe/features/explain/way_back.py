"""Runs images forward to a blob, and a signal from there back to any blob before it, layer by layer.

A rule says how the signal passes a layer. All rules share this way: each layer goes back by its own gradient (pooling
by the switches of the forward pass, a convolution by its transposed filters), except for the few kinds of layers that
the rule treats in another way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.features import engine
from cnnvis_caffe.features.score_path import score_path
from cnnvis_caffe.network.facts.table import facts_of

RULES = ("gradient", "deconvnet", "guided")

#: Slopes of what lets everything pass.
_EVERYTHING = (1.0,)


@dataclass(frozen=True, eq=False)
class Aim:
    """What is explained of each of n images.

    Attributes
    ----------
    activations : ndarray of shape (n,), float32
    positions : ndarray of shape (n, d), int64
        Row and column in the node; d is 0 for nodes without.
    signal : ndarray of the node's shape, float32
        1 there, 0 elsewhere.
    """

    activations: np.ndarray
    positions: np.ndarray
    signal: np.ndarray


class WayBack:
    """The way from the pixels to a blob and back.

    Parameters
    ----------
    net : pycaffe Net
        Nothing in it works in place, and it has `force_backward`, as the nets of analyses.
    input_name : str
        Blob of the images.
    node : str
        Blob in which the way back begins.
    slopes : mapping of str to float, optional
        ``negative_slope`` of ReLU layers, by their name; 0 for those that are not named. Slopes of PReLU layers are
        read from the net.

    Raises
    ------
    UnknownBlobError
        If the net has no such blob.
    CnnvisError
        If the blob does not depend on the images.
    """

    def __init__(self, net: Any, input_name: str, node: str, slopes: Mapping[str, float] | None = None) -> None:
        self.net, self.input_name, self.node = net, input_name, node
        self._path = score_path(net, (node,))
        if input_name not in self._path.blobs:
            raise CnnvisError(f"{node!r} does not depend on the images ({input_name!r})")
        self._names = list(net.top_names)
        self._types = [layer.type for layer in net.layers]
        self._writers = {top: number for number, name in enumerate(self._names) for top in net.top_names[name]}
        self._slopes = dict(slopes or {})
        make = getattr(net, "reductions", None)
        self._engine: Any = make() if make is not None else engine.Reductions(net)

    @property
    def blobs(self) -> frozenset[str]:
        """Names of all blobs between the images and the node, both included."""
        return self._path.blobs

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        """Run images to the node.

        Parameters
        ----------
        inputs : ndarray of shape (n, C, H, W), float32
            As the network takes them.

        Returns
        -------
        ndarray of shape (n, n_neurons) or (n, n_neurons, height, width), float32
            The activations of the node; a live view that the next forward pass changes.
        """
        last = self._writers[self.node]
        for number in range(last + 1):
            if self._types[number] == "Input":
                for top in self.net.top_names[self._names[number]]:
                    shape = tuple(self.net.blobs[top].data.shape)
                    if shape[:1] != (len(inputs),):
                        self.net.blobs[top].reshape(len(inputs), *shape[1:])
        self.net.blobs[self.input_name].data[...] = inputs
        self.net.forward(end=self._names[last])
        activations: np.ndarray = self.net.blobs[self.node].data
        return activations

    def aim(self, inputs: np.ndarray, neuron: int | np.ndarray, positions: np.ndarray | None = None) -> Aim:
        """Run images to the node, and find what is explained.

        Parameters
        ----------
        inputs : ndarray of shape (n, C, H, W), float32
        neuron : int or ndarray of shape (n,), int
            The same for all images, or one for each.
        positions : ndarray of shape (n, d) or (d,), int, optional
            Rows and columns; d is 0 for nodes without. By default the largest activation of each image; of equal ones
            the first.

        Returns
        -------
        Aim

        Raises
        ------
        CnnvisError
            If there is no such neuron or position.
        """
        found = self.forward(inputs)
        index = _places(found, neuron, positions)
        signal = np.zeros(found.shape, np.float32)
        signal[index] = 1
        where = np.stack(index[2:], 1) if index[2:] else np.zeros((len(inputs), 0), np.int64)
        return Aim(np.array(found[index], np.float32), where, signal)

    def back(self, signal: np.ndarray, rule: str = "gradient", to: str = "") -> np.ndarray:
        """Run a signal back, after a forward pass.

        Parameters
        ----------
        signal : ndarray, float32
            Of the node's shape.
        rule : {"gradient", "deconvnet", "guided"}, default="gradient"
            How it passes rectifiers and normalisation; see `projections`.
        to : str, optional
            Blob on the way; the images by default.

        Returns
        -------
        ndarray of the shape of `to`, float32
            A copy.

        Raises
        ------
        CnnvisError
            If `to` does not lie on the way.
        """
        end = to or self.input_name
        if end not in self._path.blobs:
            raise CnnvisError(f"{self.node!r} does not depend on {end!r}; choose one of the layers before it")
        self._engine.backward_from({self.node: np.asarray(signal, np.float32)}, (), self._path.silent)
        for layers, rectified in self._steps(rule, self._writers[end]):
            if layers:
                self._engine.go_back(layers)
            if rectified is not None:
                self._engine.rectify(*rectified)
        return np.array(self.net.blobs[end].diff, np.float32)

    def _steps(self, rule: str, end: int) -> Iterator[tuple[list[int], tuple[str, str, tuple[float, ...]] | None]]:
        """Layers that go back by their own gradient, each time up to one that the rule treats in its own way."""
        run: list[int] = []
        for layer in self._path.layers:
            if layer <= end or not self.net.bottom_names[self._names[layer]]:
                continue
            top, bottom = self.net.top_names[self._names[layer]][0], self.net.bottom_names[self._names[layer]][0]
            kind = facts_of(self._types[layer]).way_back
            if rule == "deconvnet" and kind != "gradient":
                # What comes back is no activation that a layer could normalise.
                yield run, (top, bottom, self._slopes_of(layer) if kind == "rectified" else _EVERYTHING)
                run = []
            elif rule == "guided" and kind == "rectified":
                yield run, (top, top, self._slopes_of(layer))
                run = [layer]
            else:
                run.append(layer)
        yield run, None

    def _slopes_of(self, layer: int) -> tuple[float, ...]:
        """Of a rectifier's negative side: one, or one for each channel."""
        if self._types[layer] == "PReLU":
            return tuple(float(slope) for slope in np.ravel(self.net.params[self._names[layer]][0].data))
        return (self._slopes.get(self._names[layer], 0.0),)


def _places(
    activations: np.ndarray, neuron: int | np.ndarray, positions: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    """Index into the activations that gives one value for each image."""
    n, n_neurons = activations.shape[:2]
    images, neurons = np.arange(n), np.broadcast_to(np.asarray(neuron, np.int64), (n,))
    wrong = neurons[(neurons < 0) | (neurons >= n_neurons)]
    if len(wrong):
        raise CnnvisError(f"there is no neuron {wrong[0]}; the layer has the neurons 0 to {n_neurons - 1}")
    extent = activations.shape[2:]
    if positions is None:
        largest = activations[images, neurons].reshape(n, -1).argmax(1)
        return (images, neurons, *(np.unravel_index(largest, extent) if extent else ()))
    wanted = np.broadcast_to(np.asarray(positions, np.int64), (n, len(extent)))
    if (wanted < 0).any() or (wanted >= np.array(extent, np.int64)).any():
        allowed = " and ".join(f"0 to {length - 1}" for length in extent)
        raise CnnvisError(f"there is no position {','.join(map(str, wanted[0]))}; row and column go from {allowed}")
    return (images, neurons, *wanted.T)
