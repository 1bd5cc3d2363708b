"""MVN: items or channels of items with mean 0 and, if wanted, variance 1."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class MVN(Layer):
    """y = (x - mean) / (std + eps) over each channel of each item or, if `across_channels`, over each item.

    Notes
    -----
    Follows `src/caffe/layers/mvn_layer.cpp`. Unlike in BatchNorm, eps is added outside of the root.
    """

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read what is normalised."""
        param = self.param.mvn_param
        self.normalize_variance, self.eps = param.normalize_variance, param.eps
        self.axes = [1, 2, 3] if param.across_channels else [2, 3]

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape with four axes."""
        bottom = bottoms[0]
        if len(bottom.shape) > 4:
            raise self.shape_error(f"bottom {bottom.name!r} has shape {bottom.shape}; at most 4 axes are allowed")
        # Caffe quirk: the top has four axes whatever the bottom has.
        self.shape = bottom.shape + (1,) * (4 - len(bottom.shape))
        tops[0].reshape(*self.shape)

    def in_place_quirk(self, backward: bool) -> str | None:
        """Backward overwrites the gradient before it is done with it."""
        if backward and self.normalize_variance:
            return "in-place MVN overwrites the gradient from above before it has been used up"
        return None

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Normalise."""
        x = bottoms[0].value.reshape(self.shape)
        y = x - x.mean(self.axes, keepdim=True)
        if self.normalize_variance:
            self._std = y.square().mean(self.axes, keepdim=True).sqrt_().add_(self.eps)
            y.div_(self._std)
        tops[0].value = y

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give (dy - mean(dy) - mean(dy * y) * y) / std, without the last term and std 1 if only centred."""
        # Caffe quirks: ignores propagate_down, and takes y from the top, where a later in-place layer may have
        # overwritten it.
        dy = tops[0].grad
        if not self.normalize_variance:
            dx = dy - dy.mean(self.axes, keepdim=True)
        else:
            y = tops[0].value
            dx = y * (dy * y).mean(self.axes, keepdim=True)
            if tops[0] is bottoms[0]:
                # Caffe quirk: from here on, dy is what has just been written over it.
                dx = dx.add_(dx.sum(self.axes, keepdim=True)).mul_(-2)
            else:
                dx = dx.add_(dy.mean(self.axes, keepdim=True)).neg_().add_(dy)
            dx.div_(self._std)
        bottoms[0].grad = dx.reshape(bottoms[0].shape)
