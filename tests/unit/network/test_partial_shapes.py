"""What the layers around a blob, and their weights, tell of a shape that is not known."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.input_shapes import assume_input_shapes
from cnnvis_caffe.network.partial_shapes import partial_shapes
from cnnvis_caffe.records.weights import LayerWeights, ParamArray, WeightsFile

NET = """
input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 9 }
layer { name: "odd" type: "Foo" bottom: "data" top: "odd" }
layer { name: "relu" type: "ReLU" bottom: "odd" top: "odd" }
layer { name: "next" type: "NEXT" bottom: "odd" top: "next" NEXT_param }
layer { name: "last" type: "Bar" bottom: "next" top: "last" }
"""
CONVOLUTION = 'type: "Convolution"', "convolution_param { num_output: 10 kernel_size: 3 group: 2 }"


def parts(kind=CONVOLUTION, saved=None, legacy=False):
    """What is known of the top of each layer of `NET` whose shape is not known."""
    network = network_from_text(NET.replace('type: "NEXT"', kind[0]).replace("NEXT_param", kind[1]))
    blobs = {
        name: tuple(ParamArray(shape, np.zeros(shape, np.float32), legacy=legacy) for shape in shapes)
        for name, shapes in (saved or {}).items()
    }
    layers = tuple(LayerWeights(name, "", arrays) for name, arrays in blobs.items())
    dag = build_dag(network, "TEST")
    found = partial_shapes(dag, network.message.layer, [WeightsFile("w", "binary", "V2", "", layers)])
    return {dag.layers[index].name: shape for (index, _), shape in found.items()}


def test_a_convolution_says_what_it_gives():
    assert parts() == {"next": (None, 10, None, None)}


def test_the_weights_of_a_convolution_say_what_it_reads():
    known = parts(saved={"next": [(10, 3, 3, 3), (10,)]})
    assert known == dict.fromkeys(("odd", "relu"), (None, 6, None, None)) | {"next": (None, 10, None, None)}


def test_a_deconvolution_reads_the_first_axis_of_its_weights():
    kind = 'type: "Deconvolution"', CONVOLUTION[1]
    known = parts(kind, {"next": [(6, 5, 3, 3)]})
    assert (known["relu"], known["next"]) == ((None, 6, None, None), (None, 10, None, None))


def test_an_inner_product_says_what_it_gives():
    kind = 'type: "InnerProduct"', "inner_product_param { num_output: 4 }"
    assert parts(kind, {"next": [(4, 120)]}) == {"next": (None, 4)}


@pytest.mark.parametrize(
    ("shapes", "legacy", "expected"),
    [
        ([(7, 3, 3, 2), (7,)], False, (None, 7, None, None)),
        ([(7, 3, 3, 2), (1, 1, 1, 7)], True, (None, 7, None, None)),
        ([(7, 120), (7,)], False, (None, 7)),
        ([(1, 1, 7, 120), (1, 1, 1, 7)], True, (None, 7)),
        ([(3, 7, 3, 2), (7,)], False, None),  # as many biases as the second axis: nobody knows what it does
        ([(7, 3, 3, 2)], False, None),
        ([(7,), (7,), (1,)], False, None),
    ],
)
def test_an_unknown_layer_gives_as_many_channels_as_it_has_biases(shapes, legacy, expected):
    known = parts(saved={"odd": shapes}, legacy=legacy)
    assert (known.get("odd"), known.get("relu")) == (expected, expected)
    assert "last" not in known


def test_of_thousands_of_inputs_without_shape_a_hundred_are_looked_for() -> None:
    inputs = "".join(f'layer {{ name: "x{number}" type: "Input" top: "x{number}" }}\n' for number in range(1000))
    assert len(assume_input_shapes(network_from_text(inputs)).notes) == 100
