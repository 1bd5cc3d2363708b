"""Layers of Caffe's forks, beside plain numpy and finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.errors import LayerError, UnsupportedLayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net

DATA = "layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } } } "


def build(layer, data=DATA):
    text = f"force_backward: true {data} layer {{ name: 'y' bottom: 'x' top: 'y' {layer} }}"
    return Net(network_from_text(text, allow_unknown=False), schema.TEST)


def run(net, seed=1):
    """Put random numbers in, go forward and backward; return input, output, and both gradients."""
    draw = np.random.default_rng(seed).standard_normal
    x, y = net.blobs[0], net.tops[-1][0]
    x.data[...] = draw(x.shape)
    net.forward()
    y.diff[...] = draw(y.shape)
    net.backward()
    return x.data.copy(), y.data.copy(), x.diff.copy(), y.diff.copy()


@pytest.mark.parametrize(
    ("order", "axes"), [("order: 0 order: 2 order: 3 order: 1", (0, 2, 3, 1)), ("order: 3 order: 0", (3, 0, 1, 2))]
)
def test_permute(order, axes):
    x, y, dx, dy = run(build(f"type: 'Permute' permute_param {{ {order} }}"))
    assert np.array_equal(y, x.transpose(axes))
    assert np.array_equal(dx.transpose(axes), dy)


@pytest.mark.parametrize("order", ["order: 0 order: 0", "order: 4"])
def test_permute_refuses_other_axes(order):
    with pytest.raises(LayerError, match="must name axes of blob 'x' of shape .*, 0 to 3, each at most once"):
        build(f"type: 'Permute' permute_param {{ {order} }}")


def test_a_setting_of_a_fork_that_a_layer_would_pass_over_is_refused():
    with pytest.raises(UnsupportedLayerError, match="batch_norm_param.scale_bias is not a setting of Caffe 1.0"):
        build("type: 'BatchNorm' batch_norm_param { scale_bias: true }")
