"""The analysis net: same numbers, every layer's input and output visible, gradients everywhere."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text, read_network
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.rewrite import analysis_network, find_score
from cnnvis_caffe.runtime.net import Net
from cnnvis_caffe.runtime.rng import set_random_seed

INPUTS = """
layer { name: 'in' type: 'Input' top: 'data' top: 'label'
        input_param { shape { dim: 3 dim: 2 dim: 9 dim: 8 } shape { dim: 3 } } }
"""
CHAIN = """
layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'c'
        convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } } }
layer { name: 'relu' type: 'ReLU' bottom: 'c' top: 'c' relu_param { negative_slope: 0.1 } }
layer { name: 'tanh' type: 'TanH' bottom: 'c' top: 'c' }
layer { name: 'drop' type: 'Dropout' bottom: 'c' top: 'c' }
layer { name: 'pool' type: 'Pooling' bottom: 'c' top: 'p' top: 'where' pooling_param { kernel_size: 2 stride: 2 } }
layer { name: 'quiet' type: 'Silence' bottom: 'where' }
layer { name: 'fc' type: 'InnerProduct' bottom: 'p' top: 'scores'
        inner_product_param { num_output: 5 weight_filler { type: 'xavier' } } }
"""
LOSS = """
layer { name: 'right' type: 'Accuracy' bottom: 'scores' bottom: 'label' top: 'right' include { phase: TEST } }
layer { name: 'wrong' type: 'Power' bottom: 'right' top: 'wrong' power_param { scale: -1 shift: 1 } }
layer { name: 'cost' type: 'SoftmaxWithLoss' bottom: 'scores' bottom: 'label' top: 'l' }
"""


def run(network, inputs):
    set_random_seed(3)
    net = Net(network, schema.TEST)
    for name, values in inputs.items():
        net.blobs[net.blob_names.index(name)].data[...] = values
    net.forward()
    return net


def values(net, name):
    return net.blobs[net.blob_names.index(name)].data


@pytest.fixture
def inputs():
    random = np.random.RandomState(1)
    return {"data": random.randn(3, 2, 9, 8).astype(np.float32), "label": np.array([0, 4, 2], np.float32)}


def test_outputs_stay_and_everything_between_is_visible(inputs):
    original = network_from_text(INPUTS + CHAIN + LOSS)
    rewritten = analysis_network(original)
    before, after = run(original, inputs), run(rewritten, inputs)
    assert after.layer_names == ["in", "conv", "relu", "tanh", "drop", "pool", "fc", "cost"]
    assert [name for name in after.blob_names if "split" not in name] == [
        "data", "label", "conv", "relu", "tanh", "drop", "pool", "pool:where", "fc", "cost",
    ]  # fmt: skip
    assert np.array_equal(values(before, "c"), values(after, "drop"))
    assert np.array_equal(values(before, "scores"), values(after, "fc"))
    assert np.array_equal(values(before, "l"), values(after, "cost"))
    x = values(after, "conv")
    assert (x < 0).any()
    assert np.allclose(values(after, "relu"), np.where(x > 0, x, 0.1 * x))
    assert np.allclose(values(after, "tanh"), np.tanh(values(after, "relu")), atol=1e-6)


def test_gradients_reach_the_input(inputs):
    net = run(analysis_network(network_from_text(INPUTS + CHAIN + LOSS)), inputs)
    net.backward()
    assert all(np.abs(net.blobs[net.blob_names.index(name)].diff).max() > 0 for name in ("data", "conv", "fc"))


def test_a_deploy_net_gets_a_loss_on_its_score(inputs):
    text = INPUTS.replace("top: 'label'", "").replace("shape { dim: 3 } ", "")
    network = network_from_text(text + CHAIN + "layer { name: 'prob' type: 'Softmax' bottom: 'scores' top: 'prob' }")
    rewritten = analysis_network(network)
    net = run(rewritten, inputs)
    assert [net.blob_names[i] for i in net.input_ids] == ["data", "label"]
    assert "prob" in net.blob_names
    probability = values(net, "prob")[range(3), inputs["label"].astype(int)]
    assert values(net, "loss") == pytest.approx(-np.log(probability).mean(), rel=1e-5)
    dag = build_dag(rewritten)
    assert dag.blob_name(find_score(dag)) == "fc"


def test_a_map_of_scores_gets_a_map_of_labels():
    network = network_from_text(
        INPUTS.replace("top: 'label'", "").replace("shape { dim: 3 } ", "")
        + "layer { name: 'prob' type: 'Softmax' bottom: 'data' top: 'prob' softmax_param { axis: 2 } }"
    )
    net = Net(analysis_network(network), schema.TEST, run=False)
    assert net.blobs[net.blob_names.index("label")].shape == (3, 2, 8)


def test_a_loss_that_is_a_sum_becomes_a_mean():
    text = """
    layer { name: "data" type: "Input" top: "data" top: "label"
      input_param { shape { dim: 4 dim: 3 dim: 5 dim: 2 } shape { dim: 4 } } }
    layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss"
      loss_param { %s } }
    """
    for asked, wanted in (("NONE", "BATCH_SIZE"), ("FULL", "FULL"), ("VALID", "VALID")):
        message = analysis_network(network_from_text(text % f"normalization: {asked}")).message
        assert message.layer[-1].loss_param.normalization == getattr(schema.LossParameter, wanted)
    assert not analysis_network(network_from_text(text % "")).message.layer[-1].loss_param.HasField("normalization")


def test_names_that_are_taken():
    text = INPUTS.replace("top: 'label'", "").replace("shape { dim: 3 } ", "")
    text += "layer { name: 'label' type: 'ReLU' bottom: 'data' top: 'data' }"
    text += "layer { name: 'data' type: 'ReLU' bottom: 'data' top: 'data' }"
    text += "layer { name: 'loss' type: 'InnerProduct' bottom: 'data' top: 'x' inner_product_param { num_output: 2 } }"
    net = Net(analysis_network(network_from_text(text)), schema.TEST, run=False)
    assert [name for name in net.blob_names if "split" not in name] == [
        "data", "label_2", "label", "data:data", "loss", "loss_2",
    ]  # fmt: skip


def test_without_any_score_the_caller_has_to_say():
    text = INPUTS.replace("top: 'label'", "").replace("shape { dim: 3 } ", "")
    network = network_from_text(text + "layer { name: 'relu' type: 'ReLU' bottom: 'data' top: 'y' }")
    with pytest.raises(NetError, match="name the layer"):
        analysis_network(network)
    assert analysis_network(network, score="relu").message.layer[-1].type == "SoftmaxWithLoss"


def test_where_caffe_is_wrong_in_place_it_is_said(caplog):
    network = network_from_text(INPUTS + "layer { name: 'n' type: 'LRN' bottom: 'data' top: 'data' }" + CHAIN + LOSS)
    with caplog.at_level(logging.WARNING, "cnnvis_caffe"):
        analysis_network(network)
    assert ["'n'" in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("name", "score"), [("lenet", "ip2"), ("cifar10_full", "ip1"), ("bvlc_googlenet", "loss3/classifier")]
)
def test_the_repository_s_networks(repository, name, score):
    network = read_network(repository / "prototxt" / name / "deploy.prototxt")
    rewritten = analysis_network(network)
    dag = build_dag(rewritten)
    assert dag.blob_name(find_score(dag)) == score
    assert dag.layers[-1].type == "SoftmaxWithLoss"
    assert not any(layer.is_in_place(0) for layer in dag.layers if layer.tops)
    for layer in dag.layers:
        if layer.type == "ReLU":
            assert layer.bottoms[0] != layer.tops[0] == layer.name
    again = analysis_network(rewritten)
    assert again.message == rewritten.message


def test_a_layer_that_nobody_knows_is_named():
    text = INPUTS.replace(" top: 'label'", "").replace("shape { dim: 3 } }", "}") + CHAIN.replace("Pooling", "Odd")
    with pytest.raises(NetError, match=r"score 'fc' is not known: .*'pool' \(Odd\): unknown layer type"):
        analysis_network(network_from_text(text))
