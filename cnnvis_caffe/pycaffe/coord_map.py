"""The module ``caffe.coord_map``: how the coordinates of blobs in a `net_spec` network relate.

A coordinate map is a tuple (axis, scale, shift): from `axis` on, coordinate i of the input is coordinate
``scale * i + shift`` of the output. Axis None stands for layers that keep coordinates whatever the axis is.
Scale and shift are numbers, or arrays with one entry for each spatial axis.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from cnnvis_caffe.errors import CnnvisError, NetError
from cnnvis_caffe.pycaffe.net_spec import Function, Top, layers

PASS_THROUGH_LAYERS = [
    "AbsVal",
    "BatchNorm",
    "Bias",
    "BNLL",
    "Dropout",
    "Eltwise",
    "ELU",
    "Log",
    "LRN",
    "Exp",
    "MVN",
    "Power",
    "ReLU",
    "PReLU",
    "Scale",
    "Sigmoid",
    "Split",
    "TanH",
    "Threshold",
]
_IDENTITY = (None, 1, 0)
_LEGACY_SIZES = ("pad_h", "pad_w", "kernel_h", "kernel_w", "stride_h", "stride_w")


class UndefinedMapException(CnnvisError):
    """A layer whose output coordinates are no linear function of its input's."""


class AxisMismatchException(CnnvisError):
    """Two maps that begin at different axes."""


class CropError(NetError, AssertionError):
    """A top that cannot be cropped to another one; an `AssertionError`, as in Caffe."""


class UnconnectedTopsError(NetError, RuntimeError):
    """Two tops without a common ancestor that both can be mapped to; a `RuntimeError`, as in Caffe."""


def conv_params(fn: Function) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Return what a window layer does to coordinates.

    Parameters
    ----------
    fn : Function
        Convolution, Deconvolution, Im2col or Pooling.

    Returns
    -------
    axis : int
        Axis of the channels.
    stride, kernel_size, pad : ndarray of int
        One entry, or one for each spatial axis; the kernel's size is that of the dilated kernel.

    Raises
    ------
    CropError
        If the layer is written with ``kernel_h``, ``stride_w`` and the like.
    """
    settings = _settings(fn, "convolution_param", "pooling_param")
    legacy = [name for name in _LEGACY_SIZES if name in settings]
    if legacy:
        raise CropError(
            f"cropping does not support legacy _h/_w params: {fn.type_name} has {', '.join(legacy)}"
        )
    stride, kernel_size, pad, dilation = (
        np.array(value, ndmin=1)
        for value in (
            settings.get("stride", 1),
            settings["kernel_size"],
            settings.get("pad", 0),
            settings.get("dilation", 1),
        )
    )
    return settings.get("axis", 1), stride, (kernel_size - 1) * dilation + 1, pad


def crop_params(fn: Function) -> tuple[int, np.ndarray]:
    """Return the first axis that a Crop layer crops (2 by default), and its offsets."""
    settings = _settings(fn, "crop_param")
    return settings.get("axis", 2), np.array(settings.get("offset", 0), ndmin=1)


def _settings(fn: Function, *messages: str) -> dict[str, Any]:
    """Return a layer's settings, which may be written in a dict of their own or as plain keywords."""
    return next((fn.params[message] for message in messages if message in fn.params), fn.params)


def coord_map(fn: Function) -> tuple[Any, Any, Any]:
    """Return the map from a layer's output back to its input.

    Parameters
    ----------
    fn : Function
        Layer.

    Returns
    -------
    axis, scale, shift
        Output coordinate = ``scale`` * input coordinate + ``shift``, from ``axis`` on.

    Raises
    ------
    UndefinedMapException
        If the layer is neither a window layer, nor Crop, nor one of `PASS_THROUGH_LAYERS`.
    """
    if fn.type_name in ("Convolution", "Pooling", "Im2col"):
        axis, stride, kernel_size, pad = conv_params(fn)
        return axis, 1 / stride, (pad - (kernel_size - 1) / 2) / stride
    if fn.type_name == "Deconvolution":
        axis, stride, kernel_size, pad = conv_params(fn)
        return axis, stride, (kernel_size - 1) / 2 - pad
    if fn.type_name == "Crop":
        axis, offset = crop_params(fn)
        return axis - 1, 1, -offset  # the other maps name the axis before the first spatial one
    if fn.type_name in PASS_THROUGH_LAYERS:
        return _IDENTITY
    raise UndefinedMapException(f"layers of type {fn.type_name!r} have no coordinate map")


def compose(base_map: tuple[Any, Any, Any], next_map: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Return the map that applies `next_map` and then `base_map`.

    Raises
    ------
    AxisMismatchException
        If both have an axis and these differ.
    """
    base_axis, base_scale, base_shift = base_map
    next_axis, next_scale, next_shift = next_map
    if base_axis is not None and next_axis is not None and base_axis != next_axis:
        raise AxisMismatchException(f"maps begin at different axes: {base_axis} and {next_axis}")
    axis = next_axis if base_axis is None else base_axis
    return axis, base_scale * next_scale, base_scale * next_shift + base_shift


def inverse(coord_map: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Return the map that undoes a map."""
    axis, scale, shift = coord_map
    return axis, 1 / scale, -shift / scale


def coord_map_from_to(top_from: Top, top_to: Top) -> tuple[Any, Any, Any]:
    """Return the map between two tops by way of their nearest common ancestor.

    Parameters
    ----------
    top_from, top_to : Top
        Outputs of layers of one network. All paths between them are taken to agree.

    Returns
    -------
    axis, scale, shift
        Coordinate in `top_to` = ``scale`` * coordinate in `top_from` + ``shift``, from ``axis`` on.

    Raises
    ------
    UnconnectedTopsError
        If there is no common ancestor that both can be mapped to.
    AxisMismatchException
        If layers on the way begin at different axes.
    """
    from_maps = dict(_maps_to_ancestors(top_from))
    for ancestor, to_map in _maps_to_ancestors(top_to):
        if ancestor in from_maps:
            return compose(to_map, inverse(from_maps[ancestor]))
    raise UnconnectedTopsError("Could not compute map between tops; are they connected by spatial layers?")


def _maps_to_ancestors(top: Top) -> Any:
    """Yield a top and its ancestors, nearest first, each with the map from it to the top."""
    maps = {top: _IDENTITY}
    waiting = deque([top])
    while waiting:
        current = waiting.popleft()
        yield current, maps[current]
        fn = current.fn
        # A Crop layer's second bottom only lends its size.
        bottoms = fn.inputs[:1] if fn.type_name == "Crop" else fn.inputs
        try:
            for bottom in bottoms:
                if bottom not in maps:
                    maps[bottom] = compose(maps[current], coord_map(fn))
                    waiting.append(bottom)
        except UndefinedMapException:
            pass  # the walk ends at this layer


def crop(top_from: Top, top_to: Top) -> Any:
    """Return a Crop layer that cuts one top to the size of another, where both show the same.

    Parameters
    ----------
    top_from : Top
        What to crop.
    top_to : Top
        What to align it with.

    Returns
    -------
    Top
        Output of the new layer.

    Raises
    ------
    CropError
        If the two differ in scale, or the offset is negative or not whole.
    """
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    scale, shift = np.atleast_1d(scale), np.atleast_1d(shift)
    if not (scale == 1).all():
        raise CropError(f"scale mismatch on crop (a = {scale})")
    if not (shift <= 0).all():
        raise CropError(f"cannot crop negative offset (b = {shift})")
    if not (np.round(shift) == shift).all():
        raise CropError(f"cannot crop noninteger offset (b = {shift})")
    first_axis = 2 if axis is None else axis + 1
    offset = [int(-length) for length in shift]
    return layers.Crop(top_from, top_to, crop_param={"axis": first_axis, "offset": offset})
