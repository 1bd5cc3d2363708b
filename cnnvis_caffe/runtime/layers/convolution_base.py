"""The base of Convolution and Deconvolution: parameters, shapes, and passes over several bottoms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.windows import FORK_SETTINGS, Windows, check_rank, read_windows

_MAX_TAPS = 100_000


class ConvolutionBase(Layer):
    """Slides shared weights over every bottom, each with a top of its own.

    Notes
    -----
    Follows `src/caffe/layers/base_conv_layer.cpp`. The axes before `axis` count as the batch, so that inside every
    bottom has shape (batch, channels, *spatial). Up to three spatial axes are computed.
    """

    n_bottoms = (1, None)
    n_tops = (1, None)
    tops_match_bottoms = True
    can_be_in_place = False
    fork_settings = FORK_SETTINGS
    transposed = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the windows; make weights and bias."""
        param = self.param.convolution_param
        self.windows: Windows = read_windows(self, bottoms[0])
        if len(self.windows.kernel) > 3:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} of shape {bottoms[0].shape} has {len(self.windows.kernel)} spatial axes; "
                "at most 3 are supported"
            )
        self.n_channels = bottoms[0].shape[self.windows.axis]
        self.n_out, self.group = param.num_output, param.group
        if self.n_out < 1:
            raise self.error(f"convolution_param.num_output must be at least 1, got {self.n_out}")
        for what, number in (("channels of the bottom", self.n_channels), ("num_output", self.n_out)):
            if self.group < 1 or number % self.group:
                raise self.error(f"convolution_param.group {self.group} does not divide the {what}, {number}")
        wanted = [(self.weight_shape(), param.weight_filler)]
        if param.bias_term:
            wanted.append(((self.n_out,), param.bias_filler))
        for blob, (shape, _) in zip(self.blobs, wanted):
            if blob.shape != shape:
                raise self.shape_error(f"parameter {blob.name} came with shape {blob.shape}, needs {shape}")
        self.make_params(*wanted)

    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weights."""
        raise NotImplementedError

    def output_sizes(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Spatial sizes of the top for those of the bottom."""
        raise NotImplementedError

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the tops their shapes."""
        check_rank(self, self.windows, bottoms[0])
        shape, axis = bottoms[0].shape, self.windows.axis
        if shape[axis] != self.n_channels:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} of shape {shape} has {shape[axis]} channels; "
                f"the weights are for {self.n_channels}"
            )
        for bottom in bottoms[1:]:
            if bottom.shape != shape:
                raise self.shape_error(
                    f"bottoms {bottoms[0].name!r} {shape} and {bottom.name!r} {bottom.shape} must have one shape"
                )
        sizes = self.output_sizes(shape[axis + 1 :])
        if any(size < 0 for size in sizes):
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} of shape {shape} is too small for windows of "
                f"{'x'.join(map(str, self.windows.extent))} with padding {self.windows.pad}"
            )
        self.bottom_shape = (math.prod(shape[:axis]), *shape[axis:])
        self._sees_bottom = self._any_tap_inside(shape[axis + 1 :], sizes)
        for top in tops:
            top.reshape(*shape[:axis], self.n_out, *sizes)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Convolve each bottom."""
        if not tops[0].count:
            return  # an empty batch, or a bottom that has become too small for a window
        weight = self._weight()
        bias = self.blobs[1].value if len(self.blobs) > 1 else None
        for bottom, top in zip(bottoms, tops):
            x = self._spatial(bottom)
            top.forget_data()
            if self._sees_bottom:
                y = self.convolve(x, weight, bias)
            else:
                # oneDNN crashes in channels-last where dilated windows lie on nothing but padding.
                y = ConvolutionBase.convolve(self, x, weight, bias)
            top.value = y if y.shape == top.shape else y.reshape(top.shape)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Add to the gradients of weights and bias over all bottoms; give those of the bottoms."""
        if not tops[0].count:
            for bottom, needs_bottom in zip(bottoms, propagate_down):
                if needs_bottom:
                    bottom.clear_diff()
            return
        has_bias = len(self.blobs) > 1
        needs_weight = self.param_propagate_down[0]
        needs_bias = has_bias and self.param_propagate_down[1]
        weight = self._weight()
        for bottom, top, needs_bottom in zip(bottoms, tops, propagate_down):
            if not (needs_weight or needs_bias or needs_bottom):
                continue
            dy = top.grad.reshape(self.bottom_shape[0], *top.shape[self.windows.axis :])
            if needs_bottom:
                bottom.forget_diff()
            dx, dweight, dbias = self.convolve_backward(
                dy, self._spatial(bottom), weight, (needs_bottom, needs_weight, needs_bias)
            )
            if needs_weight:
                self.blobs[0].add_grad(self._taps(dweight))
            if needs_bias:
                self.blobs[1].add_grad(dbias)
            if needs_bottom:
                bottom.grad = dx if dx.shape == bottom.shape else dx.reshape(bottom.shape)

    # -- computing -----------------------------------------------------------------------------------------------

    def convolve(self, x: Any, weight: Any, bias: Any) -> Any:
        """Convolve one tensor of shape (batch, channels, *spatial)."""
        x, weight, bias = backend.narrowed(self.padded(x), weight, bias)
        if not self.windows.kernel:
            return backend.widened(self._pointwise(x, weight, bias))
        return backend.widened(torch.convolution(
            x, weight, bias, self.windows.stride, self._native_pad(), self._dilation(), self.transposed,
            [0] * len(self.windows.kernel), self.group,
        ))  # fmt: skip

    def convolve_backward(self, dy: Any, x: Any, weight: Any, wanted: tuple[bool, bool, bool]) -> tuple[Any, Any, Any]:
        """Gradients of bottom, weights and bias, as far as wanted."""
        if not self.windows.kernel:
            # Without spatial axes: one pixel of an ordinary convolution.
            dx, dweight, dbias = self._native_backward(
                dy[..., None], x[..., None], weight[..., None], wanted, (1,), (0,), (1,)
            )
            return dx if dx is None else dx[..., 0], dweight if dweight is None else dweight[..., 0], dbias
        padded = self.padded(x)
        dx, dweight, dbias = self._native_backward(
            dy, padded, weight, wanted, self.windows.stride, self._native_pad(), self._dilation()
        )
        if dx is not None and padded is not x:
            dx = self.unpadded(dx, x).clone()
        return dx, dweight, dbias

    def padded(self, x: Any) -> Any:
        """Add what the library cannot: room that Caffe's windows take beyond the padding."""
        return x

    def unpadded(self, dx: Any, x: Any) -> Any:
        """Undo `padded` for a gradient."""
        return dx

    def _native_pad(self) -> tuple[int, ...]:
        """Padding that the library adds itself."""
        return self.windows.pad

    def _native_backward(
        self, dy: Any, x: Any, weight: Any, wanted: tuple[bool, bool, bool], stride: Any, pad: Any, dilation: Any
    ) -> tuple[Any, Any, Any]:
        """The library's own backward pass."""
        needs_bottom, needs_weight, needs_bias = wanted
        dbias = _sum_over_pixels(dy) if needs_bias else None
        if not (needs_bottom or needs_weight):
            return None, None, dbias
        dy, x, weight = backend.narrowed(dy, x, weight)
        dx, dweight, _ = torch.ops.aten.convolution_backward(
            dy, x, weight, [self.n_out], stride, pad, dilation, self.transposed, [0] * len(stride), self.group,
            [needs_bottom, needs_weight, False],
        )  # fmt: skip
        return backend.widened(dx), backend.widened(dweight), dbias

    def _pointwise(self, x: Any, weight: Any, bias: Any) -> Any:
        """A convolution without spatial axes."""
        return torch.convolution(
            x[..., None], weight[..., None], bias, (1,), (0,), (1,), self.transposed, (0,), self.group
        )[..., 0].clone()  # fmt: skip

    def _any_tap_inside(self, sizes: Sequence[int], windows: Sequence[int]) -> bool:
        """Whether along every axis some tap of some window falls on a pixel of the bottom."""
        w = self.windows
        return self.transposed or all(
            map(_any_tap_on_pixel, sizes, windows, w.kernel, w.stride, w.pad, w.dilation)
        )

    def _spatial(self, bottom: Blob) -> Any:
        """A bottom as (batch, channels, *spatial)."""
        if len(bottom.shape) == 4 and self.windows.axis == 1 and self._sees_bottom:
            return bottom.value_channels_last
        return bottom.value.reshape(self.bottom_shape).contiguous()

    def _weight(self) -> Any:
        """The weights, in the memory format that the library wants."""
        if len(self.windows.kernel) == 2:
            return self._without_zero_dilation(self.blobs[0].value_channels_last)
        return self._without_zero_dilation(self.blobs[0].value)

    # Caffe quirk: a dilation of 0 is accepted; all taps along that axis then fall on one pixel, so that only their
    # sum counts and each of them gets the gradient of the sum.

    def _dilation(self) -> tuple[int, ...]:
        """Dilation, with the 0 that the library refuses replaced by 1."""
        return tuple(d or 1 for d in self.windows.dilation)

    def _zero_dilated(self) -> list[int]:
        """Axes of the weights whose taps all fall on one pixel."""
        return [2 + i for i, d in enumerate(self.windows.dilation) if d == 0]

    def _without_zero_dilation(self, weight: Any) -> Any:
        """Weights with such axes summed up."""
        axes = self._zero_dilated()
        return weight.sum(axes, keepdim=True) if axes else weight

    def _taps(self, dweight: Any) -> Any:
        """The gradient of the weights, spread over such axes again."""
        if self._zero_dilated():
            return dweight.expand(self.blobs[0].shape).clone()
        return dweight


def _any_tap_on_pixel(size: int, n_windows: int, kernel: int, stride: int, pad: int, dilation: int) -> bool:
    """Whether along an axis some tap of some window falls on a pixel; False too where finding out takes long."""
    first, last = 0, kernel - 1 if dilation else 0
    if dilation:
        # Taps before these are left of pixel 0 even in the last window, those behind right of all pixels in the first.
        first = max(first, (pad - (n_windows - 1) * stride) // dilation)
        last = min(last, (pad + size - 1) // dilation)
    for tap in range(first, min(last, first + _MAX_TAPS) + 1):
        offset = pad - tap * dilation
        window = max(0, -(-offset // stride))
        if window < n_windows and window * stride - offset < size:
            return True
    return False


def _sum_over_pixels(dy: Any) -> Any:
    """Sum of a tensor (batch, channels, *spatial) over all but the channels."""
    if dy.dim() == 4 and dy.is_contiguous(memory_format=torch.channels_last) and not dy.is_contiguous():
        # Few channels side by side leave a vector unit idle: so first the rows of all images, pixel by pixel.
        n, channels, height, width = dy.shape
        rows = dy.permute(0, 2, 3, 1).reshape(n * height, width * channels)
        return rows.sum(0).view(width, channels).sum(0)
    return dy.sum([0, *range(2, dy.dim())])
