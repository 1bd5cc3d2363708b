"""BatchNorm: channels with mean 0 and variance 1; in NVIDIA's Caffe also scaled and shifted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import is_train
from cnnvis_caffe.runtime.layers.elementwise import Elementwise

#: NVIDIA's layer adds at least this to a variance, which is what cuDNN allows.
_NVIDIA_LEAST_EPS = 1e-5


class BatchNorm(Elementwise):
    """y = (x - mean) / sqrt(variance + eps), by the batch's statistics or by running ones.

    Notes
    -----
    Follows `src/caffe/layers/batch_norm_layer.cpp`. Parameters are the sums of means (channels,) and of variances
    (channels,), each decayed by `moving_average_fraction` before the next is added, and the decayed number of what
    was added (1,), by which they are divided when used. None of them learns by gradient.

    With `scale_bias`, `scale_filler` or `bias_filler` as in NVIDIA's Caffe (`batch_norm_layer.cpp` of version 0.17):
    y = scale * (as above) + bias. Scale and bias (channels,) are two more parameters, and the first two hold means and
    variances as they are, with a third of 1.
    """

    fork_settings = (
        "batch_norm_param.scale_filler",
        "batch_norm_param.bias_filler",
        "batch_norm_param.scale_bias",
    )

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the running sums and keep solvers from changing them."""
        param = self.param.batch_norm_param
        self.use_global_stats = not is_train(self)
        if param.HasField("use_global_stats"):
            self.use_global_stats = param.use_global_stats
        self.fraction, self.eps = param.moving_average_fraction, param.eps
        self.channels = bottoms[0].shape[self.axis(bottoms[0], 1, "channel axis")]
        self.has_scale = param.scale_bias or param.HasField("scale_filler") or param.HasField("bias_filler")
        if self.has_scale:
            self._setup_with_scale()
            return
        self.make_params(((self.channels,), None), ((self.channels,), None), ((1,), None))
        for index in range(len(self.blobs)):
            if index == len(self.param.param):
                self.param.param.append(schema.ParamSpec(lr_mult=0))
            elif self.param.param[index].lr_mult != 0:
                raise self.error(
                    f"param {index} has lr_mult {self.param.param[index].lr_mult}; statistics are not learned by "
                    "gradient, so that only 0 is allowed (a Scale layer holds what is learned)"
                )

    def _setup_with_scale(self) -> None:
        """Make NVIDIA's five parameters, of which the last two learn."""
        param, shape = self.param.batch_norm_param, (self.channels,)
        ones = schema.FillerParameter(type="constant", value=1)
        scale = param.scale_filler if param.HasField("scale_filler") else ones
        self.make_params((shape, None), (shape, None), ((1,), ones), (shape, scale), (shape, param.bias_filler))
        while len(self.param.param) < len(self.blobs):
            self.param.param.append(schema.ParamSpec())
        for index, spec in enumerate(self.param.param):
            # Caffe quirk: NVIDIA's writes over what the file says about both.
            spec.lr_mult = spec.decay_mult = float(index >= 3)
        self.eps = max(self.eps, _NVIDIA_LEAST_EPS)
        self._n_updates = 0
        self.can_be_recorded = self.use_global_stats  # type: ignore[misc]

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape."""
        shape = bottoms[0].shape
        if len(shape) < 2 or shape[1] != self.channels:
            raise self.shape_error(f"has statistics of {self.channels} channels, the bottom has shape {shape}")
        # Statistics go along axis 1, over all others.
        self.axes = [0, *range(2, len(shape))]
        self.aligned = (1, self.channels) + (1,) * (len(shape) - 2)
        self.n_values = bottoms[0].count // self.channels
        super().reshape(bottoms, tops)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Normalise; from the batch's own statistics, also update the running ones."""
        x, in_place = bottoms[0].value, tops[0] is bottoms[0]
        if self.use_global_stats:
            mean, variance = self._running_statistics()
        else:
            mean = x.mean(self.axes)
        mean = mean.reshape(self.aligned)
        y = x.sub_(mean) if in_place else x - mean
        if not self.use_global_stats:
            variance = y.square().mean(self.axes)
            (self._update_with_scale if self.has_scale else self._update)(mean.reshape(-1), variance)
        self._std = (variance + self.eps).sqrt_().reshape(self.aligned)
        y.div_(self._std)
        # A later in-place layer may overwrite the top before backward uses it.
        self._normalised = None if self.use_global_stats and not self.has_scale else y.clone()
        if self.has_scale:
            scale, bias = (blob.value.reshape(self.aligned) for blob in self.blobs[3:])
            y.mul_(scale).add_(bias)
        tops[0].value = y

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give (dy - mean(dy) - mean(dy * y) * y) / std, or dy / std with running statistics."""
        # Caffe quirk: ignores propagate_down.
        dy, y = tops[0].grad, self._normalised
        if self.has_scale:
            for blob, gradient in zip(self.blobs[3:], (dy * y, dy)):
                blob.add_grad(gradient.sum(self.axes))
            dy = dy * self.blobs[3].value.reshape(self.aligned)
        if self.use_global_stats:
            bottoms[0].grad = dy.div_(self._std) if tops[0] is bottoms[0] else dy / self._std
            return
        mean_dy = dy.mean(self.axes, keepdim=True)
        mean_product = (dy * y).mean(self.axes, keepdim=True)
        bottoms[0].grad = (dy - mean_dy).addcmul_(y, mean_product, value=-1).div_(self._std)

    def _running_statistics(self) -> tuple[Any, Any]:
        """Mean and variance from the running sums."""
        sum_of_means, sum_of_variances, weight = (blob.value for blob in self.blobs[:3])
        # Caffe quirk: before the first update both are 0, so that an untrained layer multiplies by 1 / sqrt(eps).
        factor = torch.where(weight == 0, torch.zeros_like(weight), weight.reciprocal())
        return sum_of_means * factor, sum_of_variances * factor

    def _update(self, mean: Any, variance: Any) -> None:
        """Add the batch's statistics to the running sums; this happens at every forward."""
        unbiased = self.n_values / (self.n_values - 1) if self.n_values > 1 else 1.0
        # In Caffe's order, which shows where parameters share their memory.
        for index, new in ((2, 1), (0, mean), (1, variance * unbiased)):
            blob = self.blobs[index]
            blob.value = blob.value.mul_(self.fraction).add_(new)

    def _update_with_scale(self, mean: Any, variance: Any) -> None:
        """Move the running statistics towards the batch's, as NVIDIA's layer does."""
        # Caffe quirk: the variance includes eps, and the first two forwards set the statistics, whatever they were.
        fraction = self.fraction if self._n_updates > 1 else 0.0
        self._n_updates += 1
        for blob, new in zip(self.blobs, (mean, variance + self.eps)):
            blob.value = blob.value.mul_(fraction).add_(new, alpha=1 - fraction)
