"""Eltwise: sum, product or maximum of several blobs of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.elementwise import scaled

PROD, SUM, MAX = schema.EltwiseParameter.PROD, schema.EltwiseParameter.SUM, schema.EltwiseParameter.MAX
LARGEST = 3.4028234663852886e38  # FLT_MAX


class Eltwise(Layer):
    """y = sum of coeff_i * x_i, product of x_i, or maximum of x_i.

    Notes
    -----
    Follows `src/caffe/layers/eltwise_layer.cpp`.
    """

    n_bottoms = (2, None)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check the coefficients."""
        param = self.param.eltwise_param
        self.operation = param.operation
        coeffs = list(param.coeff)
        if coeffs and self.operation == PROD:
            raise self.error("takes coeff for operation SUM only, not for PROD")
        if coeffs and len(coeffs) != len(bottoms):
            raise self.error(f"has {len(coeffs)} coeff for {len(bottoms)} bottoms; give one for each, or none")
        # Caffe quirk: for MAX, coefficients are accepted and ignored.
        self.coeffs = coeffs or [1.0] * len(bottoms)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that all bottoms have one shape, and give it to the top."""
        for bottom in bottoms[1:]:
            if bottom.shape != bottoms[0].shape:
                raise self.shape_error(
                    f"bottom {bottom.name!r} has shape {bottom.shape}, bottom {bottoms[0].name!r} {bottoms[0].shape}; "
                    "all must have the same"
                )
        tops[0].reshape(*bottoms[0].shape)

    def in_place_quirk(self, backward: bool) -> str | None:
        """Only the product is right in place, and only forward."""
        if self.operation == PROD:
            return "in-place Eltwise PROD gives gradients that do not depend on those from above" if backward else None
        return "in-place Eltwise clears its first bottom before using it, so that the result lacks it"

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Combine the bottoms."""
        in_place = tops[0] is bottoms[0]
        if self.operation == PROD:
            tops[0].value = self._product(bottoms, in_place)
        elif self.operation == SUM:
            tops[0].value = self._sum_in_place(bottoms) if in_place else self._sum(bottoms)
        else:
            tops[0].value = self._maximum(bottoms, in_place)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give each bottom its share of the gradient."""
        # Caffe quirk: in place, the first bottom's gradient is the top's, which the others then take for it; so
        # the top's gradient is read again for each.
        for index, bottom in enumerate(bottoms):
            if not propagate_down[index]:
                continue
            in_place = tops[0] is bottom
            if self.operation == SUM:
                if self.coeffs[index] != 1:
                    bottom.grad = scaled(tops[0].grad, self.coeffs[index])
                elif not in_place:
                    bottom.grad = tops[0].grad.clone()
            elif self.operation == MAX:
                dy = tops[0].grad
                bottom.grad = torch.where(self._winner == index, dy, dy.new_zeros(()))
            else:
                factor = self._product_gradient(index, bottoms, tops[0])
                # Caffe quirk: in place, the factor has overwritten the gradient and is multiplied by itself.
                bottom.grad = factor * (factor if in_place else tops[0].grad)

    @staticmethod
    def _product(bottoms: Sequence[Blob], in_place: bool) -> Any:
        """Product of all bottoms."""
        first = bottoms[0].value
        y = first.mul_(bottoms[1].value) if in_place else first * bottoms[1].value
        for bottom in bottoms[2:]:
            y.mul_(bottom.value)
        return y

    def _sum(self, bottoms: Sequence[Blob]) -> Any:
        """Weighted sum of all bottoms."""
        # Caffe quirk: OpenBLAS skips what has coefficient 0, even if it is infinite.
        terms = [(bottom.value, coeff) for bottom, coeff in zip(bottoms, self.coeffs) if coeff]
        if not terms:
            return torch.zeros_like(bottoms[0].value)
        (first, coeff), *rest = terms
        if coeff == 1 and rest:
            (second, second_coeff), *rest = rest
            y = torch.add(first, second, alpha=second_coeff)
        else:
            y = first * coeff
        for x, x_coeff in rest:
            y.add_(x, alpha=x_coeff)
        return y

    def _sum_in_place(self, bottoms: Sequence[Blob]) -> Any:
        """What becomes of the sum when the top is the first bottom."""
        # Caffe quirk: the top is cleared first, and with it the first bottom and all that lie in the same memory.
        y = torch.zeros_like(bottoms[0].value)
        for bottom, coeff in zip(bottoms, self.coeffs):
            if coeff:
                y.add_(y if bottom.shares_data_with(bottoms[0]) else bottom.value, alpha=coeff)
        return y

    def _maximum(self, bottoms: Sequence[Blob], in_place: bool) -> Any:
        """Largest of all bottoms; remembers which it was."""
        first, second = bottoms[0].value, bottoms[1].value
        if in_place:
            # Caffe quirk: the top has been overwritten with the smallest float, and with it the first bottom and all
            # that lie in the same memory.
            first = torch.full_like(first, -LARGEST)
            second = first if bottoms[1].shares_data_with(bottoms[0]) else second
        # Caffe quirk: of two equal values, the second bottom's wins, but no later one.
        wins = first > second
        y = torch.where(wins, first, second)
        self._winner = torch.logical_not(wins).to(torch.int16)
        for index, bottom in enumerate(bottoms[2:], 2):
            x = y if in_place and bottom.shares_data_with(bottoms[0]) else bottom.value
            wins = x > y
            y = torch.where(wins, x, y)
            self._winner.masked_fill_(wins, index)
        return y

    def _product_gradient(self, index: int, bottoms: Sequence[Blob], top: Blob) -> Any:
        """Derivative of the product by one factor."""
        if not self.param.eltwise_param.stable_prod_grad:
            return top.value / bottoms[index].value
        others = [bottom.value for i, bottom in enumerate(bottoms) if i != index]
        factor = others[0]
        for other in others[1:]:
            factor = factor * other
        return factor
