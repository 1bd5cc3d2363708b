"""BN: batch normalisation with its own scale and shift, of two forks that gave it one name."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.formats import fork_choice, schema
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import is_train
from cnnvis_caffe.runtime.layers.elementwise import Elementwise, kept_value

#: Added to the variance by SegNet's layer, which has no setting for it.
_SEGNET_EPS = 1e-9


class BN(Elementwise):
    """y = scale * (x - mean) / sqrt(variance + eps) + shift.

    SegNet's has the parameters scale and shift; in mode LEARN it takes mean and variance from the batch in every
    phase, in mode INFERENCE they are 0 and 1: they have been worked into scale and shift before. Xiong's, of PSPNet
    and TSN, also keeps running means and variances, used in the TEST phase and where `frozen`.

    Notes
    -----
    Follows `src/caffe/layers/bn_layer.cpp` of SegNet's Caffe and of Xiong's. Which of both is meant, the settings or
    the user say (`formats.fork_choice`). All parameters have shape (1, channels, 1, 1).
    """

    fork = "SegNet, PSPNet"
    fork_settings = ("bn_param",)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make scale and shift, and running statistics."""
        param = self.param.bn_param
        if len(bottoms[0].shape) != 4:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {bottoms[0].shape}; 4 axes are needed")
        # Of Xiong's four parameters two more have multipliers.
        fork = fork_choice.fork_of(self.param) or ("segnet" if len(self.param.param) == 2 else "pspnet")
        fork_choice.warn_of_doubt(self.param, self.where, fork)
        self.is_segnet = fork == "segnet"
        self.channels = bottoms[0].shape[1]
        shape, ones = (1, self.channels, 1, 1), schema.FillerParameter(type="constant", value=1)
        if self.is_segnet:
            self.eps, self.has_statistics = _SEGNET_EPS, param.bn_mode == schema.BNParameter.LEARN
            self.uses_running = False
            self.make_params((shape, param.scale_filler), (shape, param.shift_filler))
            return
        self.eps, self.has_statistics = param.eps, True
        self.uses_running = param.frozen or not is_train(self)
        slope = param.slope_filler if param.HasField("slope_filler") else ones
        self.make_params((shape, slope), (shape, param.bias_filler), (shape, None), (shape, ones))
        while len(self.param.param) < 4:  # running statistics are not learned by gradient
            learns = len(self.param.param) < 2 and not param.frozen
            self.param.param.append(schema.ParamSpec(lr_mult=1 if learns else 0, decay_mult=1 if learns else 0))

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape."""
        if bottoms[0].shape[1:2] != (self.channels,):
            raise self.shape_error(f"has parameters for {self.channels} channels, the bottom has {bottoms[0].shape}")
        super().reshape(bottoms, tops)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Normalise, scale and shift; from the batch's own statistics, also update the running ones."""
        x = kept_value(bottoms[0]) if tops[0] is bottoms[0] else bottoms[0].value
        scale, shift = self.blobs[0].value, self.blobs[1].value
        self._std = None
        if not self.has_statistics:
            self._normalised = x.clone()
        else:
            if self.uses_running:
                mean, variance = self.blobs[2].value, self.blobs[3].value
            else:
                mean = x.mean((0, 2, 3), keepdim=True)
                variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
                if not self.is_segnet:
                    self._update(mean, variance)
            self._std = (variance + self.eps).sqrt()
            self._normalised = (x - mean) / self._std
        tops[0].value = self._normalised * scale + shift

    def _update(self, mean: object, variance: object) -> None:
        """Move the running statistics towards the batch's."""
        momentum = self.param.bn_param.momentum
        for blob, new in zip(self.blobs[2:], (mean, variance)):
            blob.value = blob.value * momentum + (1 - momentum) * new

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Add to the gradients of scale and shift; give that of the bottom."""
        dy, y = tops[0].grad, self._normalised
        axes = (0, 2, 3)
        for blob, wanted, gradient in zip(self.blobs, self.param_propagate_down, (dy * y, dy)):
            if wanted:
                blob.add_grad(gradient.sum(axes, keepdim=True))
        if propagate_down[0]:
            dx = dy * self.blobs[0].value
            if self.has_statistics and not self.uses_running:
                dx = dx - dx.mean(axes, keepdim=True) - y * (dx * y).mean(axes, keepdim=True)
            bottoms[0].grad = dx if self._std is None else dx / self._std
