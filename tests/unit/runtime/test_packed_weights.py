"""Weights packed for the library must be those of now, whoever changed them."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe import pycaffe

LAYERS = {
    "Convolution": "convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } }",
    "InnerProduct": "inner_product_param { num_output: 4 weight_filler { type: 'xavier' } }",
}


@pytest.fixture(params=sorted(LAYERS))
def make_net(request, tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(f"""
        layer {{ name: 'a' type: 'Input' top: 'a' input_param {{ shape {{ dim: 2 dim: 3 dim: 5 dim: 6 }} }} }}
        layer {{ name: 'L' type: '{request.param}' bottom: 'a' top: 'y' {LAYERS[request.param]} }}
    """)

    def make():
        net = pycaffe.Net(str(path), pycaffe.TEST)
        net.blobs["a"].data[...] = 1
        for _ in range(3):
            net.forward()
        return net

    return make


def sums_of_filters(net):
    """What every pixel must be when the image is 1."""
    return net.params["L"][0].data.reshape(4, -1).sum(1)


def outputs(net):
    return net.forward()["y"].reshape(2, 4, -1)[0, :, 0]


def test_written_through_a_view(make_net):
    net = make_net()
    view = net.params["L"][0].data
    for factor in (2, 3):
        view *= factor
        np.testing.assert_allclose(outputs(net), sums_of_filters(net), rtol=1e-5, atol=1e-6)
    del view
    net.params["L"][0].data[...] = 1
    np.testing.assert_allclose(outputs(net), sums_of_filters(net), rtol=1e-5)


def test_shared_with_another_net(make_net):
    """Both memories have seen as many changes: only which of them it is tells."""
    net, other = make_net(), make_net()
    net.share_with(other)
    np.testing.assert_allclose(outputs(net), sums_of_filters(other), rtol=1e-5, atol=1e-6)
