"""Pooling as Caffe does it: sizes, maxima with their places, averages, and random picks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.layer import Layer

FLT_MAX = 3.4028234663852886e38


@dataclass(frozen=True)
class Pool:
    """Windows of a pooling layer; every pair is (height, width).

    Attributes
    ----------
    kernel, stride, pad : tuple of int
    ceil : bool
        Whether sizes are rounded up (Caffe's default) or down.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    ceil: bool = True

    def sizes(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return the output size for an input size.

        Notes
        -----
        `PoolingLayer::Reshape` in `src/caffe/layers/pooling_layer.cpp`.
        """
        rounded = math.ceil if self.ceil else math.floor
        pooled = [rounded((n + 2 * p - k) / s) + 1 for n, k, s, p in zip(sizes, self.kernel, self.stride, self.pad)]
        # Caffe quirk: a last window that begins beyond the image is dropped only if there is padding, and then along
        # both axes.
        if any(self.pad):
            pooled = [
                o - 1 if (o - 1) * s >= n + p else o for o, n, s, p in zip(pooled, sizes, self.stride, self.pad)
            ]
        return tuple(pooled)

    def is_native(self, sizes: Sequence[int]) -> bool:
        """Say whether the library's own pooling gives these windows."""
        for n, k, s, p, o in zip(sizes, self.kernel, self.stride, self.pad, self.sizes(sizes)):
            rounding_up = s - 1 if self.ceil else 0
            native = (n + 2 * p - k + rounding_up) // s + 1
            if self.ceil and (native - 1) * s >= n + p:
                native -= 1
            if native != o or 2 * p > k or k > n + 2 * p:
                return False
        return True

    def padding(self, sizes: Sequence[int]) -> list[int]:
        """Return (left, right, top, bottom) that make every window lie inside."""
        amounts = []
        for n, k, s, p, o in zip(sizes, self.kernel, self.stride, self.pad, self.sizes(sizes)):
            amounts.append((p, max(0, (o - 1) * s + k - n - p)))
        (top, bottom), (left, right) = amounts
        return [left, right, top, bottom]


class MaximumPlaces(NamedTuple):
    """Where in its plane each window found its value.

    Attributes
    ----------
    index : Tensor of shape (N, C, H', W'), int64
        ``row * W + column``; any number where a window has no place.
    values : Tensor of shape (N, C, H', W'), or None
        Above -FLT_MAX where a window has a place; None if all have one.
    """

    index: Any
    values: Any

    def marked(self) -> Any:
        """Return the index, with -1 where a window has no place."""
        return self.index if self.values is None else self.index.masked_fill(self.values <= -FLT_MAX, -1)

    def kept(self, dy: Any) -> Any:
        """Return the gradients of windows without those that have no place to go to."""
        # Caffe quirk: on a CPU they are added to the number before the plane, which belongs to somebody else; on a GPU
        # they are dropped, and so they are here.
        return dy if self.values is None else torch.ops.aten.threshold_backward(dy, self.values, -FLT_MAX)


def max_pool(x: Any, pool: Pool) -> Any:
    """Return the maximum of each window.

    Parameters
    ----------
    x : Tensor of shape (N, C, H, W)
    pool : Pool

    Returns
    -------
    Tensor of shape (N, C, H', W')
        In the memory format of `x`; -FLT_MAX where a window holds no number above that.

    Notes
    -----
    First along the height, then along the width: a few vectorised passes, two or three times as fast as the
    library's own pooling, which always looks for the places as well.
    """
    on_gpu = x.device.type != "cpu"
    larger = torch.fmax if on_gpu else torch.maximum  # the first skips NaN, which on a CPU takes longer
    y = x
    for i, n_out in enumerate(pool.sizes(x.shape[2:])):
        y = _max_along(larger, y, 2 + i, pool.kernel[i], pool.stride[i], pool.pad[i], n_out)
    if on_gpu:
        return torch.fmax(y, torch.tensor(-FLT_MAX))
    return y if _is_ordinary(y) else max_pool_with_places(x, pool)[0]


def max_pool_with_places(x: Any, pool: Pool) -> tuple[Any, MaximumPlaces]:
    """Return the maximum of each window and its place.

    Parameters
    ----------
    x : Tensor of shape (N, C, H, W)
    pool : Pool

    Returns
    -------
    y : Tensor of shape (N, C, H', W')
    places : MaximumPlaces
        Of the first maximum of each window.

    Notes
    -----
    Nobody waits for a GPU to see whether all values are ordinary: it computes what is right for any.
    """
    is_native = pool.is_native(x.shape[2:])
    if is_native and x.device.type == "cpu":
        y, index = _native_max(x, pool)
        if _is_ordinary(y):
            return y, MaximumPlaces(index, None)
    # Caffe quirk: starts at -FLT_MAX and asks for more, so that NaN is skipped, and a window without a number above
    # gives -FLT_MAX and has no place.
    x = torch.nan_to_num(x, nan=-math.inf, posinf=math.inf, neginf=-math.inf)
    y, index = _native_max(x, pool) if is_native else _padded_max(x, pool)
    return y.clamp_min(-FLT_MAX), MaximumPlaces(index, y)


def _native_max(x: Any, pool: Pool) -> tuple[Any, Any]:
    """The library's own maxima and their places."""
    y, index = torch.ops.aten.max_pool2d_with_indices(x, pool.kernel, pool.stride, pool.pad, [1, 1], pool.ceil)
    return y, index


def _padded_max(x: Any, pool: Pool) -> tuple[Any, Any]:
    """Maxima and places of windows that the library does not have."""
    height, width = x.shape[2:]
    left, right, top, bottom = pool.padding((height, width))
    padded = torch.nn.functional.pad(x, (left, right, top, bottom), value=-math.inf)
    y, places = torch.ops.aten.max_pool2d_with_indices(padded, pool.kernel, pool.stride, [0, 0], [1, 1], False)
    rows = places.div(width + left + right, rounding_mode="floor") - top
    columns = places.remainder(width + left + right) - left
    # Windows that see nothing would have a place outside.
    return y, (rows * width + columns).clamp_(0, height * width - 1)


def _is_ordinary(y: Any) -> bool:
    """Whether maxima hold neither NaN nor infinity nor -FLT_MAX, told by their sum; waits for them."""
    return abs(float(y.sum())) < FLT_MAX / 4


def _max_along(larger: Any, x: Any, axis: int, kernel: int, stride: int, pad: int, n_out: int) -> Any:
    """Maxima of windows along one axis; -infinity where a window lies outside."""
    taps = []  # (what a tap of the window sees, first output that it counts for)
    for tap in range(kernel):
        first = max(0, -((tap - pad) // stride))
        count = min(n_out - 1, (x.shape[axis] - 1 + pad - tap) // stride) + 1 - first
        if count > 0:
            start = first * stride + tap - pad
            where = [slice(None)] * 4
            where[axis] = slice(start, start + (count - 1) * stride + 1, stride)
            taps.append((x[tuple(where)], first))
    whole = [part for part, _ in taps if part.shape[axis] == n_out]
    rest = [(part, first) for part, first in taps if part.shape[axis] < n_out]
    if len(whole) > 1:
        best = larger(whole[0], whole[1])
    elif whole:
        best = whole[0].clone()
    else:
        shape = list(x.shape)
        shape[axis] = n_out
        best = torch.full_like(x.narrow(axis, 0, 1).expand(shape), -math.inf)
    for part in whole[2:]:
        larger(best, part, out=best)
    for part, first in rest:
        target = best.narrow(axis, first, part.shape[axis])
        larger(target, part, out=target)
    return best


def max_pool_backward(layer: Layer, dy: Any, x: Any, places: MaximumPlaces | None, pool: Pool) -> Any:
    """Return the gradient of the input: each window's gradient goes to its maximum."""
    places = checked_places(layer, places, dy)
    dy = places.kept(dy)
    if pool.is_native(x.shape[2:]):
        if x.is_contiguous(memory_format=torch.channels_last):
            dy = dy.contiguous(memory_format=torch.channels_last)  # four times as fast as with two formats
        return torch.ops.aten.max_pool2d_with_indices_backward(
            dy, x, pool.kernel, pool.stride, pool.pad, [1, 1], pool.ceil, places.index
        )
    return scatter(dy, places.index, x.shape)


def checked_places(layer: Layer, places: MaximumPlaces | None, dy: Any) -> MaximumPlaces:
    """Return places; refuse to go on without, or with those of another shape."""
    if places is None or places.index.shape != dy.shape:
        raise layer.error("backward needs the places of a forward pass in the same shape; run forward first")
    return places


def places_from(layer: Layer, numbers: Any, x: Any) -> MaximumPlaces:
    """Return the places that the second top holds, where a script may have changed them.

    Raises
    ------
    LayerError
        If one is outside the image; Caffe then writes to foreign memory.
    """
    index = numbers.to(torch.int64)
    n_pixels = x.shape[2] * x.shape[3]
    low, high = torch.stack(torch.aminmax(index)).tolist()
    if low < -1 or high >= n_pixels:
        raise layer.error(
            f"backward found the place {low if low < -1 else high} in its second top; allowed are 0 to {n_pixels - 1}, "
            "and -1 for a window without a place"
        )
    return MaximumPlaces(index.clamp(min=0), torch.where(index < 0, -math.inf, 0.0).to(x.dtype))


def scatter(dy: Any, index: Any, shape: Sequence[int]) -> Any:
    """Add each gradient to the place in its plane that it belongs to."""
    dx = dy.new_zeros(shape)
    return dx.flatten(2).scatter_add_(2, index.flatten(2), dy.flatten(2)).view(shape)


def average_pool(x: Any, pool: Pool) -> Any:
    """Return the mean of each window; padding counts, what hangs over beyond it does not."""
    if pool.is_native(x.shape[2:]):
        if pool.kernel == tuple(x.shape[2:]) and not any(pool.pad):
            return x.mean((2, 3), keepdim=True)
        return torch.nn.functional.avg_pool2d(x, pool.kernel, pool.stride, pool.pad, pool.ceil, True)
    padded = torch.nn.functional.pad(x, pool.padding(x.shape[2:]))
    sums = torch.nn.functional.avg_pool2d(padded, pool.kernel, pool.stride, divisor_override=1)
    return sums / _divisors(x, pool)


def average_pool_backward(dy: Any, x: Any, pool: Pool) -> Any:
    """Return the gradient of the input of `average_pool`."""
    if pool.is_native(x.shape[2:]):
        return torch.ops.aten.avg_pool2d_backward(
            dy, x, pool.kernel, pool.stride, pool.pad, pool.ceil, True, None
        )
    left, right, top, bottom = pool.padding(x.shape[2:])
    height, width = x.shape[2:]
    padded = x.new_empty(*x.shape[:2], height + top + bottom, width + left + right)
    dpadded = torch.ops.aten.avg_pool2d_backward(
        dy / _divisors(x, pool), padded, pool.kernel, pool.stride, [0, 0], False, True, 1
    )
    return dpadded[:, :, top : top + height, left : left + width].clone()


def _divisors(x: Any, pool: Pool) -> Any:
    """Number of pixels that each window is divided by, padding included."""
    along = []
    for n, k, s, p, o in zip(x.shape[2:], pool.kernel, pool.stride, pool.pad, pool.sizes(x.shape[2:])):
        starts = torch.arange(-p, o * s - p, s, device=x.device)
        along.append(((starts + k).clamp_(max=n + p) - starts).to(x.dtype))
    return along[0][:, None] * along[1][None, :]


def stochastic_pool(x: Any, pool: Pool, is_train: bool) -> tuple[Any, MaximumPlaces | None]:
    """Pick a value of each window with a probability proportional to it; in TEST, the mean weighted by the values.

    Returns
    -------
    y : Tensor of shape (N, C, H', W')
    places : MaximumPlaces, or None in TEST

    Notes
    -----
    Zeiler and Fergus 2013; follows `src/caffe/layers/pooling_layer.cu`. A CPU build of Caffe does not have it.
    """
    height, width = x.shape[2:]
    _, right, _, bottom = pool.padding((height, width))
    padded = torch.nn.functional.pad(x, (0, right, 0, bottom))
    out_height, out_width = pool.sizes((height, width))
    taps = list(itertools.product(range(pool.kernel[0]), range(pool.kernel[1])))
    windows = torch.stack(
        [
            padded[:, :, i : i + (out_height - 1) * pool.stride[0] + 1 : pool.stride[0],
                   j : j + (out_width - 1) * pool.stride[1] + 1 : pool.stride[1]]
            for i, j in taps
        ],
        dim=-1,
    )  # fmt: skip
    total = windows.sum(-1)
    if not is_train:
        return torch.where(total > 0, (windows * windows).sum(-1) / total, torch.zeros_like(total)), None
    running = windows.cumsum(-1)
    threshold = torch.rand_like(total) * total
    picked = (running >= threshold[..., None]).to(torch.uint8).argmax(-1)
    y = windows.gather(-1, picked[..., None])[..., 0]
    tap_rows = picked.div(pool.kernel[1], rounding_mode="floor")
    tap_columns = picked.remainder(pool.kernel[1])
    rows = torch.arange(out_height, device=x.device)[:, None] * pool.stride[0] + tap_rows
    columns = torch.arange(out_width, device=x.device)[None, :] * pool.stride[1] + tap_columns
    # A pick beyond the image has the value 0 and is possible only where the whole window is 0.
    return y, MaximumPlaces(rows.clamp(max=height - 1) * width + columns.clamp(max=width - 1), None)
