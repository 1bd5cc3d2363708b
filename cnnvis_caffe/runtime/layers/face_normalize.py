"""Normalize as forks for faces have it: vectors of length 1, without parameters."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.formats import fork_choice
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer

#: NormFace adds it to each sum; caffe-face takes it for a sum of zero.
_LEAST = 1e-6


class FaceNormalize(Layer):
    """y = x / norm(x).

    In caffe-face the norm is that of a whole image. In NormFace it is that of the channels of each place, of absolute
    values with ``normalize_type: "L1"``; a second top gets the norms, and gives its gradient back with `bp_norm`.

    Notes
    -----
    Follows `src/caffe/layers/normalize_layer.cpp` of ydwen's and of happynear's Caffe. Whose it is, the settings or the
    user say (`formats.fork_choice`); where all is one place, both give the same but for what keeps them from dividing
    by 0.
    """

    fork = "caffe-face, NormFace"
    fork_settings = ("normalize_param",)
    n_tops = (1, 2)
    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find out whose the layer is."""
        shape, param = bottoms[0].shape, self.param.normalize_param
        if not 2 <= len(shape) <= 4:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {shape}; 2 to 4 axes are needed")
        self.by_place = fork_choice.fork_of(self.param) == "normface" or len(tops) == 2
        if not self.by_place and bottoms[0].count > shape[0] * shape[1]:
            fork_choice.warn_of_doubt(self.param, self.where, "caffe-face")
        if param.normalize_type not in ("L1", "L2"):
            raise self.error(f"normalize_param.normalize_type can be L1 or L2, got {param.normalize_type!r}")
        self.is_l1 = param.normalize_type == "L1"

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape in four axes, and the second one channel of it."""
        shape = (*bottoms[0].shape, 1, 1)[:4]
        tops[0].reshape(*shape)
        if len(tops) == 2:
            tops[1].reshape(shape[0], 1, *shape[2:])

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Divide by the norms."""
        x = bottoms[0].value.reshape(tops[0].shape)
        if self.by_place:
            sizes = x.abs() if self.is_l1 else x.square()
            total = sizes.sum(1, keepdim=True) + _LEAST
            self._norm = total if self.is_l1 else total.sqrt()
        else:
            total = x.square().sum((1, 2, 3), keepdim=True)
            self._norm = torch.where(total > 0, total, _LEAST).sqrt()
        self._y = x / self._norm
        tops[0].value = self._y
        if len(tops) == 2:
            tops[1].value = self._norm.clone()

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the part of the gradient across the vector, and that of the norms."""
        if not propagate_down[0]:
            return
        dy, y = tops[0].grad, self._y
        slope = bottoms[0].value.reshape(y.shape).sign() if self.is_l1 else y
        along = (y * dy).sum(1 if self.by_place else (1, 2, 3), keepdim=True)
        dx = (dy - slope * along) / self._norm
        if len(tops) == 2 and self.param.normalize_param.bp_norm:
            dx = dx + tops[1].grad * slope
        bottoms[0].grad = dx.reshape(bottoms[0].shape)
