"""Sizes of what a sliding window gives, for every combination of small settings, beside real Caffe."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.recordings import WINDOW_SIZES

from cnnvis_caffe import pycaffe
from cnnvis_caffe.errors import LayerError, ShapeError
from cnnvis_caffe.runtime.layers.pool import Pool
from cnnvis_caffe.runtime.layers.windows import Windows

# Written by tests/recorders/record_window_sizes.py: rows are settings, columns bottoms of 1, 2, ... pixels; -1: aborts.
RECORDED = dict(np.load(WINDOW_SIZES))

SPP = """
layer {{ name: "a" type: "Input" top: "a" input_param {{ shape {{ dim: 1 dim: 1 dim: {} dim: 32 }} }} }}
layer {{ name: "L" type: "SPP" bottom: "a" top: "y" spp_param {{ pyramid_height: {} }} }}
"""


def assert_sizes(kind, sizes_of):
    """Compare all sizes of one kind of layer; a size below 0 is an abort."""
    settings, recorded = RECORDED[f"{kind}_settings"].tolist(), RECORDED[kind]
    assert len(settings) == len(recorded) > 200
    sizes = range(1, recorded.shape[1] + 1)
    found = [[max(-1, sizes_of(size, *setting)) for size in sizes] for setting in settings]
    np.testing.assert_array_equal(found, recorded)


def test_pooling():
    def size(n, kernel, stride, pad, mode):
        pool = Pool((kernel, 1), (stride, 1), (pad, 0), ceil=mode == 0)
        return pool.sizes((n, 5))[0]

    assert_sizes("pooling", size)


@pytest.mark.parametrize("kind", ["convolution", "deconvolution"])
def test_convolution(kind):
    def size(n, *setting):
        windows = Windows(1, *((value,) for value in setting))
        return (windows.convolved if kind == "convolution" else windows.deconvolved)((n,))[0]

    assert_sizes(kind, size)


@pytest.mark.parametrize("height", range(1, 6))
def test_pyramid(tmp_path, height):
    path = tmp_path / "spp.prototxt"
    for size, expected in enumerate(RECORDED["spp"][height - 1], start=1):
        path.write_text(SPP.format(size, height))
        if expected < 0:
            with pytest.raises(ShapeError, match="lower spp_param.pyramid_height"):
                pycaffe.Net(str(path), pycaffe.TEST)
        else:
            assert pycaffe.Net(str(path), pycaffe.TEST).blobs["y"].shape[1] == expected


def test_stride_0_of_a_deconvolution(tmp_path):
    """Caffe builds this net and divides by 0 in its first forward."""
    path = tmp_path / "net.prototxt"
    path.write_text("""
        layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 1 dim: 2 dim: 3 dim: 4 } } }
        layer { name: "L" type: "Deconvolution" bottom: "a" top: "y"
                convolution_param { num_output: 1 kernel_size: 2 stride_h: 2 } }
    """)
    with pytest.raises(LayerError, match="stride must be at least 1"):
        pycaffe.Net(str(path), pycaffe.TEST)
