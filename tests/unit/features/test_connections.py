"""Weights between neurons, by loops over the kernel."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.features.connections import neuron_weights, scale_factors
from cnnvis_caffe.records.analysis import Node
from cnnvis_caffe.runtime.backend import torch


def node(kind="weights", n=6, **more):
    return Node("x", "x", more.pop("type", "Convolution"), kind, ("before",), n, **more)


@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("transposed", [False, True])
def test_what_a_pair_s_weights_do(group, transposed):
    # An image that is one in the channel b sums up the kernel from b to each channel.
    random = np.random.RandomState(0)
    n_from, n_to = 4, 6
    shape = (n_from, n_to // group, 3, 2) if transposed else (n_to, n_from // group, 3, 2)
    weights = random.normal(size=shape).astype(np.float32)
    kind = "Deconvolution" if transposed else "Convolution"
    mean, mean_abs = neuron_weights(weights, node(type=kind, transposed=transposed), n_from)
    convolve = torch.nn.functional.conv_transpose2d if transposed else torch.nn.functional.conv2d
    for values, found in ((weights, mean), (np.abs(weights), mean_abs)):
        for b in range(n_from):
            x = torch.zeros(1, n_from, 7, 7)
            x[0, b] = 1
            sums = convolve(x, torch.from_numpy(values), groups=group)[0, :, 4, 4]
            np.testing.assert_allclose(found[:, b], sums.numpy() / 6, 1e-5, 1e-6)
    assert (mean_abs[: n_to // group, n_from // group :] == 0).all()


@pytest.mark.parametrize("transposed", [False, True])
def test_the_first_inner_product_takes_channels(transposed):
    weights = np.random.RandomState(1).normal(size=(5, 12)).astype(np.float32)  # of 3 channels with 4 positions
    stored = np.ascontiguousarray(weights.T) if transposed else weights
    mean, mean_abs = neuron_weights(stored, node(type="InnerProduct", n=5, transposed=transposed), 3)
    np.testing.assert_allclose(mean[:, 1], weights[:, 4:8].mean(1), 1e-5)
    np.testing.assert_allclose(mean_abs[:, 2], np.abs(weights[:, 8:]).mean(1), 1e-5)


def test_factors_of_normalisation():
    variance = np.float32([2, 8, 18])
    params = [np.zeros(3, np.float32), variance, np.float32([2])]
    found = scale_factors(params, node("scale", 3, type="BatchNorm", epsilon=0.5))
    np.testing.assert_allclose(found, 1 / np.sqrt(variance / 2 + 0.5), 1e-6)
    untouched = [np.zeros(3, np.float32)] * 2 + [np.zeros(1, np.float32)]
    np.testing.assert_allclose(scale_factors(untouched, node("scale", 3, type="BatchNorm", epsilon=0.25)), 2)


def test_factors_of_a_scale():
    assert scale_factors([np.float32([1, -2])], node("scale", 2, type="Scale")).tolist() == [1, -2]
    assert scale_factors([np.float32(3)], node("scale", 2, type="Scale")).tolist() == [3, 3]
    by_place = np.float32([[[1, 3]], [[-2, 0]]])
    assert scale_factors([by_place], node("scale", 2, type="Scale")).tolist() == [2, -1]
