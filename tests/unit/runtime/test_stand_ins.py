"""Networks of Caffe's forks in small, written for this test: a shape for every layer, forward, and backward."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from cnnvis_caffe import pycaffe
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.network.input_shapes import assume_input_shapes
from cnnvis_caffe.network.report import inspect_file
from cnnvis_caffe.runtime.net import Net

FOLDER = Path(__file__).parent / "stand_ins"
#: What no file can tell: the sizes of images, and how many regions code gives.
GIVEN = {
    "segnet": {"data": (2, 3, 16, 20)},
    "enet": {"data": (2, 3, 16, 20)},
    "faster_rcnn": {"rois": (5, 5)},
}
#: Network, phase, and the blob of its loss, if it has one in that phase.
CASES = [
    ("deeplab", "TRAIN", "loss"),
    ("enet", "TRAIN", "loss"),
    ("faster_rcnn", "TEST", None),
    ("mobilenet_ssd", "TEST", None),
    ("pspnet", "TEST", None),
    ("rfcn", "TRAIN", "loss_cls"),
    ("segnet", "TRAIN", "loss"),
    ("ssd", "TEST", None),
    ("ssd", "TRAIN", "mbox_loss"),
]


@pytest.fixture(autouse=True)
def own_layers(monkeypatch):
    """The module of the Python layer is found, and finds caffe."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setitem(sys.modules, "caffe", pycaffe)


def with_inputs(name, phase):
    """The network with an Input layer for each data layer of a fork, of the shapes that are assumed for it."""
    network = read_network(FOLDER / f"{name}.prototxt", allow_unknown=False)
    shapes = assume_input_shapes(network, phase, given=GIVEN.get(name)).shapes
    for layer in network.message.layer:
        if not layer.bottom and layer.type != "Input":
            tops, include = list(layer.top), list(layer.include)
            layer.Clear()
            layer.name, layer.type = "data", "Input"
            layer.top.extend(tops)
            layer.include.extend(include)
            for top in tops:
                layer.input_param.shape.add().dim.extend(shapes[top])
    return network


def fill(net):
    """Random images; labels, regions and boxes that can be true; statistics as if the network had been trained."""
    random = np.random.default_rng(7)
    for layer in net.layers:
        if layer.type == "BatchNorm":
            layer.blobs[1].data[...] = layer.blobs[2].data[...] = 1
    for index in net.input_ids:
        blob = net.blobs[index]
        blob.data[...] = random.standard_normal(blob.shape)
        name = net.blob_names[index]
        if name in ("label", "labels") and blob.shape[-1] == 8:
            blob.data[0, 0, 0] = [1, 2, 0, 0.2, 0.25, 0.45, 0.5, 0]
        elif name in ("label", "labels"):
            blob.data[...] = random.integers(0, 3, blob.shape)
        elif name == "rois":
            corner = random.integers(0, 16, (len(blob.data), 2))
            blob.data[...] = np.hstack([np.arange(len(corner))[:, None] % 2, corner, corner + 12])
        elif name == "bbox_weights":
            blob.data[...] = 1


@pytest.mark.parametrize(("name", "phase", "loss"), CASES)
def test_runs_with_random_weights(name, phase, loss):
    net = Net(with_inputs(name, phase), schema.Phase.Value(phase), allow_python_layers=True)
    fill(net)
    net.forward()
    for blob_name, blob in zip(net.blob_names, net.blobs):
        assert np.isfinite(blob.data).all(), blob_name
    if loss is None:
        return
    assert net.blobs[net.blob_names.index(loss)].data > 0
    net.clear_param_diffs()
    net.backward()
    first = next(layer for layer in net.layers if layer.type == "Convolution")
    assert np.isfinite(first.blobs[0].diff).all()
    assert first.blobs[0].diff.any()


@pytest.mark.parametrize(("name", "phase", "loss"), CASES)
def test_every_layer_has_a_shape(name, phase, loss):
    report = inspect_file(FOLDER / f"{name}.prototxt", phase=phase, input_shapes=GIVEN.get(name))
    layers = report["network"]["layers"]
    without = [layer["name"] for layer in layers for top in layer["tops"] if top["shape"] is None]
    assert len(layers) >= 12
    assert without == []


def test_boxes_are_found():
    net = Net(with_inputs("ssd", "TEST"), schema.TEST)
    fill(net)
    net.forward()
    found = net.blobs[net.blob_names.index("found")].data[0, 0]
    evaluated = net.blobs[net.blob_names.index("evaluate")].data[0, 0]
    assert len(found) > 10 and set(found[:, 0]) == {0, 1}
    assert len(evaluated) == 2 + len(found)
    assert evaluated[:2].tolist() == [[-1, 1, 0, -1, -1], [-1, 2, 1, -1, -1]]
