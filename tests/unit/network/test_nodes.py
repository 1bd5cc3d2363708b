"""Nodes of the analysis net: kinds, owners, roles, and which of them have neurons."""

from __future__ import annotations

import logging

import pytest

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats.prototxt import network_from_text, read_network
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.nodes import analysis_nodes
from cnnvis_caffe.network.rewrite import analysis_network

INPUT = "layer { name: 'in' type: 'Input' top: 'data' input_param { shape { dim: 2 dim: 6 dim: 9 dim: 8 } } }"
SCORE = "layer { name: 'fc' type: 'InnerProduct' bottom: '%s' top: 'fc' inner_product_param { num_output: 4 } }"


def nodes_of(network):
    analysed = analysis_network(network)
    return {node.name: node for node in analysis_nodes(build_dag(analysed), analysed)}


def nodes_from(text):
    return nodes_of(network_from_text(text))


def one(kind, extra="", bottoms=("data",), before="", tops=("x",)):
    """The node of a layer between the input and a score."""
    wires = " ".join([*(f"bottom: '{b}'" for b in bottoms), *(f"top: '{t}'" for t in tops)])
    return nodes_from(f"{INPUT}{before} layer {{ name: 'x' type: '{kind}' {wires} {extra} }}" + SCORE % tops[0])["x"]


def test_lenet(repository):
    found = nodes_of(read_network(repository / "prototxt/lenet/deploy.prototxt"))
    assert list(found) == [
        "data", "label", "conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2", "prob", "loss"
    ]  # fmt: skip
    conv2 = found["conv2"]
    assert (conv2.kind, conv2.role, conv2.owner, conv2.sources) == ("weights", "weights", "conv2", ("pool1",))
    assert (conv2.n_neurons, conv2.positions, conv2.field_px) == (50, (8, 8), (14, 14))
    assert conv2.settings == "50 of 5x5"
    assert (found["pool2"].kind, found["pool2"].role, found["pool2"].owner) == ("identity", "pooling", "conv2")
    assert (found["relu1"].kind, found["relu1"].role, found["relu1"].sources) == ("identity", "rectifier", ("ip1",))
    assert (found["data"].kind, found["data"].role, found["data"].n_neurons) == ("input", "input", 1)
    assert found["prob"].kind == "other"
    assert found["label"].n_neurons == found["loss"].n_neurons == 0


def test_what_has_no_neurons_is_named_in_the_log(repository, caplog):
    with caplog.at_level(logging.INFO, "cnnvis_caffe.network.nodes"):
        nodes_of(read_network(repository / "prototxt/lenet/deploy.prototxt"))
    assert [record.getMessage().split(" ")[0] for record in caplog.records] == ["label", "loss"]


def test_googlenet_s_concats_have_several_owners(repository):
    found = nodes_of(read_network(repository / "prototxt/bvlc_googlenet/deploy.prototxt"))
    joined = found["inception_3a/output"]
    assert (joined.kind, joined.role, joined.owner, joined.n_neurons) == ("concat", "merge", "", 256)
    assert joined.sources == (
        "inception_3a/relu_1x1", "inception_3a/relu_3x3", "inception_3a/relu_5x5", "inception_3a/relu_pool_proj"
    )  # fmt: skip
    assert found["pool5/7x7_s1"].positions == (1, 1)


@pytest.mark.parametrize(
    ("kind", "extra", "expected"),
    [
        ("Flatten", "", {"kind": "repeat", "factor": 72, "n_neurons": 432, "positions": ()}),
        ("Flatten", "flatten_param { axis: 2 }", {"kind": "identity", "n_neurons": 6, "positions": (72,)}),
        ("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }", {"kind": "repeat", "factor": 72}),
        ("Reshape", "reshape_param { shape { dim: 0 dim: 0 dim: -1 } }", {"kind": "identity"}),
        ("Reshape", "reshape_param { shape { dim: 0 dim: 12 dim: -1 } }", {"kind": "other", "n_neurons": 12}),
        ("Reshape", "reshape_param { shape { dim: 4 dim: -1 } }", {"kind": "other", "n_neurons": 0}),
        ("Power", "power_param { scale: -2 shift: 1 }", {"kind": "sum", "coefficients": (-2.0,)}),
        ("Power", "power_param { power: 2 }", {"kind": "identity", "role": "activation"}),
        ("Scale", "", {"kind": "scale", "role": "normalization"}),
        ("Scale", "scale_param { axis: 2 num_axes: 1 }", {"kind": "other"}),
        ("BatchNorm", "batch_norm_param { eps: 0.25 }", {"kind": "scale", "epsilon": 0.25}),
        ("BatchNorm", "batch_norm_param { use_global_stats: false }", {"kind": "identity"}),
        ("ReLU", "relu_param { negative_slope: 0.5 }", {"negative_slope": 0.5, "role": "rectifier"}),
        ("Pooling", "pooling_param { global_pooling: true }", {"kind": "identity", "positions": (1, 1)}),
        ("SPP", "spp_param { pyramid_height: 2 }", {"kind": "other", "role": "pooling", "n_neurons": 30}),
        ("Softmax", "", {"kind": "other"}),
        ("LRN", "", {"kind": "identity", "role": "normalization"}),
        ("Tile", "tile_param { axis: 1 tiles: 2 }", {"kind": "other", "n_neurons": 12}),
        ("Tile", "tile_param { axis: 2 tiles: 2 }", {"kind": "identity"}),
        ("Im2col", "convolution_param { kernel_size: 3 }", {"kind": "other", "n_neurons": 54}),
        ("InnerProduct", "inner_product_param { num_output: 3 transpose: true }", {"transposed": True, "owner": "x"}),
        (
            "InnerProduct",
            "inner_product_param { num_output: 3 axis: 2 }",
            {"kind": "other", "role": "other", "n_neurons": 6, "owner": ""},
        ),
        (
            "Deconvolution",
            "convolution_param { num_output: 4 kernel_size: 3 group: 2 }",
            {"kind": "weights", "transposed": True, "n_neurons": 4},
        ),
    ],
)
def test_single_layers(kind, extra, expected):
    node = one(kind, extra)
    assert {name: getattr(node, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "extra", "expected"),
    [
        ("Eltwise", "", {"kind": "sum", "coefficients": (1.0, 1.0), "role": "merge"}),
        ("Eltwise", "eltwise_param { coeff: 1 coeff: -0.5 }", {"kind": "sum", "coefficients": (1.0, -0.5)}),
        ("Eltwise", "eltwise_param { operation: PROD }", {"kind": "other"}),
        ("Eltwise", "eltwise_param { operation: MAX }", {"kind": "other"}),
        ("Concat", "", {"kind": "concat", "n_neurons": 12}),
        ("Concat", "concat_param { axis: 2 }", {"kind": "other", "n_neurons": 6}),
        ("Crop", "crop_param { offset: 0 }", {"kind": "identity", "sources": ("data",)}),
        ("Crop", "crop_param { axis: 1 offset: 0 }", {"kind": "slice", "offset": 0, "sources": ("data",)}),
        ("Scale", "scale_param { axis: 0 }", {"kind": "other", "sources": ("data", "act")}),
    ],
)
def test_layers_of_two_bottoms(kind, extra, expected):
    before = "layer { name: 'act' type: 'TanH' bottom: 'data' top: 'act' }"
    node = one(kind, extra, ("data", "act"), before)
    assert {name: getattr(node, name) for name in expected} == expected


def test_slices_begin_where_the_last_one_ended():
    cut = "layer { name: 'cut' type: 'Slice' bottom: 'data' top: 'a' top: 'b' slice_param { slice_point: 2 } }"
    rest = "layer { name: 'quiet' type: 'ReLU' bottom: 'a' top: 'c' }"
    found = nodes_from(INPUT + cut + rest + SCORE % "b")
    assert (found["cut"].offset, found["cut"].n_neurons) == (0, 2)
    assert (found["cut:b"].offset, found["cut:b"].n_neurons, found["cut:b"].kind) == (2, 4, "slice")
    along = cut.replace("slice_point: 2", "axis: 3 slice_point: 2")
    assert nodes_from(INPUT + along + rest + SCORE % "b")["cut:b"].kind == "identity"


def test_an_owner_goes_on_through_branches_that_it_alone_feeds():
    text = INPUT + """
    layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'c'
            convolution_param { num_output: 6 kernel_size: 1 } }
    layer { name: 'a' type: 'ReLU' bottom: 'c' top: 'a' }
    layer { name: 'b' type: 'TanH' bottom: 'c' top: 'b' }
    layer { name: 'both' type: 'Eltwise' bottom: 'a' bottom: 'b' top: 'both' }
    layer { name: 'with' type: 'Eltwise' bottom: 'both' bottom: 'data' top: 'with' }
    """  # fmt: skip
    found = nodes_from(text + SCORE % "with")
    assert found["both"].owner == "conv"
    assert found["with"].owner == ""


def test_recurrent_layers_have_no_neurons_nor_what_is_shaped_for_them():
    text = """
    layer { name: 'in' type: 'Input' top: 'words' top: 'cont'
            input_param { shape { dim: 7 dim: 2 } shape { dim: 7 dim: 2 } } }
    layer { name: 'embed' type: 'Embed' bottom: 'words' top: 'e' embed_param { input_dim: 9 num_output: 5 } }
    layer { name: 'drop' type: 'Dropout' bottom: 'e' top: 'd' }
    layer { name: 'lstm' type: 'LSTM' bottom: 'd' bottom: 'cont' top: 'h' recurrent_param { num_output: 4 } }
    layer { name: 'act' type: 'ReLU' bottom: 'h' top: 'act' }
    layer { name: 'fc' type: 'InnerProduct' bottom: 'act' top: 'fc' inner_product_param { num_output: 3 axis: 2 } }
    layer { name: 'prob' type: 'Softmax' bottom: 'fc' top: 'prob' softmax_param { axis: 2 } }
    """
    found = nodes_from(text)
    assert {name for name, node in found.items() if node.n_neurons} == set()


def test_the_graph_must_be_that_of_the_network(repository):
    lenet = analysis_network(read_network(repository / "prototxt/lenet/deploy.prototxt"))
    other = analysis_network(read_network(repository / "prototxt/cifar10_quick/deploy.prototxt"))
    with pytest.raises(NetError, match="not that of this network"):
        analysis_nodes(build_dag(lenet), other)
