"""Activations projected back to the pixels, beside the same in plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe import pycaffe as caffe
from cnnvis_caffe.features.explain.as_picture import as_picture
from cnnvis_caffe.features.explain.projections import project_back
from cnnvis_caffe.formats import schema

pytestmark = pytest.mark.usefixtures("mode")

NET = """force_backward: true
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 9 dim: 11 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 3 kernel_size: 2 weight_filler { type: "gaussian" } bias_filler { value: 0.1 } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "relu1" }
layer { name: "pool1" type: "Pooling" bottom: "relu1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "norm1" type: "LRN" bottom: "pool1" top: "norm1" }
layer { name: "other" type: "Convolution" bottom: "norm1" top: "other"
  convolution_param { num_output: 5 kernel_size: 1 weight_filler { type: "gaussian" std: 1 } } }
layer { name: "conv2" type: "Convolution" bottom: "norm1" top: "conv2"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "gaussian" std: 1 } } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "relu2" }
layer { name: "ip" type: "InnerProduct" bottom: "relu2" top: "ip"
  inner_product_param { num_output: 6 weight_filler { type: "gaussian" std: 1 } } }
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    caffe.set_random_seed(3)
    return caffe.Net(str(path), schema.TEST)


def back_through(weight, signal):
    """Transposed filters: each value adds its filter where it was seen."""
    _, channels, height, width = weight.shape
    out = np.zeros((channels, signal.shape[1] + height - 1, signal.shape[2] + width - 1))
    for k, y, x in np.ndindex(*signal.shape):
        out[:, y : y + height, x : x + width] += signal[k, y, x] * weight[k]
    return out


def unpooled(values, before):
    """Each value at the largest place of its window of 2 by 2."""
    out = np.zeros(before.shape)
    for c, y, x in np.ndindex(*values.shape):
        window = before[c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
        dy, dx = np.unravel_index(window.argmax(), window.shape)
        out[c, 2 * y + dy, 2 * x + dx] = values[c, y, x]
    return out


def expected(net, image, signal):
    """From the input of relu2 back to the pixels of one image."""
    weights = {name: np.array(blobs[0].data, np.float64) for name, blobs in net.params.items()}
    signal = back_through(weights["conv2"], np.maximum(signal, 0))
    signal = unpooled(signal, np.array(net.blobs["relu1"].data[image]))
    return back_through(weights["conv1"], np.maximum(signal, 0))


def test_a_convolutions_neuron(net):
    inputs = np.random.default_rng(0).normal(size=(3, 2, 9, 11)).astype(np.float32)
    net.blobs["data"].reshape(*inputs.shape)
    net.blobs["data"].data[...] = inputs
    net.forward()
    found = np.array(net.blobs["relu2"].data)
    neuron = int(found.max(axis=(0, 2, 3)).argmax())
    places = [np.unravel_index(one[neuron].argmax(), one[neuron].shape) for one in found]
    projected, activations = project_back(net, "data", inputs, "relu2", neuron, np.array(places))
    np.testing.assert_allclose(activations, found[:, neuron].max(axis=(1, 2)), rtol=1e-6)
    assert projected.shape == inputs.shape and projected.dtype == np.float32
    assert np.abs(projected).max() > 0
    for image, place in enumerate(places):
        signal = np.zeros(found.shape[1:])
        signal[(neuron, *place)] = found[(image, neuron, *place)]
        np.testing.assert_allclose(projected[image], expected(net, image, signal), rtol=1e-4, atol=1e-5)


def test_a_fully_connected_neuron(net):
    inputs = np.random.default_rng(1).normal(size=(2, 2, 9, 11)).astype(np.float32)
    projected, _ = project_back(net, "data", inputs, "ip", 4, np.zeros((2, 0), int))
    for image in range(2):
        activation = float(net.blobs["ip"].data[image, 4])
        weights = np.array(net.params["ip"][0].data[4], np.float64)
        signal = activation * weights.reshape(net.blobs["relu2"].data.shape[1:])
        np.testing.assert_allclose(projected[image], expected(net, image, signal), rtol=1e-4, atol=1e-4)


def test_pictures_are_grey_where_nothing_comes_back():
    projection = np.zeros((3, 4, 5), np.float32)
    assert (as_picture(projection, "RGB") == 128).all()
    projection[0, 1, 2], projection[2, 3, 4] = 2, -1
    picture = as_picture(projection, "RGB")
    assert picture.shape == (4, 5, 3) and picture[1, 2].tolist() == [255, 128, 128]
    assert picture[3, 4].tolist() == [128, 128, 64]
    assert as_picture(projection, "BGR")[1, 2].tolist() == [128, 128, 255]
    assert as_picture(projection[:1], "grey")[1, 2].tolist() == [255, 255, 255]


def test_a_single_value_does_not_make_the_rest_pale():
    projection = np.ones((1, 20, 30), np.float32)
    projection[0, 3, 4], projection[0, 5, 6] = 1000, -1000
    picture = as_picture(projection, "grey", 0.99)
    assert picture[0, 0].tolist() == picture[3, 4].tolist() == [255] * 3 and picture[5, 6].tolist() == [0] * 3
    assert as_picture(projection, "grey")[0, 0].tolist() == [128] * 3
