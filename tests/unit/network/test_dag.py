"""The graph of layers, its costs, and statistics of arrays."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.errors import UnknownBlobError
from cnnvis_caffe.formats.prototxt import network_from_text, read_network
from cnnvis_caffe.network.costs import count_params, memory, multiply_adds
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.names import find_value, value_names
from cnnvis_caffe.network.statistics import statistics

BRANCHES = """
layer { name: 'in' type: 'Input' top: 'data' top: 'label'
        input_param { shape { dim: 2 dim: 4 dim: 6 dim: 5 } shape { dim: 2 } } }
layer { name: 'a' type: 'Convolution' bottom: 'data' top: 'x' param { name: 'w' lr_mult: 3 } param { lr_mult: 0 }
        convolution_param { num_output: 4 kernel_size: 3 group: 2 } }
layer { name: 'relu' type: 'ReLU' bottom: 'x' top: 'x' }
layer { name: 'b' type: 'Convolution' bottom: 'data' top: 'y' param { name: 'w' }
        convolution_param { num_output: 4 kernel_size: 3 group: 2 bias_term: false } }
layer { name: 'sum' type: 'Eltwise' bottom: 'x' bottom: 'y' top: 'sum' }
layer { name: 'fc' type: 'InnerProduct' bottom: 'sum' top: 'fc' inner_product_param { num_output: 3 } loss_weight: 2 }
layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'fc' bottom: 'label' }
"""


@pytest.fixture
def dag():
    return build_dag(network_from_text(BRANCHES))


def test_edges_go_past_splits(dag):
    names = [layer.name for layer in dag.layers]
    assert names == ["in", "a", "relu", "b", "sum", "fc", "loss"]
    assert [(names[i], names[j]) for i, j in dag.edges] == [
        ("in", "a"), ("in", "b"), ("in", "loss"), ("a", "relu"), ("relu", "sum"), ("b", "sum"), ("sum", "fc"),
        ("fc", "loss"),
    ]  # fmt: skip
    assert dag.n_splits == 2
    assert dag.layers[3].bottoms == ("data",)
    assert dag.layers[4].sources == ((2, 0), (3, 0))


def test_tops_inputs_and_outputs(dag):
    assert [dag.blob_name(value) for value in dag.inputs] == ["data", "label"]
    # The weighted fc is an output, behind its Split; what a loss makes by itself is not, as in Caffe.
    assert [dag.blob_name(value) for value in dag.outputs] == ["fc"]
    assert dag.layers[2].is_in_place(0)
    assert not dag.layers[4].is_in_place(0)
    assert dag.layers[5].loss_weights == (2.0,)
    assert dag.layers[6].loss_weights == (1.0,)
    assert dag.shape((4, 0)) == (2, 4, 4, 3)


def test_names(dag):
    names = value_names(dag)
    assert list(names.values()) == ["data", "label", "a", "relu", "b", "sum", "fc", "loss"]
    assert find_value(dag, "a") == (1, 0)
    assert find_value(dag, "x") == (2, 0)  # what the blob holds at the end
    with pytest.raises(UnknownBlobError):
        find_value(dag, "z")


def test_parameters_and_who_owns_them(dag):
    a, b = dag.layers[1].params, dag.layers[3].params
    assert [(p.name, p.shape, p.owner, p.lr_mult) for p in a] == [("w", (4, 2, 3, 3), None, 3), ("", (4,), None, 0)]
    assert [(p.name, p.shape, p.owner, p.lr_mult) for p in b] == [("w", (4, 2, 3, 3), "a", 3)]
    assert count_params(dag) == 72 + 4 + 3 * 48 + 3


def test_costs_of_groups_and_shared_layers(dag):
    assert [multiply_adds(layer) for layer in dag.layers] == [0, 2 * 48 * 18, 0, 2 * 48 * 18, 0, 2 * 48 * 3, 0]


def test_memory_counts_what_shares_memory_once(dag):
    size = memory(dag)
    data, label, map_, fc, loss = 2 * 120, 2, 2 * 48, 2 * 3, 1
    blobs = data + label + 3 * map_ + fc + loss
    assert size.blobs == 4 * blobs
    # data goes to two layers, each with a gradient of its own.
    assert size.forward_backward == 4 * (2 * count_params(dag) + 2 * blobs + 2 * data)


@pytest.mark.parametrize(
    ("layer", "shape", "wanted"),
    [
        # Every input value meets out/group x kernel weights.
        ("Deconvolution' convolution_param { num_output: 6 group: 2 kernel_size: 4 stride: 2 }", (2, 4, 3, 5),
         2 * 4 * 15 * 3 * 16),
        ("InnerProduct' inner_product_param { num_output: 6 axis: 2 }", (2, 4, 3, 5), 2 * 4 * 6 * 15),
        ("Scale' scale_param { bias_term: true }", (2, 4, 3, 5), 120),
        ("Pooling' pooling_param { kernel_size: 2 }", (2, 4, 3, 5), 0),
    ],
)  # fmt: skip
def test_costs_of_other_layers(layer, shape, wanted):
    dims = " ".join(f"dim: {length}" for length in shape)
    text = f"layer {{ name: 'x' type: 'Input' top: 'x' input_param {{ shape {{ {dims} }} }} }}"
    dag = build_dag(network_from_text(text + f"layer {{ name: 'l' bottom: 'x' top: 'l' type: '{layer} }}"))
    assert multiply_adds(dag.layers[1]) == wanted


@pytest.mark.parametrize(
    ("kind", "static", "wanted"),
    [
        ("LSTM", False, 3 * 2 * (20 * 4 + 20 * 5)),
        ("LSTM", True, 3 * 2 * (20 * 4 + 20 * 5) + 2 * 20 * 7),
        ("RNN", False, 3 * 2 * (5 * 4 + 5 * 5 + 5 * 5)),
    ],
)
def test_costs_of_recurrent_layers(kind, static, wanted):
    text = "layer { name: 'in' type: 'Input' top: 'x' top: 'cont' top: 's' input_param { "
    text += "shape { dim: 3 dim: 2 dim: 4 } shape { dim: 3 dim: 2 } shape { dim: 2 dim: 7 } } }"
    bottoms = "bottom: 'x' bottom: 'cont'" + (" bottom: 's'" if static else "")
    text += f"layer {{ name: 'l' type: '{kind}' {bottoms} top: 'y' recurrent_param {{ num_output: 5 }} }}"
    assert multiply_adds(build_dag(network_from_text(text)).layers[1]) == wanted


def test_googlenet_has_caffe_s_layers_and_splits(repository):
    dag = build_dag(read_network(repository / "prototxt/bvlc_googlenet/deploy.prototxt"))
    assert (len(dag.layers), dag.n_splits) == (143, 9)
    assert dag.problems == ()


def test_phases_and_stages(repository):
    path = repository / "prototxt/mnist_autoencoder/train_val.prototxt"
    train = build_dag(read_network(path), "TRAIN", input_shapes={"data": (1, 1, 28, 28)})
    assert train.layers[0].type == "Data"
    both = build_dag(read_network(path), "TEST", 0, ["test-on-test"], input_shapes={"data": (1, 1, 28, 28)})
    assert count_params(train) == count_params(both) == 2_837_314


def test_statistics_of_pieces_are_those_of_the_whole():
    random = np.random.RandomState(0)
    array = (random.randn(3, 300_000) + 1000).astype(np.float32)
    array[0, :7] = 0
    array[1, 5] = np.nan
    array[2, :2] = np.inf
    found = statistics(array)
    finite = array[np.isfinite(array)].astype(np.float64)
    assert found.mean == pytest.approx(finite.mean(), rel=1e-12)
    assert found.std == pytest.approx(finite.std(), rel=1e-9)
    assert (found.minimum, found.maximum) == (0, finite.max())
    assert (found.count, found.n_zero, found.n_nan, found.n_infinite) == (900_000, 7, 1, 2)


def test_statistics_of_nothing():
    found = statistics(np.array([np.nan, np.inf], np.float32))
    assert (found.count, found.mean, found.minimum, found.n_nan, found.n_infinite) == (2, None, None, 1, 1)
    assert statistics(np.zeros(0, np.float32)).count == 0
