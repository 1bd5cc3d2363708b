"""Layers written in Python: what their methods are given, and what goes wrong understandably."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net
from cnnvis_caffe.runtime.python_layer import PythonLayer

pytestmark = pytest.mark.usefixtures("mode")

NET = """
force_backward: true
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "L" type: "Python" bottom: "x" top: "y" python_param { module: "own_layers" layer: "%s" param_str: "p" } }
"""


class Twice(PythonLayer):
    def setup(self, bottom, top):
        self.calls = [("setup", self.param_str, self.phase)]
        self.blobs.add_blob(3, 4)
        self.blobs.add_blob()

    def reshape(self, bottom, top):
        self.calls.append("reshape")
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        self.calls.append("forward")
        top[0].data[...] = 2 * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        self.calls.append(("backward", propagate_down))
        bottom[0].diff[...] = 2 * top[0].diff


class WithoutSuper(Twice):
    def __init__(self, param):
        self.name = param.name


class NoReshape(PythonLayer):
    def setup(self, bottom, top):
        pass


class NoBackward(PythonLayer):
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(2)

    def forward(self, bottom, top):
        top[0].data[...] = 1


class Raises(Twice):
    def forward(self, bottom, top):
        raise ZeroDivisionError("as is")


class Autograd(Twice):
    def forward(self, bottom, top):
        import torch

        x = torch.from_numpy(bottom[0].data.copy()).requires_grad_()
        (gradient,) = torch.autograd.grad(x.square().sum(), x)
        top[0].data[...] = gradient.numpy()


@pytest.fixture(autouse=True)
def own_layers(monkeypatch):
    module = types.ModuleType("own_layers")
    for item in (Twice, WithoutSuper, NoReshape, NoBackward, Raises, Autograd):
        setattr(module, item.__name__, item)
    module.Foreign = dict
    module.PythonLayer = PythonLayer
    monkeypatch.setitem(sys.modules, "own_layers", module)


def build(name="Twice", phase=schema.TRAIN, **kwargs):
    return Net(network_from_text(NET % name), phase, allow_python_layers=True, **kwargs)


@pytest.mark.parametrize("name", ["Twice", "WithoutSuper"])
def test_life_cycle(name):
    net = build(name)
    instance = net.layers[1].instance
    assert instance.calls == [("setup", "p", schema.TRAIN), "reshape"]
    assert [blob.shape for blob in net.layers[1].blobs] == [(3, 4), ()]
    assert not net.layers[1].blobs[0].data.any()
    net.blobs[0].data[...] = 4
    net.forward()
    net.blobs[1].diff[...] = 3
    net.backward()
    assert instance.calls[2:] == ["reshape", "forward", ("backward", [True])]
    assert (net.blobs[1].data == 8).all()
    assert (net.blobs[0].diff == 6).all()


def test_autograd_works_inside():
    net = build("Autograd")
    net.blobs[0].data[...] = np.arange(6).reshape(2, 3)
    net.forward()
    np.testing.assert_array_equal(net.blobs[1].data, 2 * np.arange(6).reshape(2, 3))


def test_exceptions_come_out_unchanged():
    net = build("Raises")
    with pytest.raises(ZeroDivisionError, match="as is"):
        net.forward()


def test_missing_methods_are_named():
    with pytest.raises(LayerError, match="no method 'reshape'"):
        build("NoReshape")
    net = build("NoBackward")
    net.forward()
    with pytest.raises(LayerError, match="no method 'backward'"):
        net.backward()


def test_missing_class_lists_those_there():
    with pytest.raises(LayerError, match=r"'Twin' is not there; layers in module 'own_layers': Twice, WithoutSuper"):
        build("Twin")
    with pytest.raises(LayerError, match=r"does not derive from caffe\.Layer"):
        build("Foreign")


def test_missing_module_keeps_its_cause(monkeypatch):
    monkeypatch.setitem(sys.modules, "own_layers", None)
    with pytest.raises(LayerError, match=r"layer 'L' \(Python\): .*'own_layers' cannot be imported") as caught:
        build()
    assert isinstance(caught.value.__cause__, ImportError)


def test_not_run_when_only_looked_at():
    net = build(run=False)
    assert len(net.problems) == 1 and "Twice" in net.problems[0]
    given = build(run=False, input_shapes={"y": (2, 3)})
    assert given.problems == [] and given.blobs[1].shape == (2, 3)
