"""Coordinate maps against hand computation (the arithmetic of python/caffe/coord_map.py)."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.pycaffe import NetSpec, params
from cnnvis_caffe.pycaffe import layers as L  # noqa: N812 - as every script does
from cnnvis_caffe.pycaffe.coord_map import (
    PASS_THROUGH_LAYERS,
    AxisMismatchException,
    UndefinedMapException,
    compose,
    coord_map,
    coord_map_from_to,
    crop,
    inverse,
)


def conv_pool_deconv(pool=2, stride=2, **conv):
    n = NetSpec()
    n.data = L.Input(shape={"dim": [2, 1, 100, 100]})
    n.conv = L.Convolution(n.data, num_output=10, **{"kernel_size": 3, **conv})
    n.pool = L.Pooling(n.conv, pool=params.Pooling.MAX, kernel_size=pool, stride=pool)
    n.up = L.Deconvolution(
        n.pool, convolution_param={"num_output": 1, "kernel_size": 2 * stride, "stride": stride}
    )
    return n


def numbers(map_):
    axis, scale, shift = map_
    return axis, np.ravel(scale).tolist(), np.ravel(shift).tolist()


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        # scale 1 / stride, shift (pad - (kernel - 1) / 2) / stride
        (L.Convolution(kernel_size=3), (1, [1], [-1])),
        (L.Convolution(kernel_size=5, stride=2, pad=1), (1, [0.5], [-0.5])),
        (L.Convolution(kernel_size=3, dilation=4, pad=4, axis=2), (2, [1], [0])),
        (L.Convolution(convolution_param={"kernel_size": [3, 5], "stride": [1, 2]}), (1, [1, 0.5], [-1, -1])),
        (L.Pooling(kernel_size=2, stride=2), (1, [0.5], [-0.25])),
        (L.Pooling(pooling_param={"kernel_size": 2, "stride": 2}), (1, [0.5], [-0.25])),
        (L.Im2col(convolution_param={"kernel_size": 3, "pad": 1}), (1, [1], [0])),
        # scale stride, shift (kernel - 1) / 2 - pad
        (L.Deconvolution(convolution_param={"kernel_size": 4, "stride": 2, "pad": 1}), (1, [2], [0.5])),
        (L.Crop(axis=2, offset=[3, 4]), (1, [1], [-3, -4])),
        (L.Crop(crop_param={"axis": 3}), (2, [1], [0])),
        *[(getattr(L, name)(), (None, [1], [0])) for name in PASS_THROUGH_LAYERS],
    ],
)
def test_coord_map_of_a_layer(top, expected):
    assert numbers(coord_map(top.fn)) == expected


def test_undefined_and_unsupported_layers():
    with pytest.raises(UndefinedMapException, match="InnerProduct"):
        coord_map(L.InnerProduct().fn)
    with pytest.raises(AssertionError, match="kernel_h, kernel_w"):
        coord_map(L.Convolution(kernel_h=3, kernel_w=5).fn)


def test_compose_and_inverse():
    assert compose((1, 2, 3), (None, 5, 7)) == (1, 10, 17)
    assert compose((None, 2, 3), (4, 5, 7)) == (4, 10, 17)
    assert inverse((1, 4, 3)) == (1, 0.25, -0.75)
    with pytest.raises(AxisMismatchException, match="1 and 2"):
        compose((1, 1, 0), (2, 1, 0))


def test_from_to():
    n = conv_pool_deconv()
    assert numbers(coord_map_from_to(n.up, n.data)) == (1, [1], [0])
    n = conv_pool_deconv(pool=4, stride=4)
    assert numbers(coord_map_from_to(n.up, n.data)) == (1, [1], [-1])
    assert numbers(coord_map_from_to(n.data, n.up)) == (1, [1], [1])


def test_branches_meet_at_their_nearest_common_ancestor():
    data = L.Input()
    stem = L.Convolution(data, kernel_size=3)
    top = L.Eltwise(L.Convolution(stem, kernel_size=3, pad=1), L.ReLU(stem))
    assert numbers(coord_map_from_to(top, L.Pooling(stem, kernel_size=1))) == (1, [1], [0])


def test_many_branches_are_walked_once():
    data = top = L.Input()
    for _ in range(60):  # 2^60 paths
        top = L.Eltwise(L.ReLU(top), L.Sigmoid(top))
    assert numbers(coord_map_from_to(top, data)) == (None, [1], [0])


def test_second_bottom_of_crop_is_not_walked():
    n = conv_pool_deconv()
    other = L.Input()
    with pytest.raises(RuntimeError, match="connected by spatial layers"):
        coord_map_from_to(L.Crop(n.up, other), other)


def test_crop():
    n = conv_pool_deconv(pool=4, stride=4)
    cropped = crop(n.up, n.data)
    assert cropped.fn.params == {"crop_param": {"axis": 2, "offset": [1]}}
    assert cropped.fn.inputs == (n.up, n.data)
    same = L.ReLU(n.data)
    assert crop(same, n.data).fn.params == {"crop_param": {"axis": 2, "offset": [0]}}


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (conv_pool_deconv(pool=3), "scale mismatch"),
        (conv_pool_deconv(pad=1), "noninteger offset|negative offset"),
        (conv_pool_deconv(pool=4, stride=4, kernel_size=2), "noninteger offset"),
    ],
)
def test_crop_refuses(net, message):
    if message.startswith("noninteger offset|"):
        net.up = L.Deconvolution(net.pool, kernel_size=4, stride=2, pad=10)
    with pytest.raises(AssertionError, match=message):
        crop(net.up, net.data)
