"""Dropout, whose masks each device draws by itself: what must hold of any mask."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net

NET = """force_backward: true
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 20 dim: 30 dim: 5 dim: 7 } } }
layer { name: "drop" type: "Dropout" bottom: "x" top: "y" dropout_param { dropout_ratio: 0.3 } }
"""


@pytest.mark.usefixtures("mode")
def test_masks_drop_the_share_and_keep_the_mean():
    net = Net(network_from_text(NET, "net.prototxt"), schema.TRAIN)
    x, y = net.blobs
    masks = []
    for _ in range(2):
        x.data[...] = 3
        net.forward()
        masks.append(y.data != 0)
        assert set(np.unique(y.data)) == {np.float32(0), np.float32(3) * (np.float32(1) / np.float32(0.7))}
        y.diff[...] = 2
        net.backward()
        assert ((x.diff != 0) == masks[-1]).all()
    assert [mask.mean() for mask in masks] == pytest.approx([0.7, 0.7], abs=0.02)
    assert (masks[0] != masks[1]).any()
