"""LSTM and RNN beyond the conformance cases: equal to their own single steps, and to finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.errors import CaffeQuirkWarning, LayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net
from cnnvis_caffe.runtime.rng import set_random_seed

pytestmark = pytest.mark.usefixtures("mode")
#: Of views that were taken before a pass, which on a GPU do not show it.
on_the_cpu = pytest.mark.parametrize("mode", ["cpu"], indirect=True)

NET = """
force_backward: true
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: {steps} dim: 2 dim: 5 }} }} }}
layer {{ name: "cont" type: "Input" top: "cont" input_param {{ shape {{ dim: {steps} dim: 2 }} }} }}
layer {{ name: "s" type: "Input" top: "s" input_param {{ shape {{ dim: 2 dim: 4 }} }} }}
layer {{ name: "L" type: "{type}" bottom: "x" bottom: "cont" bottom: "s" top: "y"
  recurrent_param {{ num_output: 3 weight_filler {{ type: "uniform" min: -1 max: 1 }} }} }}
"""


def build(type_, steps):
    set_random_seed(1)
    net = Net(network_from_text(NET.format(type=type_, steps=steps)), schema.TEST)
    return net, dict(zip(net.blob_names, net.blobs))


def values():
    random = np.random.default_rng(3)
    cont = np.array([[0, 0], [1, 1], [0, 1], [1, 1]])
    return random.standard_normal((4, 2, 5)), cont, random.standard_normal((2, 4)), random.standard_normal((4, 2, 3))


@pytest.mark.parametrize("type_", ["LSTM", "RNN"])
def test_whole_sequence_equals_its_steps(type_):
    x, cont, static, _ = values()
    whole, blobs = build(type_, 4)
    blobs["x"].data[...], blobs["cont"].data[...], blobs["s"].data[...] = x, cont, static
    whole.forward()
    single, step_blobs = build(type_, 1)
    for mine, theirs in zip(single.layers[-1].blobs, whole.layers[-1].blobs):
        mine.data[...] = theirs.data
    step_blobs["s"].data[...] = static
    for step in range(4):
        step_blobs["x"].data[0], step_blobs["cont"].data[0] = x[step], cont[step]
        single.forward()
        np.testing.assert_allclose(step_blobs["y"].data[0], blobs["y"].data[step], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("type_", ["LSTM", "RNN"])
@on_the_cpu
def test_gradients_against_differences(type_):
    x, cont, static, dy = values()
    net, blobs = build(type_, 4)
    cont = cont.copy()
    for state in net.layers[-1]._last_states:  # every run begins anew: cont is 0 at the first step
        state.data[...] = 0
    blobs["x"].data[...], blobs["cont"].data[...], blobs["s"].data[...] = x, cont, static
    net.forward()
    blobs["y"].diff[...] = dy
    net.backward()
    checked = [blobs["x"], blobs["s"], *net.layers[-1].blobs]
    gradients = [blob.diff.copy() for blob in checked]
    random = np.random.default_rng(0)
    for blob, gradient in zip(checked, gradients):
        for place in random.choice(blob.count, 4, replace=False) if blob.count > 4 else range(blob.count):
            flat = blob.data.reshape(-1)
            at, losses = flat[place], []
            for change in (0.01, -0.01):
                flat[place] = at + change
                net.forward()
                losses.append(float((blobs["y"].data.astype(float) * dy).sum()))
            flat[place] = at
            numeric = (losses[0] - losses[1]) / 0.02
            assert abs(numeric - gradient.reshape(-1)[place]) < 2e-3 * max(1, abs(numeric)), blob.name


def test_backward_needs_forward():
    with pytest.raises(LayerError, match="backward needs a forward pass"):
        build("LSTM", 4)[0].backward()


def test_sharing_while_training_warns():
    text = NET.format(type="LSTM", steps=2)
    first, second = text[text.index('layer { name: "L"') :], text[text.index('layer { name: "L"') :]
    names = 'param { name: "a" } param { name: "b" } param { name: "c" } param { name: "d" } recurrent_param'
    text = text.replace(first, first.replace("recurrent_param", names)) + second.replace(
        "recurrent_param", names
    ).replace('"L"', '"M"').replace('"y"', '"z"')
    net = Net(network_from_text(text), schema.TRAIN)
    with pytest.warns(CaffeQuirkWarning, match="layer 'M'.*reaches the first step only"):
        net.forward()
    Net(network_from_text(text), schema.TEST).forward()  # warnings are errors
