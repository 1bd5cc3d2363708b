"""LRN: local response normalisation, across channels or within a channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.pool import Pool, average_pool, average_pool_backward


class LRN(Layer):
    """y = x * (k + alpha * mean of the squares around x) ** -beta.

    Notes
    -----
    Krizhevsky et al. 2012; follows `src/caffe/layers/lrn_layer.cpp`. Across channels the mean is over `local_size`
    channels, within a channel over a window of `local_size` by `local_size` pixels; padding counts in both.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the parameters."""
        param = self.param.lrn_param
        self.size: int = param.local_size
        if self.size % 2 == 0:
            raise self.error(f"lrn_param.local_size must be odd, got {self.size}")
        self.alpha, self.beta, self.k = param.alpha, param.beta, param.k
        self.is_across = param.norm_region == schema.LRNParameter.ACROSS_CHANNELS
        if not self.is_across:
            # Caffe quirk: within a channel k is ignored.
            self.k = 1.0
        self.pool = Pool((self.size,) * 2, (1, 1), (self.size // 2,) * 2)
        self.scale: Any = None  # k + alpha * mean of squares, of the last forward
        self.factor: Any = None  # scale ** -beta
        self._band: Any = None

    def in_place_quirk(self, backward: bool) -> str | None:
        """Across channels the input is overwritten before it is used; within, before the gradient is taken."""
        if self.is_across:
            return "in-place LRN across channels gives the square of the normalising factor instead of its product"
        return "in-place LRN within a channel gives a wrong gradient" if backward else None

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape."""
        shape = self.image_shape(bottoms[0])
        tops[0].reshape(*shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Normalise."""
        if not bottoms[0].count:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {bottoms[0].shape}: nothing to compute")
        x = bottoms[0].value
        if self.is_across:
            self.scale = self._sum_across(x * x, self.alpha / self.size, self.k)
        else:
            self.scale = average_pool(x * x, self.pool).mul_(self.alpha).add_(1.0)
        self.factor = _negative_power(self.scale, self.beta)
        in_place = tops[0] is bottoms[0]
        # Caffe quirk: across channels in place, the factor is written over x and then multiplied by itself.
        tops[0].value = self.factor * (self.factor if in_place and self.is_across else x)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the gradient of the bottom."""
        if self.scale is None or self.scale.shape != bottoms[0].shape:
            raise self.error("backward needs a forward pass in the same shape before it")
        if not self.is_across:
            if propagate_down[0]:
                bottoms[0].grad = self._backward_within(bottoms[0].value, tops[0].grad)
            return
        # Caffe quirk: across channels propagate_down is ignored.
        x, y, dy = bottoms[0].value, tops[0].value, tops[0].grad
        if tops[0] is bottoms[0]:
            # Caffe quirk: in place the factor is written over the top's gradient, and then multiplied by itself.
            dy = self.factor
        dx = dy * self.factor
        ratio = (dx if tops[0] is bottoms[0] else dy) * y / self.scale
        around = self._sum_across(ratio, -2 * self.alpha * self.beta / self.size, 0.0)
        bottoms[0].grad = dx.addcmul_(around, x)

    def _backward_within(self, x: Any, dy: Any) -> Any:
        """Gradient by the chain square, average pooling, power, product, as Caffe composes it."""
        dpool = (dy * x * self.factor / self.scale).mul_(-self.beta * self.alpha)
        dsquare = average_pool_backward(dpool, x, self.pool)
        return (dy * self.factor).addcmul_(dsquare, x, value=2)

    def _sum_across(self, values: Any, factor: float, constant: float) -> Any:
        """Constant + factor * sum over the channels around each one."""
        if values.device.type == "cpu":
            # A product with a band matrix: the fastest sum over a window of channels that the library has.
            n_channels = values.shape[1]
            if self._band is None or self._band.shape[0] != n_channels:
                index = torch.arange(n_channels)
                near = (index[:, None] - index[None, :]).abs() <= self.size // 2
                self._band = near.to(values.dtype)[:, :, None, None].contiguous(memory_format=torch.channels_last)
            bias = values.new_full((n_channels,), constant)
            total = torch.convolution(
                values.contiguous(memory_format=torch.channels_last), self._band * factor, bias,
                (1, 1), (0, 0), (1, 1), False, (0, 0), 1,
            )  # fmt: skip
            if math.isfinite(total.sum()):
                return total
            # NaN and infinity times the zeros of the band would spread to all channels.
            return self._sliding_sum(values * factor) + constant
        return self._sum_without_wait(self._padded(values * factor)) + constant

    def _sum_without_wait(self, padded: Any) -> Any:
        """Sum over the channels around each one, whatever numbers there are."""
        size, n_channels = self.size, padded.shape[1] - self.size + 1
        total = sum(padded.narrow(1, i, n_channels) for i in range(size))
        changes = padded[:, size:] - padded[:, :-size]
        sliding = torch.cat([total[:, :1], changes], 1).cumsum(1)
        # Caffe quirk: the sum that slides along keeps NaN and infinity for good; ordinary ones are better summed anew.
        return torch.where(sliding.abs() < math.inf, total, sliding)

    def _sliding_sum(self, values: Any) -> Any:
        """Sum over the channels around each one, from that of the channel before."""
        # Caffe quirk: subtracts what goes out and adds what comes in, so that NaN and infinity stay for good.
        padded = self._padded(values)
        sums = [padded[:, : self.size].sum(1)]
        for c in range(1, values.shape[1]):
            sums.append(sums[-1] - padded[:, c - 1] + padded[:, c + self.size - 1])
        return torch.stack(sums, 1)

    def _padded(self, values: Any) -> Any:
        """Add channels of zeros in front and behind."""
        half = self.size // 2
        return torch.nn.functional.pad(values, (0, 0, 0, 0, half, half))


def _negative_power(scale: Any, beta: float) -> Any:
    """Scale ** -beta, by square roots for the usual exponents."""
    if beta == 0.75:
        root = scale.rsqrt()
        return root.sqrt().mul_(root)
    return scale.rsqrt() if beta == 0.5 else scale.pow(-beta)
