"""Results depend neither on the order in which values lie in memory, nor on who looks at them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnnvis_caffe import pycaffe
from cnnvis_caffe.runtime.backend import torch

LAYERS = {
    "Convolution": "convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: 'xavier' } }",
    "Deconvolution": "convolution_param { num_output: 4 kernel_size: 3 stride: 2 weight_filler { type: 'xavier' } }",
    "Im2col": "convolution_param { kernel_size: 2 dilation: 2 pad: 1 }",
    "Pooling": "pooling_param { kernel_size: 3 stride: 2 }",
    "Pooling AVE": "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 2 }",
    "SPP": "spp_param { pyramid_height: 2 }",
    "LRN": "lrn_param { local_size: 3 }",
    "LRN WITHIN": "lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }",
    "InnerProduct": "inner_product_param { num_output: 3 weight_filler { type: 'xavier' } }",
}


def build(folder, kind, shape):
    """A net of one layer behind an input."""
    path = Path(folder) / "net.prototxt"
    dims = " ".join(f"dim: {length}" for length in shape)
    path.write_text(f"""force_backward: true
        layer {{ name: 'a' type: 'Input' top: 'a' input_param {{ shape {{ {dims} }} }} }}
        layer {{ name: 'L' type: '{kind.split()[0]}' bottom: 'a' top: 'y' {LAYERS[kind]} }}""")
    pycaffe.set_random_seed(1)
    return pycaffe.Net(str(path), pycaffe.TEST)


def turn(blob, layout):
    """Put a blob's values into another order in memory."""
    blob = blob.runtime_blob
    for part in ("value", "grad"):
        tensor = getattr(blob, part).clone()
        if layout == "channels last":
            tensor = tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
        elif layout == "axes reversed":
            order = tuple(reversed(range(tensor.ndim)))
            tensor = tensor.permute(order).contiguous().permute(order)
        setattr(blob, part, tensor)


@given(
    kind=st.sampled_from(sorted(LAYERS)),
    shape=st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 3, 8]), st.integers(4, 9), st.integers(4, 9)),
    layouts=st.tuples(*[st.sampled_from(["plain", "channels last", "axes reversed"])] * 2),
    held=st.sets(st.sampled_from(["a", "y", "L"])),
    n_forwards=st.integers(1, 3),
)
def test_layout_and_views(kind, shape, layouts, held, n_forwards):
    values = np.random.default_rng(7)
    x = values.integers(-40, 40, shape) / 8
    with tempfile.TemporaryDirectory() as folder:
        plain, turned = build(folder, kind, shape), build(folder, kind, shape)
    dy = values.integers(-40, 40, plain.blobs["y"].shape) / 8

    for net in (plain, turned):
        views = []
        net.blobs["a"].data[...] = x
        if net is turned:
            turn(net.blobs["a"], layouts[0])
            blobs = [net.blobs[name] for name in held - {"L"}] + [*(net.params.get("L", []) if "L" in held else [])]
            views = [(blob, blob.data, blob.diff) for blob in blobs]
        for _ in range(n_forwards):
            net.forward()
        net.blobs["y"].diff[...] = dy
        if net is turned:
            turn(net.blobs["y"], layouts[1])
        net.backward()
        for blob, data, diff in views:
            np.testing.assert_array_equal(data, blob.data)
            np.testing.assert_array_equal(diff, blob.diff)
            assert np.shares_memory(data, blob.data) and np.shares_memory(diff, blob.diff)

    params = [*zip(plain.params.get("L", []), turned.params.get("L", []))]
    for ours, theirs in [*((turned.blobs[name], plain.blobs[name]) for name in "ay"), *params]:
        np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(ours.diff, theirs.diff, rtol=1e-5, atol=1e-5)
    assert plain.blobs["y"].data.any() and plain.blobs["a"].diff.any()
