"""Reduction: sums over the last axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.elementwise import scaled

ASUM, SUMSQ, MEAN = (
    schema.ReductionParameter.ASUM,
    schema.ReductionParameter.SUMSQ,
    schema.ReductionParameter.MEAN,
)


class Reduction(Layer):
    """y = coeff times sum, sum of absolute values, sum of squares or mean over all axes from `axis` on.

    Notes
    -----
    Follows `src/caffe/layers/reduction_layer.cpp`.
    """

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Keep the axes before `axis`."""
        param, shape = self.param.reduction_param, bottoms[0].shape
        axis = self.axis(bottoms[0], param.axis)
        self.axes = tuple(range(axis, len(shape)))
        self.coeff = param.coeff
        if param.operation == MEAN:
            self.coeff = float(np.float32(param.coeff) / np.float32(math.prod(shape[axis:])))
        tops[0].reshape(*shape[:axis])

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum."""
        operation, x = self.param.reduction_param.operation, bottoms[0].value
        if operation == ASUM:
            x = x.abs()
        elif operation == SUMSQ:
            x = x.square()
        y = x.sum(self.axes)
        tops[0].value = y if self.coeff == 1 else scaled(y, self.coeff)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Spread the gradient over what was summed."""
        if not propagate_down[0]:
            return
        operation, bottom = self.param.reduction_param.operation, bottoms[0]
        shape = tops[0].shape + (1,) * len(self.axes)
        dy = tops[0].grad.reshape(shape) * self.coeff
        if operation == ASUM:
            bottom.grad = torch.sign(bottom.value).mul_(dy)
        elif operation == SUMSQ:
            bottom.grad = bottom.value * (2 * dy)
        else:
            bottom.grad = dy.expand(bottom.shape).clone(memory_format=torch.contiguous_format)
