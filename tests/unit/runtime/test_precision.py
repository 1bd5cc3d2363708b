"""What convolutions and inner products compute with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def rounded(array):
    """float32 cut to the 7 bits of bfloat16, to the nearest, halves to even."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)
    return bits.view(np.float32)


def test_bfloat16_is_rounded_factors_and_exact_sums(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(
        "layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 5 dim: 300 } } }"
        "layer { name: 'y' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 7 } }"
    )
    net = pycaffe.Net(str(path), pycaffe.TRAIN)
    random = np.random.default_rng(0)
    x, weight, bias = (random.normal(size=shape).astype(np.float32) for shape in ((5, 300), (7, 300), (7,)))
    net.blobs["x"].data[...], net.params["y"][0].data[...], net.params["y"][1].data[...] = x, weight, bias
    backend.set_precision(Precision.BFLOAT16)
    net.forward()
    expected = rounded(rounded(x).astype(float) @ rounded(weight).astype(float).T + rounded(bias))
    # Sums in another order may fall on the other side of a half: one unit of 7 bits, and no more.
    np.testing.assert_allclose(net.blobs["y"].data, expected, rtol=2**-7, atol=1e-6)
    assert (net.blobs["y"].data == expected).mean() > 0.9


def test_bfloat16_where_the_library_has_no_kernel_for_it(repository):
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "bfloat16_rounds or exact_sums"]
    limits = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "PYTHONPATH": str(repository)}
    done = subprocess.run(
        [sys.executable, *tests], env={**os.environ, **limits}, cwd=Path(__file__).parent,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 passed" in done.stdout


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
