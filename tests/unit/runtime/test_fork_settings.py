"""Settings that forks have added to Caffe's own layers, beside plain numpy after the forks' sources."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.single_layer import backward, blob, build, check_gradients, forward, normal, set_inputs

from cnnvis_caffe.errors import ForkSettingWarning, LayerError, PrototxtError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net

X = blob("x", 2, 3, 4, 5)
SCALED = "type: 'BatchNorm' batch_norm_param { eps: 0.01 moving_average_fraction: 0.75 %s }"


# -- BatchNorm of NVIDIA's Caffe -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting", ["scale_bias: true", "scale_filler { value: 1 }", "bias_filler { value: 0 } engine: CUDNN"]
)
def test_batch_norm_with_scale_and_bias(setting):
    net = build(SCALED % setting, X, phase=schema.TRAIN)
    params = net.layers[-1].blobs
    assert [param.shape for param in params] == [(3,), (3,), (1,), (3,), (3,)]
    assert [param.data.tolist() for param in params[2:]] == [[1], [1, 1, 1], [0, 0, 0]]
    assert [spec.lr_mult for spec in net.layers[-1].param.param] == [0, 0, 0, 1, 1]
    x, scale, bias = 3 * normal(2, 3, 4, 5) + 1, normal(3, seed=2), normal(3, seed=3)
    params[3].data[...], params[4].data[...] = scale, bias
    set_inputs(net, x)
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
    unit = (x - mean[:, None, None]) / np.sqrt(variance + 0.01)[:, None, None]
    expected = unit * scale[:, None, None] + bias[:, None, None]
    assert forward(net) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    check_gradients(net, params=False)
    dy = normal(2, 3, 4, 5, seed=4)
    forward(net)
    _, grads = backward(net, dy)
    assert grads[3] == pytest.approx((dy * unit).sum((0, 2, 3)), rel=1e-4, abs=1e-4)
    assert grads[4] == pytest.approx(dy.sum((0, 2, 3)), rel=1e-4, abs=1e-4)


def test_running_statistics_of_batch_norm_with_scale():
    net = build(SCALED % "scale_bias: true", X, phase=schema.TRAIN)
    mean = variance = None
    for number in range(4):
        x = (number + 1) * normal(2, 3, 4, 5, seed=number) + number
        set_inputs(net, x)
        forward(net)
        new = x.mean((0, 2, 3)), x.var((0, 2, 3)) + 0.01
        if number < 2:
            mean, variance = new
        else:
            mean, variance = (0.75 * old + 0.25 * value for old, value in zip((mean, variance), new))
    params = net.layers[-1].blobs
    assert params[0].data == pytest.approx(mean, rel=1e-4)
    assert params[1].data == pytest.approx(variance, rel=1e-4)
    assert params[2].data == 1
    x, test = normal(2, 3, 4, 5, seed=9), build(SCALED % "scale_bias: true", X)
    for found, given in zip(test.layers[-1].blobs, params):
        found.data[...] = given.data
    test.layers[-1].blobs[3].data[...] = [1, 2, 3]
    set_inputs(test, x)
    unit = (x - mean[:, None, None]) / np.sqrt(variance + 0.01)[:, None, None]
    assert forward(test) == pytest.approx(unit * np.array([1, 2, 3])[:, None, None], rel=1e-4, abs=1e-5)
    check_gradients(test, params=False)


def test_batch_norm_with_scale_in_place():
    text = "force_backward: true " + X + "layer { name: 'y' bottom: 'x' top: 'x' %s }" % (SCALED % "scale_bias: true")
    in_place = Net(network_from_text(text, allow_unknown=False), schema.TRAIN)
    beside = build(SCALED % "scale_bias: true", X, phase=schema.TRAIN)
    x, dy, scale = normal(2, 3, 4, 5), normal(2, 3, 4, 5, seed=2), normal(3, seed=3)
    for net in (in_place, beside):
        net.layers[-1].blobs[3].data[...] = scale
        set_inputs(net, x)
        net.forward()
        net.blobs[-1].diff[...] = dy
        net.backward()
    assert in_place.blobs[-1].data == pytest.approx(beside.blobs[-1].data, abs=1e-6)
    assert in_place.blobs[0].diff == pytest.approx(beside.blobs[0].diff, abs=1e-6)


# -- Pooling and Convolution -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "size"),
    [
        ("", (3, 4)),
        ("ceil_mode: true", (3, 4)),
        ("ceil_mode: false", (2, 3)),
        ("round_mode: FLOOR", (2, 3)),
        ("ceil_mode: true round_mode: FLOOR", (2, 3)),
    ],
)
def test_pooling_rounds_as_the_file_says(setting, size):
    net = build(f"type: 'Pooling' pooling_param {{ kernel_size: 2 stride: 2 {setting} }}", blob("x", 1, 2, 5, 7))
    x = normal(1, 2, 5, 7)
    set_inputs(net, x)
    y = forward(net)
    assert y.shape[2:] == size
    assert np.array_equal(y[:, :, :2, :3], x[:, :, :4, :6].reshape(1, 2, 2, 2, 3, 2).max((3, 5)))


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "Im2col"])
@pytest.mark.parametrize(
    ("hole", "dilation"), [("hole: 2", (2, 2)), ("hole_h: 2 hole_w: 1", (2, 1)), ("hole_h: 2", (2, 1))]
)
def test_a_hole_is_a_dilation(kind, hole, dilation):
    layer = f"type: '{kind}' convolution_param {{ num_output: 2 kernel_size: 2 %s }}"
    image = blob("x", 2, 3, 7, 8)
    nets = [
        build(layer % f"{hole} cudnn_convolution_algo_seeker: FINDEX", image),
        build(layer % f"dilation: {dilation[0]} dilation: {dilation[1]}", image),
    ]
    outputs = []
    for net in nets:
        for number, param in enumerate(net.layers[-1].blobs):
            param.data[...] = normal(*param.shape, seed=number)
        set_inputs(net, normal(2, 3, 7, 8, seed=5))
        outputs.append(forward(net))
    assert np.array_equal(*outputs)


@pytest.mark.parametrize("setting", ["hole: 2 dilation: 2", "hole: 2 hole_h: 2"])
def test_a_hole_is_given_once(setting):
    with pytest.raises(LayerError, match="give only one of dilation, hole, and hole_h with hole_w"):
        build(f"type: 'Convolution' convolution_param {{ num_output: 2 kernel_size: 2 {setting} }}", X)


# -- engines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "path"),
    [
        ("type: 'ReLU' relu_param { engine: MKLDNN }", "relu_param.engine"),
        ("type: 'ReLU' engine: 'MKLDNN:DLA'", "engine"),
        ("type: 'BatchNorm' batch_norm_param { use_global_stats: true engine: MKL2017 }", "batch_norm_param.engine"),
    ],
)
def test_an_engine_that_nobody_has_is_passed_over(layer, path):
    with pytest.warns(ForkSettingWarning, match=f"^{path} has a value that only a fork knows"):
        net = build(layer, X)
    assert forward(net).shape == (2, 3, 4, 5)


def test_other_choices_that_do_not_exist_are_refused():
    with pytest.raises(PrototxtError, match="MEDIAN"):
        build("type: 'Pooling' pooling_param { pool: MEDIAN kernel_size: 2 }", X)
