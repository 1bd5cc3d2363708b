"""Dropout: random zeros while training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import is_train
from cnnvis_caffe.runtime.layers.elementwise import Elementwise
from cnnvis_caffe.runtime.rng import default_random


class Dropout(Elementwise):
    """In TRAIN, y = x / (1 - ratio) for a random choice of the values, 0 for the others; in TEST, y = x.

    Notes
    -----
    Follows `src/caffe/layers/dropout_layer.cpp`. On the CPU the choice is Caffe's, bit for bit; on a GPU it is
    PyTorch's, as Caffe's is cuRAND's.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the ratio."""
        self.ratio = self.param.dropout_param.dropout_ratio
        # Caffe quirk: at ratio 1 nothing is kept, and zero times infinity makes everything NaN.
        self.scale = 1 / (1 - self.ratio) if self.ratio != 1 else float("inf")

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Draw a new choice and apply it."""
        bottom, top = bottoms[0], tops[0]
        x = bottom.value
        if is_train(self):
            self._factors = self._draw(x)
            top.value = x.mul_(self._factors) if top is bottom else x * self._factors
        elif top is not bottom:
            top.value = x.clone()

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Apply the last choice to the gradient."""
        bottom, top = bottoms[0], tops[0]
        if not propagate_down[0]:
            return
        dy = top.grad
        if is_train(self):
            bottom.grad = dy.mul_(self._factors) if top is bottom else dy * self._factors
        elif top is not bottom:
            bottom.grad = dy.clone()

    def _draw(self, x: Any) -> Any:
        """What each value is multiplied by: 0 or the scale."""
        # Caffe quirk: only here, at the first forward in TRAIN, is the ratio checked.
        if not 0 <= self.ratio <= 1:
            raise self.error(f"dropout_param.dropout_ratio must be in [0, 1], got {self.ratio}")
        if x.device.type == "cpu":
            keeps = default_random().dropout_mask(x.numel(), self.ratio)
            factors = torch.from_numpy(keeps).view(x.shape).to(x.dtype)
        else:
            factors = torch.empty_like(x).bernoulli_(1 - self.ratio)
        return factors.mul_(self.scale)
