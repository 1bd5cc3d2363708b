"""Reduces blobs where they are, so that neither activations nor gradients leave their device or change their layout.

This is what an extraction of features asks of the engine besides running the net; `cnnvis_caffe.features.engine` is
the same by numpy, for any net with pycaffe's face.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.records.summation import Summation
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.accumulator import Accumulator
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.net import Net

#: Matrices with fewer columns are squared as a whole.
SMALLEST_BLOCK = 128

class TensorMoments:
    """A batch of activations, reduced over the positions; the neurons of several blobs side by side.

    Attributes
    ----------
    mean, peak, square : ndarray of shape (n_images, n_neurons), float32
        Mean, maximum, and mean of the squares.
    minimum : ndarray of shape (n_neurons,), float32
        Over the images, too.
    device_mean : tensor
        `mean`, where the net runs.
    """

    __slots__ = ("device_mean", "mean", "minimum", "peak", "square")

    def __init__(self, mean: Any, peak: Any, square: Any, minimum: Any) -> None:
        self.device_mean = mean
        self.mean, self.peak, self.square, self.minimum = (_numpy(t) for t in (mean, peak, square, minimum))


class TensorReductions:
    """Reduces the blobs of a net on its device.

    Parameters
    ----------
    net : Net
        Nothing in it works in place.
    """

    def __init__(self, net: Net) -> None:
        self.net = net
        self._blobs = dict(zip(net.blob_names, net.blobs))
        self._layers = dict(zip(net.layer_names, net.layers))
        self._input_ids = set(net.input_ids)
        self._scratch: Any = None

    def blob(self, name: str) -> Blob:
        """Return a blob of the net."""
        return self._blobs[name]

    def memory_explained(self) -> contextlib.AbstractContextManager[None]:
        """Let a GPU that is full be a `DeviceMemoryError`."""
        return backend.memory_explained(self.net.path, "what is summed up of the images")

    # -- running backward --------------------------------------------------------------------------------------------

    def backward(self) -> None:
        """Run the whole net backward, parameters' gradients from zero; the inputs get none."""
        self.net.clear_param_diffs()
        with self._without_gradients_of_inputs():
            self.net.backward()

    def backward_from(self, diffs: Mapping[str, np.ndarray], layers: Sequence[int], silent: Sequence[str]) -> None:
        """Run backward from blobs, without the gradients of parameters where layers can do without.

        Parameters
        ----------
        diffs : mapping of str to ndarray
            Gradient of each blob.
        layers : sequence of int
            The layers to run, the last one first.
        silent : sequence of str
            Blobs that get no gradient from above.
        """
        there = {name: torch.from_numpy(diff).to(backend.device()) for name, diff in diffs.items()}
        self.run_back(there, layers, silent)

    def run_back(self, diffs: Mapping[str, Any], layers: Sequence[int], silent: Sequence[str]) -> None:
        """Do what `backward_from` does with tensors that are on the device."""
        for name in silent:
            self._blobs[name].clear_diff()
        for name, diff in diffs.items():
            blob = self._blobs[name]
            blob.grad = diff.reshape(blob.shape)
        self.go_back(layers)

    def go_back(self, layers: Sequence[int]) -> None:
        """Run some layers backward, the last one first, without the gradients of parameters."""
        with self._without_gradients_of_parameters(layers):
            for layer in layers:
                self.net.backward(layer, layer)

    def rectify(self, source: str, target: str, slopes: Sequence[float]) -> None:
        """Pass the gradient of a blob through a rectifier; the result is the gradient of another blob, or of the same.

        Parameters
        ----------
        source, target : str
            Blobs of one shape.
        slopes : sequence of float
            Factors of negative values: one, or one for each channel. 1 lets everything pass.
        """
        with backend.computing():
            signal = self._blobs[source].grad
            if set(slopes) == {0.0}:
                passed = torch.relu(signal)
            elif set(slopes) == {1.0}:
                passed = signal if source == target else signal.clone()
            else:
                passed = torch.prelu(signal, torch.tensor(slopes, dtype=signal.dtype, device=signal.device))
            self._blobs[target].grad = passed

    @contextlib.contextmanager
    def _without_gradients_of_parameters(self, layers: Sequence[int]) -> Iterator[None]:
        """For a while, some layers give gradients to their bottoms only."""
        chosen = [self.net.layers[index] for index in layers]
        before = [layer.param_propagate_down for layer in chosen]
        try:
            for layer in chosen:
                layer.param_propagate_down = [False] * len(layer.param_propagate_down)
            yield
        finally:
            for layer, wanted in zip(chosen, before):
                layer.param_propagate_down = wanted

    @contextlib.contextmanager
    def _without_gradients_of_inputs(self) -> Iterator[None]:
        """For a while, nobody wants to know how the loss depends on the net's inputs."""
        needs = self.net.bottom_needs_backward
        before = [list(row) for row in needs]
        try:
            for row, bottom_ids in zip(needs, self.net.bottom_ids):
                row[:] = [need and i not in self._input_ids for need, i in zip(row, bottom_ids)]
            yield
        finally:
            for row, wanted in zip(needs, before):
                row[:] = wanted

    # -- reducing blobs ----------------------------------------------------------------------------------------------

    def moments(self, names: Sequence[str]) -> TensorMoments:
        """Reduce the activations of blobs."""
        return TensorMoments(*self.moment_tensors(names))

    def moment_tensors(self, names: Sequence[str]) -> tuple[Any, Any, Any, Any]:
        """Return mean, peak, square and minimum of `TensorMoments`, on the device."""
        with backend.computing():
            parts = [self._moments(self._blobs[name].value) for name in names]
            means, peaks, squares, minima = zip(*parts)
            return torch.cat(means, 1), torch.cat(peaks, 1), torch.cat(squares, 1), torch.cat(minima)

    def positions(self, name: str, images: np.ndarray, neurons: np.ndarray) -> np.ndarray:
        """Return the first position of the largest activation, for pairs of image and neuron of a blob."""
        device = backend.device()
        values = self._blobs[name].value
        rows = values[torch.from_numpy(images).to(device), torch.from_numpy(neurons).to(device)]
        return _numpy(rows.reshape(len(images), -1)).argmax(1)

    def products(self, names: Sequence[str]) -> np.ndarray:
        """Return activation times gradient, summed over the positions, of shape (n_images, n_neurons), float32."""
        return _numpy(self.product_tensor(names))

    def product_tensor(self, names: Sequence[str]) -> Any:
        """Return `products` on the device."""
        with backend.computing():
            return torch.cat([self._products(self._blobs[name]) for name in names], 1)

    def _moments(self, values: Any) -> tuple[Any, Any, Any, Any]:
        """Mean, peak and mean square of a blob by image and neuron, and the minimum by neuron."""
        if values.dim() == 2:
            return values, values, values * values, values.amin(0)
        flat, axis = _flat(values)
        n_positions = flat.shape[axis]
        return (
            flat.sum(axis).div_(n_positions),
            _folded(flat, axis, torch.maximum, 8).amax(axis),
            self._product(flat, flat).sum(axis).div_(n_positions),
            _lowest(flat, axis),
        )

    def _products(self, blob: Blob) -> Any:
        """Activation times gradient of a blob, summed over the positions."""
        values, gradients = blob.value, blob.grad
        if values.dim() == 2:
            return values * gradients
        flat, axis = _flat(self._product(values, gradients))
        return flat.sum(axis)

    def _product(self, a: Any, b: Any) -> Any:
        """Multiply into memory that is used again and again: new memory costs more than the product."""
        n_values = a.numel()
        if self._scratch is None or self._scratch.numel() < n_values or self._scratch.device != a.device:
            self._scratch = a.new_empty(n_values)
        if sum((n - 1) * stride for n, stride in zip(a.shape, a.stride())) != n_values - 1:
            return a * b  # it has holes, or lies over itself
        return torch.mul(a, b, out=self._scratch[:n_values].as_strided(a.shape, a.stride()))

    # -- sums in float64 ---------------------------------------------------------------------------------------------

    def new_sums(self, shapes: Mapping[str, tuple[int, ...]]) -> Any:
        """Return sums in float64 that begin with zero, by name."""
        device = backend.device()
        with self.memory_explained():
            return {name: torch.zeros(shape, dtype=torch.float64, device=device) for name, shape in shapes.items()}

    def add_gradients(self, sums: Any, factor: float) -> None:
        """Add `factor` times the gradients of the first parameter of layers, by the layer's name."""
        with backend.computing():
            for name, total in sums.items():
                total.add_(self._layers[name].blobs[0].grad, alpha=factor)

    def add_products(self, sums: Any, moments: TensorMoments, parts: Mapping[str, slice]) -> None:
        """Add the products of each two columns of some parts of the mean, summed over the images."""
        self.add_squares(sums, moments.device_mean, parts)

    def add_squares(self, sums: Any, mean: Any, parts: Mapping[str, slice]) -> None:
        """Do what `add_products` does with a mean that is on the device."""
        with backend.computing():
            mean = mean.double()
            for name, total in sums.items():
                _add_square(total, mean[:, parts[name]])

    @property
    def accumulates(self) -> bool:
        """Whether there is an `accumulator`: on a GPU; on a CPU nothing has to come back, and numpy sums up."""
        return backend.on_gpu()

    def accumulator(
        self,
        summation: Summation,
        products: Any,
        gradients: Any,
        state: Mapping[str, np.ndarray],
        judge: Callable[[Sequence[np.ndarray], np.ndarray, np.ndarray], None],
    ) -> Accumulator:
        """Return what runs batches and sums up on the GPU.

        Parameters
        ----------
        summation : Summation
        products, gradients : mapping of str to tensor
            From `new_sums`; are added to from now on.
        state : mapping of str to ndarray
            What was summed up before, as `features.Extraction.state` names it.
        judge : callable
            Takes the answers of a batch, what is right, and the images' indices, where answers are not counted here.
        """
        return Accumulator(self, summation, products, gradients, state, judge)

    def add_sums(self, sums: Any, arrays: Mapping[str, np.ndarray]) -> None:
        """Add arrays to sums."""
        for name, total in sums.items():
            total.add_(torch.from_numpy(np.array(arrays[name], np.float64)).to(total.device))

    def arrays(self, sums: Any) -> dict[str, np.ndarray]:
        """Return sums as arrays, float64."""
        return {name: _numpy(total) for name, total in sums.items()}


def _flat(values: Any) -> tuple[Any, int]:
    """(n_images, n_neurons, n_positions) in the order in which it lies in memory, and the axis of the positions."""
    if values.dim() == 4 and not values.is_contiguous() and values.is_contiguous(memory_format=torch.channels_last):
        n, c, h, w = values.shape
        return values.permute(0, 2, 3, 1).reshape(n, h * w, c), 1
    return values.reshape(*values.shape[:2], math.prod(values.shape[2:])), 2


def _folded(values: Any, axis: int, extreme: Callable[[Any, Any], Any], length: int) -> Any:
    """Fold an axis onto itself until it is no longer than `length`.

    On a CPU, PyTorch's own reductions to extremes are ten times slower than sums where neighbours in memory are not
    reduced.
    """
    while values.shape[axis] > length and not values.is_cuda:
        before = values.shape[axis]
        half = (before + 1) // 2
        # Of an odd length the one in the middle meets itself.
        values = extreme(values.narrow(axis, 0, half), values.narrow(axis, before - half, half))
    return values


def _lowest(values: Any, axis: int) -> Any:
    """The smallest value of each neuron over images and positions."""
    if axis == 1:
        return _folded(values.reshape(-1, values.shape[2]), 0, torch.minimum, 64).amin(0)
    if values.is_cuda:
        return values.amin((0, 2))
    return _folded(values, 0, torch.minimum, 1)[0].amin(1)


def _add_square(total: Any, columns: Any) -> None:
    """Add the products of each two columns; as they are symmetric, the blocks above the diagonal are copied."""
    n = columns.shape[1]
    if columns.is_cuda or n < SMALLEST_BLOCK:
        total.addmm_(columns.t(), columns)
        return
    half = n // 2
    _add_square(total[:half, :half], columns[:, :half])
    _add_square(total[half:, half:], columns[:, half:])
    below = total[half:, :half]
    below.addmm_(columns[:, half:].t(), columns[:, :half])
    total[:half, half:] = below.t()


def _numpy(tensor: Any) -> np.ndarray:
    """As an array."""
    array: np.ndarray = tensor.cpu().numpy()
    return array
