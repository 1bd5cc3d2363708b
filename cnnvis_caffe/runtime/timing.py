"""Times each layer of a net."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.net import Net


@dataclass(frozen=True)
class Timing:
    """Milliseconds, averaged over iterations.

    Attributes
    ----------
    layer_forward, layer_backward : list of float
        For each layer; the backward pass of a layer that has none takes 0.
    forward, backward : float
        All layers together.
    forward_backward : float
        Both, with everything in between.
    total : float
        All iterations together, not averaged.
    """

    layer_forward: list[float]
    layer_backward: list[float]
    forward: float
    backward: float
    forward_backward: float
    total: float


def time_layers(
    net: Net, iterations: int, *, on_iteration: Callable[[int, float], None] = lambda number, milliseconds: None
) -> Timing:
    """Run a net forward and backward and time each layer.

    Parameters
    ----------
    net : Net
        Best run once before, so that memory has been allocated.
    iterations : int
        At least 1.
    on_iteration : callable, optional
        Called with the number of each iteration, from 1, and its milliseconds.

    Returns
    -------
    Timing

    Notes
    -----
    As `time` in `tools/caffe.cpp`, every layer runs backward, also where the net would leave it out. On a GPU the
    clock is read when all work that was given to it has been done.
    """
    n_layers = len(net.layers)
    layer_forward, layer_backward = [0.0] * n_layers, [0.0] * n_layers
    forward = backward = 0.0
    start = _now()
    for number in range(1, iterations + 1):
        begin = _now()
        with backend.computing():
            for index in range(n_layers):
                layer_forward[index] += _timed(_forward, net, index)
            middle = _now()
            for index in reversed(range(n_layers)):
                layer_backward[index] += _timed(_backward, net, index)
        end = _now()
        forward += middle - begin
        backward += end - middle
        on_iteration(number, end - begin)
    total = _now() - start
    return Timing(
        [value / iterations for value in layer_forward],
        [value / iterations for value in layer_backward],
        forward / iterations,
        backward / iterations,
        total / iterations,
        total,
    )


def _forward(net: Net, index: int) -> None:
    """Run one layer forward."""
    net.forward(index, index)


def _backward(net: Net, index: int) -> None:
    """Run one layer backward, if it can."""
    layer = net.layers[index]
    if type(layer).backward is not Layer.backward:
        with backend.memory_explained(net.path, f"layer {layer.name!r} ({layer.type})"):
            layer.backward(net.tops[index], net.bottom_needs_backward[index], net.bottoms[index])


def _timed(function: Callable[[Net, int], None], net: Net, index: int) -> float:
    """Milliseconds that a function takes."""
    start = _now()
    function(net, index)
    return _now() - start


def _now() -> float:
    """Milliseconds on a clock, when the GPU has finished."""
    if backend.on_gpu():
        torch.cuda.synchronize()
    return 1000 * time.perf_counter()
