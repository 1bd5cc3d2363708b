"""Lays the smaller operand of Scale and Bias over a blob: along some neighbouring axes, repeated over the others."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


def param_shape(layer: Layer, bottom: Blob, axis: int, num_axes: int) -> tuple[int, ...]:
    """Shape of an operand that is a parameter: `num_axes` axes of the bottom from `axis` on; -1 means all.

    Raises
    ------
    ShapeError
        If the bottom has no such axes.
    """
    first = layer.axis(bottom, axis)
    if num_axes < -1:
        raise layer.error(f"num_axes must be 0 or more, or -1 for all axes up to the last, got {num_axes}")
    if num_axes == -1:
        return bottom.shape[first:]
    if first + num_axes > len(bottom.shape):
        raise layer.shape_error(
            f"num_axes {num_axes} from axis {first} on is more than bottom {bottom.name!r} of shape {bottom.shape} "
            f"has; {len(bottom.shape) - first} or -1 would be all"
        )
    return bottom.shape[first : first + num_axes]


def aligned_shape(layer: Layer, bottom: Blob, operand: Blob, axis: int) -> tuple[int, ...]:
    """Shape under which an operand broadcasts over the bottom: its own between ones.

    Raises
    ------
    ShapeError
        If the operand does not fit the bottom from `axis` on.
    """
    shape = operand.shape
    first = layer.axis(bottom, axis) if shape else 0  # a single value fits everywhere
    end = first + len(shape)
    if bottom.shape[first:end] != shape:
        raise layer.shape_error(
            f"{operand.name!r} of shape {shape} does not fit bottom {bottom.name!r} of shape {bottom.shape} "
            f"from axis {first} on; it must have the shape of that and the following axes"
        )
    return (1,) * first + shape + (1,) * (len(bottom.shape) - end)


def summed(tensor: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the axes along which an operand of `shape` is repeated; always a new tensor."""
    total = tensor.sum_to_size(shape)
    return total.clone() if total.shape == tensor.shape else total
