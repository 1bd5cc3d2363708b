"""MemoryData: batches out of arrays, seen as they are when they are shown (CAFFE.md 1.7)."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net

pytestmark = pytest.mark.usefixtures("mode")

NET = """
layer { name: "d" type: "MemoryData" top: "data" top: "label"
  memory_data_param { batch_size: 2 channels: 3 height: 1 width: 4 } %s }
layer { name: "p" type: "Power" bottom: "data" top: "y" power_param { scale: 2 } }
"""


def build(extra=""):
    net = Net(network_from_text(NET % extra), schema.TEST)
    return net, net.layers[0]


def arrays(n=4):
    data = np.arange(n * 12, dtype=np.float32).reshape(n, 3, 1, 4)
    return data, np.arange(n, dtype=np.float32)


def test_batches_follow_each_other_and_begin_again():
    net, layer = build()
    data, labels = arrays()
    layer.reset(data, labels, 4)
    for start in (0, 2, 0):
        net.forward()
        np.testing.assert_array_equal(net.blobs[0].data, data[start : start + 2])
        np.testing.assert_array_equal(net.blobs[1].data.ravel(), labels[start : start + 2])
        np.testing.assert_array_equal(net.blobs[2].data, 2 * data[start : start + 2])


def test_label_shape_changes_with_the_first_forward():
    net, layer = build()
    assert net.blobs[1].shape == (2,)
    layer.reset(*arrays(), 4)
    net.forward()
    assert net.blobs[1].shape == (2, 1, 1, 1)


def test_nothing_is_copied():
    net, layer = build()
    data, labels = arrays()
    layer.reset(data, labels, 4)
    data[0] = -1
    net.forward()
    assert (net.blobs[0].data[0] == -1).all()
    labels[1] = 7
    assert net.blobs[1].data[1] == 7
    view = net.blobs[0].data
    net.forward()
    assert (data[0] == -1).all() and (view[0] == -1).all()  # the second batch is not written into the first


def test_arrays_are_kept():
    net, layer = build()
    layer.reset(*arrays(), 4)
    np.ones(1000)
    net.forward()
    np.testing.assert_array_equal(net.blobs[0].data, arrays()[0][:2])


def test_read_only_arrays_are_copied():
    net, layer = build()
    data, labels = arrays()
    data.flags.writeable = False
    layer.reset(data, labels, 4)
    net.forward()
    net.blobs[0].data[...] = 5
    assert data[0, 0, 0, 1] == 1


def test_forward_needs_data():
    with pytest.raises(LayerError, match="set_input_arrays"):
        build()[0].forward()


@pytest.mark.parametrize("n", [0, 3])
def test_whole_batches_only(n):
    with pytest.raises(LayerError, match=f"got {n} items; the number must be a multiple of batch_size 2"):
        build()[1].reset(*arrays(), n)


@pytest.mark.parametrize(
    "spoil", [lambda data: data.astype(float), lambda data: data[:, :, :, ::-1], lambda data: data[:1]]
)
def test_unfit_arrays(spoil):
    data, labels = arrays()
    with pytest.raises(LayerError, match="C-contiguous float32 array of at least 48 values"):
        build()[1].reset(spoil(data), labels, 4)


def test_transformations_are_not_applied(caplog):
    net, layer = build("transform_param { scale: 10 }")
    with caplog.at_level(logging.WARNING):
        layer.reset(*arrays(), 4)
    assert "transform_param is not applied" in caplog.text
    net.forward()
    assert net.blobs[0].data[0, 0, 0, 1] == 1
