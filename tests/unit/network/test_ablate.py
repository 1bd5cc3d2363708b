"""Variants of networks: what is removed with a layer, what reads what, and what cannot be done."""

from __future__ import annotations

import pytest

from cnnvis_caffe.errors import NetError, UnknownLayerError
from cnnvis_caffe.formats.prototxt import network_from_text, read_network
from cnnvis_caffe.network.ablate import ablated
from cnnvis_caffe.records.variant import Variant, parse_variant

INPUT = 'layer { name: "data" type: "Input" top: "data" top: "label" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } shape { dim: 2 } } }'  # noqa: E501
HEAD = """
layer { name: "fc" type: "InnerProduct" bottom: "%s" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def conv(name, bottom, n, size=3, more=""):
    return (
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" '
        f"convolution_param {{ num_output: {n} kernel_size: {size} pad: {size // 2} {more} }} }}\n"
    )


def single(name, type_, bottom, top=""):
    return f'layer {{ name: "{name}" type: "{type_}" bottom: "{bottom}" top: "{top or bottom}" }}\n'


CHAIN = (
    INPUT
    + conv("conv1", "data", 4) + single("norm1", "LRN", "conv1", "norm1") + single("relu1", "ReLU", "norm1")
    + 'layer { name: "pool1" type: "Pooling" bottom: "norm1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }'
    + conv("conv2", "pool1", 6) + single("bn2", "BatchNorm", "conv2") + single("scale2", "Scale", "conv2")
    + single("relu2", "ReLU", "conv2") + single("drop2", "Dropout", "conv2") + HEAD % "conv2"
)  # fmt: skip
BLOCK = (
    INPUT
    + conv("conv1", "data", 4) + single("relu1", "ReLU", "conv1")
    + conv("a", "conv1", 4) + single("bn_a", "BatchNorm", "a", "bn_a") + single("relu_a", "ReLU", "bn_a")
    + conv("b", "bn_a", 4)
    + 'layer { name: "sum" type: "Eltwise" bottom: "conv1" bottom: "b" top: "sum" }' + HEAD % "sum"
)  # fmt: skip


def wires(text, description):
    """Of each layer that is left: its name, bottoms and tops."""
    made = ablated(network_from_text(text, "net.prototxt"), parse_variant(description))
    return {layer.name: (list(layer.bottom), list(layer.top)) for layer in made.message.layer}


def error(text, description):
    with pytest.raises(NetError) as caught:
        ablated(network_from_text(text, "net.prototxt"), parse_variant(description))
    return str(caught.value)


def test_a_layer_takes_along_what_belongs_to_it_and_leaves_pooling():
    found = wires(CHAIN, "without conv1")
    assert list(found) == ["data", "pool1", "conv2", "bn2", "scale2", "relu2", "drop2", "fc", "loss"]
    assert found["pool1"] == (["data"], ["pool1"])
    found = wires(CHAIN, "without conv2")
    assert list(found) == ["data", "conv1", "norm1", "relu1", "pool1", "fc", "loss"]
    assert found["fc"] == (["pool1"], ["fc"])


def test_a_layer_without_weights_goes_alone_and_nothing_overwrites_what_others_read():
    found = wires(CHAIN, "without norm1")
    assert found["relu1"] == (["conv1"], ["norm1"]) and found["pool1"][0] == ["norm1"]


def test_a_branch_can_be_shortened():
    found = wires(BLOCK, "without a")
    assert list(found) == ["data", "conv1", "relu1", "b", "sum", "fc", "loss"]
    assert found["b"][0] == ["conv1"] and found["sum"][0] == ["conv1", "b"]
    assert wires(BLOCK, "without b")["sum"][0] == ["conv1", "bn_a"]


def test_sizes_change():
    made = ablated(network_from_text(CHAIN), parse_variant("width conv1=7,conv2=9; kernel conv1=5; stride pool1=1"))
    layers = {layer.name: layer for layer in made.message.layer}
    first, second = (layers[name].convolution_param for name in ("conv1", "conv2"))
    assert (first.num_output, list(first.kernel_size), second.num_output) == (7, [5], 9)
    assert layers["pool1"].pooling_param.stride == 1


@pytest.mark.parametrize(
    ("text", "description", "said"),
    [
        (BLOCK, "without sum", "layer 'sum' (Eltwise) joins 2 blobs"),
        (BLOCK, "width a=5,b=5", "layer 'sum'"),
        (CHAIN, "without data", "gives the data"),
        (CHAIN, "without loss", "is a loss, without which nothing is learned"),
        (CHAIN, "without fc", "2 labels in bottom 'label' of shape (2,) for 32 predictions"),
        (CHAIN, "width fc=6", "would have the shape 2 x 6 rather than 2 x 5"),
        (CHAIN, "width pool1=6", "layer 'pool1' (Pooling) has no width to change"),
        (CHAIN, "stride fc=2", "layer 'fc' (InnerProduct) has no stride to change"),
        (CHAIN, "without conv1; width conv1=3", "is removed and has a new width"),
        (CHAIN, "kernel conv1=40", "conv1"),
        (INPUT + conv("c", "data", 6, more="group: 3") + HEAD % "c", "width c=4", "group"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_one_clear_error(text, description, said):
    found = error(text, description)
    assert said in found and "net.prototxt" in found and "\n" not in found


def test_a_layer_that_is_not_there():
    with pytest.raises(UnknownLayerError, match="no layer 'conv9'"):
        ablated(network_from_text(CHAIN), Variant(("conv9",)))


@pytest.mark.parametrize(
    ("net", "description", "gone"),
    [
        ("bvlc_reference_caffenet", "without conv3,conv4", {"conv3", "relu3", "conv4", "relu4"}),
        ("bvlc_reference_caffenet", "without fc6,fc7", {"fc6", "relu6", "drop6", "fc7", "relu7", "drop7"}),
        ("bvlc_googlenet", "without inception_3a/3x3", {"inception_3a/3x3", "inception_3a/relu_3x3"}),
        ("cifar10_full", "without conv1", {"conv1", "relu1", "norm1"}),
    ],
)
def test_nets_of_the_papers(repository, net, description, gone):
    network = read_network(repository / "prototxt" / net / "train_val.prototxt")
    made = ablated(network, parse_variant(description))
    left = {layer.name for layer in made.message.layer}
    assert {layer.name for layer in network.message.layer} - left == gone
    tops = {top for layer in made.message.layer for top in layer.top}
    assert {bottom for layer in made.message.layer for bottom in layer.bottom} <= tops


@pytest.mark.parametrize(
    ("text", "said"),
    [("conv3", "says no change"), ("without", "says no change"), ("width fc6", "LAYER=NUMBER"),
     ("width fc6=0", "from 1"), ("drop conv3", "words: without, width, kernel, stride")],
)  # fmt: skip
def test_descriptions_that_say_nothing(text, said):
    with pytest.raises(ValueError, match=said):
        parse_variant(text)


def test_words_can_be_read_again():
    variant = parse_variant("without conv3 , conv4;width fc6=2048;stride conv1=2; width fc7=8")
    assert variant.words == "without conv3, conv4; width fc6=2048, fc7=8; stride conv1=2"
    assert parse_variant(variant.words) == variant and parse_variant("original").words == "original"
