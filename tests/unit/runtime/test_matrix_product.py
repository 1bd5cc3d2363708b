"""Products of matrices, and sums over pixels: as exact as single precision is, in every layout."""

from __future__ import annotations

import pytest
import torch

from cnnvis_caffe.runtime.layers.convolution_base import _sum_over_pixels
from cnnvis_caffe.runtime.layers.matrix_product import product

pytestmark = pytest.mark.usefixtures("mode")


@pytest.mark.parametrize(("m", "k", "n"), [(64, 800, 500), (1, 3, 2), (5, 1, 7), (0, 4, 3), (4, 0, 3)])
@pytest.mark.parametrize("with_bias", [False, True])
def test_product_of_any_layout(m, k, n, with_bias):
    generator = torch.Generator().manual_seed(m + k + n)
    a, b = torch.randn(m, k, generator=generator), torch.randn(n, k, generator=generator)
    bias = torch.randn(n, generator=generator) if with_bias else None
    expected = a.double() @ b.double().t() + (bias.double() if with_bias else 0)
    for left in (a, a.t().contiguous().t()):
        for right in (b, b.t().contiguous().t()):
            torch.testing.assert_close(product(left, right, bias).double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(3, 20, 6, 5), (3, 1, 6, 5), (2, 4, 1, 1), (3, 4, 7), (2, 3, 4, 5, 2)])
def test_sum_over_pixels_of_any_layout(shape):
    dy = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    expected = dy.double().transpose(0, 1).flatten(1).sum(1)
    layouts = [dy, dy.contiguous(memory_format=torch.channels_last)] if len(shape) == 4 else [dy]
    for tensor in layouts:
        torch.testing.assert_close(_sum_over_pixels(tensor).double(), expected, rtol=1e-5, atol=1e-5)
