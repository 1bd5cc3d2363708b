"""Rules that count the products of a weight (or a factor) and a value that a layer computes for its whole batch.

A rule takes a layer whose shapes are known. The work of pooling, normalization across channels and non-linear functions
is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from cnnvis_caffe.records.dag import DagLayer, Shape

ProductRule = Callable[[DagLayer], int]


def none(layer: DagLayer) -> int:
    """Count nothing."""
    return 0


def one_per_value(layer: DagLayer) -> int:
    """Count a factor for each value of the first top."""
    return _n_values(layer.top_shapes[:1])


def convolution(layer: DagLayer) -> int:
    """Count a filter for each value of the tops."""
    return _n_values(layer.top_shapes) * _filter_size(layer)


def deconvolution(layer: DagLayer) -> int:
    """Count a filter for each value of the bottoms."""
    return _n_values(layer.bottom_shapes) * _filter_size(layer)


def inner_product(layer: DagLayer) -> int:
    """Count a row of the matrix for each value of the top."""
    if not layer.params:
        return 0
    n_outputs = (layer.top_shapes[0] or (1,))[-1]
    return _n_values(layer.top_shapes[:1]) * (layer.params[0].count // n_outputs)


def lstm(layer: DagLayer) -> int:
    """Count two matrices for each step, and that of the static input once."""
    return _recurrent(layer, 2)


def rnn(layer: DagLayer) -> int:
    """Count three matrices for each step, and that of the static input once."""
    return _recurrent(layer, 3)


def _recurrent(layer: DagLayer, n_usual: int) -> int:
    """Every matrix once for each step and sequence; that of the static input once for each sequence."""
    if not layer.params:
        return 0
    steps, sequences = (layer.bottom_shapes[0] or ())[:2]
    matrices = [param.count for param in layer.params if len(param.shape) == 2]
    once = matrices.pop(1) if len(matrices) > n_usual else 0  # the static input's matrix is the second
    return sequences * (steps * sum(matrices) + once)


def _n_values(shapes: Iterable[Shape]) -> int:
    """Number of values of some blobs."""
    return sum(math.prod(shape or ()) for shape in shapes)


def _filter_size(layer: DagLayer) -> int:
    """Weights that meet one value; 0 for a layer that has none."""
    return math.prod(layer.params[0].shape[1:]) if layer.params else 0
