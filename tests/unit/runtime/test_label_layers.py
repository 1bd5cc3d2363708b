"""Losses and other layers that read labels or indices, beyond what the conformance cases pin down."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.errors import LayerError, ShapeError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net

pytestmark = pytest.mark.usefixtures("mode")


def build(text, phase=schema.TEST, **kwargs):
    return Net(network_from_text(text), phase, **kwargs)


def inputs(**shapes):
    return "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" '
        f"input_param {{ shape {{ {' '.join(f'dim: {length}' for length in shape)} }} }} }}\n"
        for name, shape in shapes.items()
    )


@pytest.mark.parametrize("type_", ["SoftmaxWithLoss", "Accuracy"])
def test_label_out_of_range_says_where(type_):
    net = build(
        inputs(a=(2, 3, 5), l=(2, 5)) + f'layer {{ name: "L" type: "{type_}" bottom: "a" bottom: "l" top: "y" }}'
    )
    net.blobs[1].data[1, 3] = 3
    place = r"label 3 at \[1, 3\] of blob 'l' is out of range; 0 to 2 \(the number of classes\) is allowed"
    with pytest.raises(LayerError, match=rf"layer 'L' \({type_}\): {place}"):
        net.forward()


def test_ignored_label_is_mentioned():
    text = inputs(a=(2, 3), l=(2,)) + (
        'layer { name: "L" type: "SoftmaxWithLoss" bottom: "a" bottom: "l" top: "y" loss_param { ignore_label: 255 } }'
    )
    net = build(text)
    net.blobs[1].data[...] = 255, -1
    with pytest.raises(LayerError, match=r"label -1 at \[1\] .*, and ignore_label 255"):
        net.forward()


def test_nan_label():
    net = build(
        inputs(a=(2, 3), l=(2,)) + 'layer { name: "L" type: "SoftmaxWithLoss" bottom: "a" bottom: "l" top: "y" }'
    )
    net.blobs[1].data[1] = np.nan
    with pytest.raises(LayerError, match=r"label nan at \[1\]"):
        net.forward()


def test_filter_without_any_item():
    text = (
        inputs(a0=(3, 2), s=(3,))
        + """
        layer { name: "B" type: "Bias" bottom: "a0" top: "a" bias_param { axis: 0 num_axes: 0 } }
        layer { name: "L" type: "Filter" bottom: "a" bottom: "s" top: "y" loss_weight: 1 }
    """
    )
    net = build(text)
    top = net.tops[-1][0]
    assert top.shape == (3, 2)
    net.forward()
    assert top.shape == (0, 2)
    with pytest.raises(LayerError, match="selector 's' kept none of 3 items"):
        net.backward()
    net.blobs[1].data[...] = 1, 0, 1
    net.forward()
    net.backward()
    assert top.shape == (2, 2)


INFOGAIN = 'layer { name: "L" type: "InfogainLoss" bottom: "a" bottom: "l" %s top: "y" }'


def run_infogain(extra, matrix=None):
    shapes = {"a0": (5, 3), "l": (5,)} if matrix is None else {"a0": (5, 3), "l": (5,), "h": (1, 1, 3, 3)}
    bias = 'layer { name: "B" type: "Bias" bottom: "a0" top: "a" bias_param { axis: 0 num_axes: 0 } }'
    net = build(inputs(**shapes) + bias + INFOGAIN % extra)
    net.blobs[0].data[...] = np.linspace(-2, 3, 15).reshape(5, 3) ** 2
    net.blobs[1].data[...] = 0, 1, 2, 1, 1
    if matrix is not None:
        net.blobs[2].data[...] = matrix
    loss = net.forward()
    net.backward()
    return loss, net.tops[net.layer_names.index("B")][0].diff.copy()


@pytest.mark.parametrize("legacy", [True, False])
def test_infogain_matrix_from_a_file(tmp_path, legacy):
    matrix = np.array([[1, 0.25, 0], [0.5, 2, -1], [0, 0, 3]], np.float32)
    proto = schema.BlobProto(data=matrix.ravel())
    if legacy:
        proto.num, proto.channels, proto.height, proto.width = 1, 1, 3, 3
    else:
        proto.shape.dim.extend((3, 3))
    path = tmp_path / "h.binaryproto"
    path.write_bytes(proto.SerializeToString())
    loss, gradient = run_infogain(f'infogain_loss_param {{ source: "{path}" }}')
    expected_loss, expected_gradient = run_infogain('bottom: "h"', matrix)
    assert loss == expected_loss != 0
    np.testing.assert_array_equal(gradient, expected_gradient)
    assert gradient.any()


def test_infogain_file_of_the_wrong_size(tmp_path):
    path = tmp_path / "h.binaryproto"
    path.write_bytes(schema.BlobProto(data=[1, 2, 3, 4], num=1, channels=1, height=2, width=2).SerializeToString())
    with pytest.raises(ShapeError, match=r"has 4 values; for 3 classes it needs 3 x 3"):
        run_infogain(f'infogain_loss_param {{ source: "{path}" }}')


def test_infogain_file_that_is_none(tmp_path):
    path = tmp_path / "h.binaryproto"
    path.write_bytes(b"<html>404</html>")
    with pytest.raises(LayerError, match=r"layer 'L' \(InfogainLoss\): infogain_loss_param.source .* cannot be read"):
        run_infogain(f'infogain_loss_param {{ source: "{path}" }}')


def test_infogain_file_is_not_needed_to_look_at_the_net():
    net = build(inputs(a=(5, 3), l=(5,)) + INFOGAIN % 'infogain_loss_param { source: "nowhere" }', run=False)
    assert net.problems == [] and net.tops[-1][0].shape == ()


def test_slice_may_not_leave_an_empty_top():
    text = inputs(a=(2, 7)) + (
        'layer { name: "L" type: "Slice" bottom: "a" top: "y" top: "z" slice_param { slice_point: 7 } }'
    )
    with pytest.raises(ShapeError, match=r"slice_point \[7\] does not fit axis 1 .* from 1 to 6"):
        build(text)
