"""What convolutions and inner products compute with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnvis_caffe import pycaffe
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import Precision

SHAPE = 2, 3, 9, 8
LAYERS = {
    "Convolution": "convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } }",
    "dilated": "convolution_param { num_output: 4 kernel_size: 3 dilation: 2 weight_filler { type: 'xavier' } }",
    "grouped": "convolution_param { num_output: 6 kernel_size: 3 group: 3 weight_filler { type: 'xavier' } }",
    "Deconvolution": "convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } }",
    "InnerProduct": "inner_product_param { num_output: 7 weight_filler { type: 'xavier' } }",
    "transposed": "inner_product_param { num_output: 7 transpose: true weight_filler { type: 'xavier' } }",
}
TYPES = {"dilated": "Convolution", "grouped": "Convolution", "transposed": "InnerProduct"}


@pytest.fixture(autouse=True)
def usual():
    """Whatever a test does, the next one finds float32."""
    yield
    backend.set_precision(Precision.FLOAT32)


def passes(case, phase, tmp_path, precision):
    """Top, gradient of the bottom and of the parameters of a layer; values that bfloat16 does not hold."""
    path = tmp_path / "net.prototxt"
    shape = " ".join(f"dim: {n}" for n in SHAPE)
    path.write_text(
        f"force_backward: true layer {{ name: 'x' type: 'Input' top: 'x' input_param {{ shape {{ {shape} }} }} }}"
        f"layer {{ name: 'y' type: '{TYPES.get(case, case)}' bottom: 'x' top: 'y' {LAYERS[case]} }}"
    )
    pycaffe.set_random_seed(1)
    net = pycaffe.Net(str(path), phase)
    random = np.random.default_rng(0)
    backend.set_precision(precision)
    net.blobs["x"].data[...] = random.normal(size=SHAPE)
    net.forward()
    net.blobs["y"].diff[...] = random.normal(size=net.blobs["y"].shape)
    net.backward()
    arrays = [net.blobs["y"].data, net.blobs["x"].diff, *(blob.diff for blob in net.params["y"])]
    return [array.copy() for array in arrays]


@pytest.mark.parametrize("phase", [pycaffe.TRAIN, pycaffe.TEST])
@pytest.mark.parametrize("case", LAYERS)
def test_bfloat16_rounds_factors_and_nothing_else(case, phase, tmp_path):
    exact = passes(case, phase, tmp_path, Precision.FLOAT32)
    narrow = passes(case, phase, tmp_path, Precision.BFLOAT16)
    for number, (found, expected) in enumerate(zip(narrow, exact)):
        assert found.dtype == np.float32
        scale = np.abs(expected).max()
        assert np.abs(found - expected).max() < 0.02 * scale
        is_bias = number == 3
        assert is_bias or (found != expected).any(), "the factors were not rounded"


def test_tf32_is_float32_on_a_cpu(tmp_path):
    exact = passes("Convolution", pycaffe.TEST, tmp_path, Precision.FLOAT32)
    for found, expected in zip(passes("Convolution", pycaffe.TEST, tmp_path, Precision.TF32), exact):
        assert (found == expected).all()


@pytest.mark.gpu
@pytest.mark.parametrize("precision", Precision)
def test_gpu_flags_are_those_of_the_precision_and_put_back(precision, on_gpu):
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    backend.set_precision(precision)
    with backend.computing():
        expected = precision is Precision.TF32
        assert torch.backends.cudnn.allow_tf32 is torch.backends.cuda.matmul.allow_tf32 is expected
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before
