"""MarginInnerProduct: scores by angle, with a margin for the right class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.whole_numbers import whole_numbers

#: Chebyshev polynomials cos(m t) in c = cos(t), by m, and their derivatives.
_COSINES = {
    1: (lambda c: c, lambda c: torch.ones_like(c)),
    2: (lambda c: 2 * c**2 - 1, lambda c: 4 * c),
    3: (lambda c: 4 * c**3 - 3 * c, lambda c: 12 * c**2 - 3),
    4: (lambda c: 8 * c**4 - 8 * c**2 + 1, lambda c: 32 * c**3 - 16 * c),
}


class MarginInnerProduct(Layer):
    """y = |x| cos(angle to the weights of a class); for the right class (lambda y + |x| psi(angle)) / (1 + lambda).

    psi(t) = (-1)^k cos(m t) - 2 k falls all the way; m is 1 to 4 (SINGLE to QUADRUPLE), k the number of whole periods
    pi / m in t. lambda = max(lambda_min, base (1 + gamma i)^-power) for the i-th forward, counted from `iteration`; a
    second top shows it.

    Notes
    -----
    Follows `src/caffe/layers/margin_inner_product_layer.cpp` of SphereFace's Caffe. The weights have shape
    (num_output, K); each forward makes their rows 1 long. Their gradient is that without a margin, and that of x along
    the right class is made 1 long: both as in the fork.
    """

    fork = "SphereFace"
    fork_settings = ("margin_inner_product_param",)
    n_bottoms = (2, 2)
    n_tops = (1, 2)
    can_be_in_place = False
    can_be_recorded = False  # counts its forwards

    def allows_force_backward(self, index: int) -> bool:
        """Labels get no gradient."""
        return index == 0

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the weights."""
        param = self.param.margin_inner_product_param
        if param.num_output < 1:
            raise self.error(f"margin_inner_product_param.num_output must be at least 1, got {param.num_output}")
        self.n_classes, self.margin, self.iteration = param.num_output, param.type + 1, param.iteration
        self.first_axis = self.axis(bottoms[0], param.axis, "margin_inner_product_param.axis")
        self.length = math.prod(bottoms[0].shape[self.first_axis :])
        self.make_params(((self.n_classes, self.length), param.weight_filler))

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """One score for each class."""
        shape = bottoms[0].shape
        if math.prod(shape[self.first_axis :]) != self.length:
            raise self.shape_error(f"bottom {bottoms[0].name!r} has shape {shape}; the weights are for {self.length}")
        if bottoms[1].count != math.prod(shape[: self.first_axis]):
            raise self.shape_error(
                f"{bottoms[1].count} labels in bottom {bottoms[1].name!r} of shape {bottoms[1].shape} for "
                f"{math.prod(shape[: self.first_axis])} items in {bottoms[0].name!r} of shape {shape}"
            )
        tops[0].reshape(*shape[: self.first_axis], self.n_classes)
        if len(tops) > 1:
            tops[1].reshape(1)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Measure the angles."""
        param = self.param.margin_inner_product_param
        self.iteration += 1
        self._lambda = max(param.base * (1 + param.gamma * self.iteration) ** -param.power, param.lambda_min)
        weight = self.blobs[0].value
        weight.div_(weight.norm(dim=1, keepdim=True))
        self.blobs[0].value = weight
        x = bottoms[0].value.reshape(-1, self.length)
        y = x @ weight.t()
        if param.type != schema.MarginInnerProductParameter.SINGLE:
            rows, labels = torch.arange(len(x), device=x.device), self._labels(bottoms[1])
            norm = x.norm(dim=1)
            cosine = y[rows, labels] / norm
            sign, shift = self._periods(cosine)
            with_margin = norm * (sign * _COSINES[self.margin][0](cosine) + shift)
            y[rows, labels] = (self._lambda * y[rows, labels] + with_margin) / (1 + self._lambda)
            self._saved = norm, cosine, sign, shift
        tops[0].value = y.reshape(tops[0].shape)
        if len(tops) > 1:
            tops[1].value = torch.full((1,), self._lambda, dtype=y.dtype, device=y.device)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the gradients as the fork has them."""
        if propagate_down[1]:
            raise self.error("has no gradient for its labels; set propagate_down: false for that bottom")
        weight, x = self.blobs[0].value, bottoms[0].value.reshape(-1, self.length)
        dy = tops[0].grad.reshape(-1, self.n_classes)
        if self.param_propagate_down[0]:
            # Caffe quirk: as if there were no margin and no length of 1.
            self.blobs[0].add_grad(dy.t() @ x)
        if not propagate_down[0]:
            return
        dx = dy @ weight
        if self.margin > 1:
            rows, labels = torch.arange(len(x), device=x.device), self._labels(bottoms[1])
            norm, cosine, sign, shift = self._saved
            value, slope = (function(cosine) for function in _COSINES[self.margin])
            along_weight = sign * slope
            along_x = (sign * value + shift - along_weight * cosine) / norm
            # Caffe quirk: makes this pair of numbers 1 long, so that x moves as far as without a margin.
            length = (along_weight**2 + along_x**2).sqrt()
            with_margin = (along_weight[:, None] * weight[labels] + along_x[:, None] * x) / length[:, None]
            change = (with_margin - weight[labels]) / (1 + self._lambda)
            dx = dx + dy[rows, labels][:, None] * change
        bottoms[0].grad = dx.reshape(bottoms[0].shape)

    def _periods(self, cosine: Any) -> tuple[Any, Any]:
        """(-1)^k and -2 k of each angle, by the cosine of the angle."""
        first = cosine.sign()
        if self.margin == 2:
            return first, first - 1
        second = (cosine.abs() - 0.5).sign() if self.margin == 3 else first * (2 * cosine**2 - 1).sign()
        shift = first * (1 + second) - 2 if self.margin == 3 else 2 * first + second - 3
        return second, shift

    def _labels(self, blob: Blob) -> Any:
        """The class of each item, in range."""
        limit = "margin_inner_product_param.num_output"
        return whole_numbers(self, blob, self.n_classes, "label", limit).reshape(-1)
