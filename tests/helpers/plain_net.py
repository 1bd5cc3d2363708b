"""Small nets in plain numpy: each layer only forward; what goes back is read off its forward pass.

The derivative of a layer is taken by a complex step (Squire and Trapp 1998), value by value of its bottom: exact, and
without a line of backward code that could repeat a mistake. Nothing of cnnvis_caffe is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

STEP = 1e-30


@dataclass
class PlainLayer:
    """A layer: `compute` takes its bottoms, each (n, ...) and maybe complex, and returns its tops."""

    kind: str
    bottoms: list[str]
    tops: list[str]
    compute: Callable[..., list[np.ndarray]]
    slope: Any = 0.0


@dataclass
class PlainNet:
    """Layers in order; `text` is the same as a prototxt."""

    shape: tuple[int, int, int]
    layers: list[PlainLayer] = field(default_factory=list)
    text: str = ""

    def forward(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """All blobs of one image, without the axis of images."""
        blobs = {"data": image.astype(np.float64)}
        for layer in self.layers:
            results = layer.compute(*(blobs[name][None] for name in layer.bottoms))
            blobs.update({top: result[0] for top, result in zip(layer.tops, results)})
        return blobs

    def back(
        self, blobs: dict[str, np.ndarray], node: str, signal: np.ndarray, rule: str, to: str = "data"
    ) -> np.ndarray:
        """A signal at a node, back to the image or another blob by a rule."""
        signals = {name: np.zeros(values.shape) for name, values in blobs.items()}
        signals[node] = signal.astype(np.float64)
        last = next(number for number, layer in enumerate(self.layers) if node in layer.tops)
        for layer in reversed(self.layers[: last + 1]):
            coming = [signals[top] for top in layer.tops]
            if layer.kind in ("ReLU", "PReLU") and rule != "gradient":
                slope = np.asarray(layer.slope, float).reshape(-1, *[1] * (coming[0].ndim - 1))
                coming = [np.where(coming[0] > 0, coming[0], slope * coming[0])]
                if rule == "deconvnet":
                    signals[layer.bottoms[0]] += coming[0]
                    continue
            if layer.kind in ("LRN", "Dropout") and rule == "deconvnet":
                signals[layer.bottoms[0]] += coming[0]
                continue
            for number, bottom in enumerate(layer.bottoms):
                signals[bottom] += transposed(layer, [blobs[name] for name in layer.bottoms], number, coming)
        return signals[to]


def transposed(layer: PlainLayer, bottoms: Sequence[np.ndarray], number: int, coming: list[np.ndarray]) -> np.ndarray:
    """The transposed derivative of a layer by one of its bottoms, times what comes back to its tops."""
    n = bottoms[number].size
    stepped = [np.repeat(values[None], n, 0).astype(complex) for values in bottoms]
    stepped[number] += 1j * STEP * np.eye(n).reshape(n, *bottoms[number].shape)
    tops = layer.compute(*stepped)
    total = sum((top.imag / STEP * signal).reshape(n, -1).sum(1) for top, signal in zip(tops, coming))
    return total.reshape(bottoms[number].shape)


# -- what layers compute ---------------------------------------------------------------------------------------------


def windows(length: int, kernel: int, stride: int, pad: int, dilation: int = 1) -> int:
    """How often a window fits into an axis."""
    return (length + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1


def convolve(x, weight, bias, stride, pad, dilation, group):
    """Each position of the top by itself."""
    n, channels, height, width = x.shape
    n_out, _, kh, kw = weight.shape
    padded = np.zeros((n, channels, height + 2 * pad, width + 2 * pad), x.dtype)
    padded[:, :, pad : pad + height, pad : pad + width] = x
    sizes = windows(height, kh, stride, pad, dilation), windows(width, kw, stride, pad, dilation)
    out = np.zeros((n, n_out, *sizes), x.dtype)
    for k in range(n_out):
        first = k // (n_out // group) * (channels // group)
        for y, z in np.ndindex(*out.shape[2:]):
            rows = y * stride + dilation * np.arange(kh)
            columns = z * stride + dilation * np.arange(kw)
            seen = padded[:, first : first + channels // group][:, :, rows][:, :, :, columns]
            out[:, k, y, z] = (seen * weight[k]).sum((1, 2, 3)) + bias[k]
    return out


def deconvolve(x, weight, bias, stride, pad):
    """Each value of the bottom adds its filter."""
    n, channels, height, width = x.shape
    _, n_out, kh, kw = weight.shape
    out = np.zeros((n, n_out, stride * (height - 1) + kh, stride * (width - 1) + kw), x.dtype)
    for c, y, z in np.ndindex(channels, height, width):
        part = out[:, :, y * stride : y * stride + kh, z * stride : z * stride + kw]
        part += x[:, c, y, z, None, None, None] * weight[c]
    out = out[:, :, pad : out.shape[2] - pad, pad : out.shape[3] - pad]
    return out + np.asarray(bias)[:, None, None]


def pool(x, kind, kernel, stride, pad):
    """Ceil windows as Caffe has them; the mean counts padding, but not what lies beyond it."""
    n, channels, height, width = x.shape
    sizes = []
    for length in (height, width):
        size = math.ceil((length + 2 * pad - kernel) / stride) + 1
        sizes.append(size - 1 if pad and (size - 1) * stride >= length + pad else size)
    out = np.zeros((n, channels, *sizes), x.dtype)
    for y, z in np.ndindex(*sizes):
        y0, z0 = y * stride - pad, z * stride - pad
        y1, z1 = min(y0 + kernel, height + pad), min(z0 + kernel, width + pad)
        count = (y1 - y0) * (z1 - z0)
        seen = x[:, :, max(y0, 0) : min(y1, height), max(z0, 0) : min(z1, width)].reshape(n, channels, -1)
        if kind == "AVE":
            out[:, :, y, z] = seen.sum(2) / count
        else:
            best = seen.real.argmax(2)
            out[:, :, y, z] = np.take_along_axis(seen, best[:, :, None], 2)[:, :, 0]
    return out


def normalize(x, size, alpha, beta, k):
    """LRN across channels."""
    out = np.empty_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(c - size // 2, 0) : c + size // 2 + 1]
        out[:, c] = x[:, c] * (k + alpha / size * (near * near).sum(1)) ** -beta
    return out


def rectify(x, slope):
    """max(x, 0) + slope * min(x, 0)."""
    slope = np.asarray(slope, float).reshape(-1, *[1] * (x.ndim - 2))
    return np.where(x.real > 0, x, slope * x)
