"""Rules that say how many channels a layer writes or reads where shapes are not known, by its settings or weights.

A rule takes the LayerParameter and the shapes of the layer's saved weights, which may be none. It returns None where
they do not say it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

#: Lengths of axes; None for one that is not known.
PartialShape = tuple["int | None", ...]
ChannelRule = Callable[[Any, Sequence["tuple[int, ...]"]], Optional[PartialShape]]


def unknown(layer: Any, shapes: Sequence[tuple[int, ...]]) -> PartialShape | None:
    """Say nothing."""
    return None


def convolution_writes(layer: Any, shapes: Sequence[tuple[int, ...]]) -> PartialShape | None:
    """Give the number of filters."""
    if layer.convolution_param.axis != 1:
        return None
    n_axes = len(shapes[0]) - 2 if shapes and len(shapes[0]) > 2 else 2
    return (None, layer.convolution_param.num_output, *[None] * n_axes)


def inner_product_writes(layer: Any, shapes: Sequence[tuple[int, ...]]) -> PartialShape | None:
    """Give the number of outputs."""
    return (None, layer.inner_product_param.num_output) if layer.inner_product_param.axis == 1 else None


def convolution_reads(layer: Any, shapes: Sequence[tuple[int, ...]]) -> PartialShape | None:
    """Give the channels that the filters have weights for."""
    return _reads(layer, shapes, lambda first, second: second * layer.convolution_param.group)


def deconvolution_reads(layer: Any, shapes: Sequence[tuple[int, ...]]) -> PartialShape | None:
    """Give the number of filters, which go the other way round."""
    return _reads(layer, shapes, lambda first, second: first)


def _reads(layer: Any, shapes: Sequence[tuple[int, ...]], count: Callable[[int, int], int]) -> PartialShape | None:
    """What a layer with windows reads, by the first two axes of its weights."""
    if layer.convolution_param.axis != 1 or not shapes or len(shapes[0]) < 3:
        return None
    first, second, *spatial = shapes[0]
    return (None, count(first, second), *[None] * len(spatial))


def as_many_as_biases(layer: Any, shapes: Sequence[tuple[int, ...]]) -> PartialShape | None:
    """Give the number of biases, where the weights have as many filters: a guess for types that nobody knows."""
    if len(layer.top) != 1 or len(shapes) != 2 or len(shapes[1]) != 1 or len(shapes[0]) < 2:
        return None
    (n_biases,) = shapes[1]
    return (None, n_biases, *[None] * (len(shapes[0]) - 2)) if shapes[0][0] == n_biases else None
