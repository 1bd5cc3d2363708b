"""Reduces the blobs of a net by numpy, for engines of which only pycaffe's interface is known.

Our own runtime has the same class (`cnnvis_caffe.runtime.reductions`), which leaves activations and gradients on their
device; a net that has one says so by a method `reductions`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Moments:
    """A batch of activations, reduced over the positions; the neurons of several blobs side by side.

    Attributes
    ----------
    mean, peak, square : ndarray of shape (n_images, n_neurons), float32
        Mean, maximum, and mean of the squares.
    minimum : ndarray of shape (n_neurons,), float32
        Over the images, too.
    """

    mean: np.ndarray
    peak: np.ndarray
    square: np.ndarray
    minimum: np.ndarray


class Reductions:
    """Reduces blobs of a net by numpy.

    Parameters
    ----------
    net : Net
        With pycaffe's face.
    """

    #: Whether there is an `accumulator`, which sums up where the net runs: what `Extraction` then leaves to it.
    accumulates = False

    def __init__(self, net: Any) -> None:
        self._net = net
        self._layer_names = list(net.top_names)

    def memory_explained(self) -> contextlib.AbstractContextManager[None]:
        """Let a device that is full be a `DeviceMemoryError`; numpy works where there is no such device."""
        return contextlib.nullcontext()

    def backward(self) -> None:
        """Run the whole net backward, parameters' gradients from zero."""
        self._net.clear_param_diffs()
        self._net.backward()

    def backward_from(self, diffs: Mapping[str, np.ndarray], layers: Sequence[int], silent: Sequence[str]) -> None:
        """Run backward from blobs; what happens to the parameters' gradients is left open.

        Parameters
        ----------
        diffs : mapping of str to ndarray
            Gradient of each blob.
        layers : sequence of int
            The layers to run, the last one first.
        silent : sequence of str
            Blobs that get no gradient from above.
        """
        blobs = self._net.blobs
        for name in silent:
            blobs[name].diff[...] = 0
        for name, diff in diffs.items():
            blobs[name].diff[...] = diff.reshape(blobs[name].diff.shape)
        self.go_back(layers)

    def go_back(self, layers: Sequence[int]) -> None:
        """Run some layers backward, the last one first."""
        for layer in layers:
            self._net.backward(start=self._layer_names[layer], end=self._layer_names[layer])

    def rectify(self, source: str, target: str, slopes: Sequence[float]) -> None:
        """Pass the gradient of a blob through a rectifier; the result is the gradient of another blob, or of the same.

        Parameters
        ----------
        source, target : str
            Blobs of one shape.
        slopes : sequence of float
            Factors of negative values: one, or one for each channel. 1 lets everything pass.
        """
        signal = self._net.blobs[source].diff
        factors = np.asarray(slopes, np.float32).reshape(-1, *[1] * (signal.ndim - 2))
        self._net.blobs[target].diff[...] = np.where(signal > 0, signal, signal * factors)

    def moments(self, names: Sequence[str]) -> Moments:
        """Reduce the activations of blobs."""
        parts: list[tuple[np.ndarray, ...]] = []
        for name in names:
            values = _flat(self._net.blobs[name].data)
            parts.append(
                (
                    values.mean(2, dtype=np.float64).astype(np.float32),
                    values.max(2),
                    np.square(values).mean(2, dtype=np.float64).astype(np.float32),
                    values.min((0, 2)),
                )
            )
        return Moments(*(np.concatenate(part, -1) for part in zip(*parts)))

    def positions(self, name: str, images: np.ndarray, neurons: np.ndarray) -> np.ndarray:
        """Return the first position of the largest activation, for pairs of image and neuron of a blob."""
        return _flat(self._net.blobs[name].data)[images, neurons].argmax(1)

    def products(self, names: Sequence[str]) -> np.ndarray:
        """Return activation times gradient, summed over the positions, of shape (n_images, n_neurons), float32."""
        sums = []
        for name in names:
            blob = self._net.blobs[name]
            sums.append((_flat(blob.data) * _flat(blob.diff)).sum(2, dtype=np.float64).astype(np.float32))
        return np.concatenate(sums, 1)

    def new_sums(self, shapes: Mapping[str, tuple[int, ...]]) -> Any:
        """Return sums in float64 that begin with zero, by name."""
        return {name: np.zeros(shape) for name, shape in shapes.items()}

    def add_gradients(self, sums: Any, factor: float) -> None:
        """Add `factor` times the gradients of the first parameter of layers, by the layer's name."""
        for name, total in sums.items():
            total += np.multiply(self._net.params[name][0].diff, factor, dtype=np.float64)

    def add_products(self, sums: Any, moments: Moments, parts: Mapping[str, slice]) -> None:
        """Add the products of each two columns of some parts of the mean, summed over the images."""
        for name, total in sums.items():
            columns = moments.mean[:, parts[name]].astype(np.float64)
            total += columns.T @ columns

    def add_sums(self, sums: Any, arrays: Mapping[str, np.ndarray]) -> None:
        """Add arrays to sums."""
        for name, total in sums.items():
            total += arrays[name]

    def arrays(self, sums: Any) -> dict[str, np.ndarray]:
        """Return sums as arrays, float64."""
        return dict(sums)


def _flat(array: np.ndarray) -> np.ndarray:
    """Shape (n_images, n_neurons, n_positions)."""
    return array.reshape(*array.shape[:2], -1)
