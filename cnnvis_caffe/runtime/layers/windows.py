"""Kernel, stride, padding and dilation of layers that slide a window, read as Caffe reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer

#: DeepLab's names for a dilation, and a setting of NVIDIA's that changes no result.
FORK_SETTINGS = tuple(
    f"convolution_param.{name}" for name in ("hole", "hole_h", "hole_w", "cudnn_convolution_algo_seeker")
)


@dataclass(frozen=True)
class Windows:
    """A window along each spatial axis.

    Attributes
    ----------
    axis : int
        Channel axis; the axes after it are spatial, those before it are the batch.
    kernel, stride, pad, dilation : tuple of int
        One for each spatial axis.
    """

    axis: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        """Size of the window with its gaps, for each spatial axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation))

    def convolved(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return the output sizes of a convolution.

        Caffe quirk: C divides towards zero, so that a window larger than the padded input by less than a stride
        gives one output instead of none.
        """
        return tuple(
            math.trunc((size + 2 * p - e) / s) + 1 for size, p, e, s in zip(sizes, self.pad, self.extent, self.stride)
        )

    def deconvolved(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return the output sizes of a deconvolution."""
        return tuple(s * (size - 1) + e - 2 * p for size, p, e, s in zip(sizes, self.pad, self.extent, self.stride))


def read_windows(layer: Layer, bottom: Blob) -> Windows:
    """Read a ConvolutionParameter.

    Raises
    ------
    LayerError
        If the fields contradict each other, where Caffe ends the process.

    Notes
    -----
    Follows `src/caffe/layers/base_conv_layer.cpp`.
    """
    param = layer.param.convolution_param
    axis = layer.axis(bottom, param.axis)
    n_axes = len(bottom.shape) - axis - 1
    windows = Windows(
        axis,
        kernel=_along_axes(layer, param, n_axes, "kernel", "kernel_size", None),
        stride=_along_axes(layer, param, n_axes, "stride", "stride", 1),
        pad=_along_axes(layer, param, n_axes, "pad", "pad", 0),
        dilation=_dilation(layer, param, n_axes),
    )
    for what, values in (("kernel_size", windows.kernel), ("stride", windows.stride)):
        if any(value < 1 for value in values):
            # A stride of 0 comes from stride_h without stride_w: Caffe divides by it and dies.
            raise layer.error(f"convolution_param: {what} must be at least 1, got {values}")
    return windows


def check_rank(layer: Layer, windows: Windows, bottom: Blob) -> None:
    """Refuse a bottom that has got another number of axes since its windows were read."""
    if len(bottom.shape) != windows.axis + 1 + len(windows.kernel):
        raise layer.shape_error(f"bottom {bottom.name!r} has shape {bottom.shape}; at set-up it had another rank")


def _dilation(layer: Layer, param: Any, n_axes: int) -> tuple[int, ...]:
    """The dilation, or what DeepLab's Caffe called a hole."""
    given = [name for name in ("hole", "hole_h", "hole_w") if param.HasField(name)]
    if not given:
        return _along_axes(layer, param, n_axes, "dilation", "dilation", 1)
    if param.dilation or (given[0] == "hole" and len(given) > 1):
        raise layer.error("convolution_param: give only one of dilation, hole, and hole_h with hole_w")
    if given == ["hole"]:
        return (param.hole,) * n_axes
    if n_axes != 2:
        raise layer.error(f"convolution_param: hole_h and hole_w are for 2 spatial axes, the bottom has {n_axes}")
    return param.hole_h, param.hole_w


def _along_axes(layer: Layer, param: Any, n_axes: int, stem: str, field: str, default: int | None) -> tuple[int, ...]:
    """One value for each spatial axis, from `field` or from the pair `stem`_h, `stem`_w."""
    values = tuple(getattr(param, field))
    pair = (f"{stem}_h", f"{stem}_w")
    has_pair = stem != "dilation" and any(param.HasField(name) for name in pair)
    if has_pair:
        if n_axes != 2:
            raise layer.error(
                f"convolution_param: {pair[0]} and {pair[1]} are for 2 spatial axes, the bottom has {n_axes}; "
                f"use {field}"
            )
        if values:
            raise layer.error(f"convolution_param: give either {field} or {pair[0]} and {pair[1]}, not both")
        return tuple(getattr(param, name) for name in pair)
    if not values and default is not None:
        return (default,) * n_axes
    if len(values) not in (1, n_axes):
        raise layer.error(
            f"convolution_param: {field} is given {len(values)} times; once, or once for each of the "
            f"{n_axes} spatial axes is allowed"
        )
    return values * n_axes if len(values) == 1 else values
