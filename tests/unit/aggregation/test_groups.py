"""Layer groups: runs up to a pooling, inner products alone, regions with branches as units."""

from __future__ import annotations

import pytest

from cnnvis_caffe.aggregation.columns import arrange
from cnnvis_caffe.aggregation.groups import find_groups, layer_groups
from cnnvis_caffe.readings.graph import Graph
from cnnvis_caffe.records.analysis import Node
from tests.helpers.analyses import NodeList, make_analysis, make_nodes


def groups_of(nodes):
    return find_groups(nodes, [node.name for node in nodes if node.n_neurons])


def summary(nodes):
    return [(group.name, group.kind, group.representative) for group in groups_of(nodes)]


def with_end(net: NodeList):
    net.end()
    return tuple(net.nodes)


def test_lenet():
    assert summary(make_nodes("lenet")) == [
        ("data", "input", "data"),
        ("conv1", "chain", "conv1"),
        ("conv2", "chain", "conv2"),
        ("ip1", "inner_product", "relu1"),
        ("ip2", "inner_product", "ip2"),
    ]
    groups = groups_of(make_nodes("lenet"))
    assert groups[1].nodes == ("conv1", "pool1")
    assert groups[1].candidates == ("conv1", "pool1")


def test_layers_join_until_a_pooling_and_what_follows_it_still_belongs():
    net = NodeList(3, 16)
    net.conv("conv1", 4)
    net.pool("pool1")
    net.norm("norm1")
    net.conv("conv2", 5)
    net.conv("conv3", 6)
    net.pool("pool3")
    net.ip("fc4", 7, "relu4")
    net.ip("fc5", 8)
    groups = groups_of(with_end(net))
    assert [group.nodes for group in groups] == [
        ("data",),
        ("conv1", "relu1", "pool1", "norm1"),
        ("conv2", "relu2", "conv3", "relu3", "pool3"),
        ("fc4", "relu4"),
        ("fc5",),
    ]
    # Where normalisation follows, still the activation.
    assert groups[1].representative == "relu1"
    assert groups[2].representative == "relu3"
    assert groups[2].columns == ("relu2", "relu3")


def test_without_an_activation_the_last_layer_with_weights_stands_for_the_group():
    net = NodeList(3, 16)
    net.conv("conv1", 4, relu=None)
    net.conv("conv2", 5, relu=None)
    net.scale("bn2", "BatchNorm")
    (_, group) = groups_of(with_end(net))
    assert group.representative == "conv2"
    assert group.columns == ("conv1", "conv2")


def test_preprocessing_belongs_to_the_input():
    net = NodeList(3, 16)
    net.scale("bn0", "BatchNorm")
    net.conv("conv1", 4)
    assert summary(with_end(net)) == [("data", "input", "data"), ("conv1", "chain", "relu1")]


def test_inception_modules_are_one_group_each():
    groups = groups_of(make_nodes("googlenet"))
    assert [group.name for group in groups] == [
        "data",
        "conv1/7x7_s2",
        "conv2/3x3_reduce",
        *(f"inception_{module}" for module in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")),
        "loss3/classifier",
    ]
    module = groups[4]
    assert (module.kind, module.representative) == ("region", "inception_3b/output")
    assert module.nodes[-1] == "pool3/3x3_s2"
    assert module.columns == (
        "inception_3b/relu_1x1",
        "inception_3b/relu_3x3_reduce",
        "inception_3b/relu_3x3",
        "inception_3b/relu_5x5_reduce",
        "inception_3b/relu_5x5",
        "inception_3b/relu_pool_proj",
        "inception_3b/output",
    )


def test_residual_blocks_are_one_group_each():
    groups = groups_of(make_nodes("residual"))
    assert [(group.name, group.kind, group.representative) for group in groups] == [
        ("data", "input", "data"),
        ("conv1", "chain", "relu1"),
        ("res2a", "region", "res2a_relu"),
        ("res3a", "region", "res3a_relu"),
        ("fc", "inner_product", "fc"),
    ]
    assert groups[3].columns == ("res3a_branch1", "res3a_branch2a_relu", "res3a_branch2b", "res3a_relu")


def test_a_block_without_an_activation_after_the_sum_is_shown_by_the_sum():
    net = NodeList(3, 16)
    net.conv("conv1", 4)
    net.conv("a_1", 4, relu=None)
    net.add("a_sum", ("relu1", "a_1"))
    net.pool("pool")
    net.ip("fc", 5)
    group = groups_of(with_end(net))[2]
    assert (group.name, group.kind, group.representative) == ("a", "region", "a_sum")
    assert group.nodes == ("a_1", "a_sum", "pool")


def test_an_auxiliary_classifier_does_not_break_its_module():
    net = NodeList(3, 32)
    net.conv("conv1", 8)
    net.pool("pool1")
    net.inception("inception_4a", (4, 3, 6, 2, 5, 7))
    net.pool("loss1/pool", 3, "inception_4a/output")
    net.conv("loss1/conv", 9, 1, "loss1/pool", "loss1/relu_conv")
    net.ip("loss1/classifier", 10)
    net.end("loss1/loss")
    net.at = "inception_4a/output"
    net.inception("inception_4b", (5, 4, 7, 3, 6, 8))
    net.pool("pool4")
    net.ip("loss3/classifier", 10)
    net.end("loss3/loss")
    groups = groups_of(tuple(net.nodes))
    assert [group.name for group in groups] == [
        "data",
        "conv1",
        "inception_4a",
        "loss1/conv",
        "loss1/classifier",
        "inception_4b",
        "loss3/classifier",
    ]
    places = {place.node: place for place in arrange(Graph(tuple(net.nodes)), groups).places}
    # The way to the score is the first lane, the head goes beside it.
    assert places["inception_4b/output"].lane == 0
    assert places["loss1/relu_conv"].lane == places["loss1/classifier"].lane == 1
    assert places["loss1/relu_conv"].depth == places["inception_4b/output"].depth


def test_regions_within_each_other_are_one_unit():
    net = NodeList(3, 32)
    net.conv("conv1", 8)
    net.pool("pool1")
    net.conv("conv2", 8)
    net.pool("pool2")
    net.conv("conv3", 8)
    net.pool("pool3")
    start = net.at
    a = net.conv("m/a", 4, 1, start, "m/a_relu")
    fork = net.conv("m/b", 5, 1, start, "m/b_relu")
    b1 = net.conv("m/b1", 3, 3, fork, "m/b1_relu")
    b2 = net.conv("m/b2", 3, 3, fork, "m/b2_relu")
    b = net.concat("m/b_out", (b1, b2))
    net.concat("m/out", (a, b))
    net.pool("pool4")
    net.ip("fc1", 9)
    net.ip("fc2", 9)
    groups = groups_of(with_end(net))
    assert [group.name for group in groups] == ["data", "conv1", "conv2", "conv3", "m", "fc1", "fc2"]
    assert groups[4].representative == "m/out"


def test_a_region_that_is_most_of_the_network_is_none_when_it_holds_others():
    net = NodeList(3, 32)
    start = net.conv("conv1", 8)
    for name in ("a", "b", "c"):
        net.block(name, 8, True)
    net.add("long", (start, net.at))
    net.ip("fc", 5)
    assert [group.name for group in groups_of(with_end(net))] == ["data", "conv1", "a", "b", "c", "long", "fc"]


def test_two_towers_that_only_meet_in_the_loss():
    data = Node("pair", "pair", "Input", "input", (), 2, (28, 28), role="input")
    nodes = [data]
    for number, suffix in enumerate(("", "_p")):
        part, conv, feat = f"slice:{suffix}", f"conv1{suffix}", f"feat{suffix}"
        nodes += [
            Node(part, "slice", "Slice", "slice", ("pair",), 1, (28, 28), offset=number),
            Node(conv, conv, "Convolution", "weights", (part,), 5, (24, 24), role="weights", owner=conv),
            Node(feat, feat, "InnerProduct", "weights", (conv,), 2, (), role="weights", owner=feat),
        ]
    nodes.append(Node("loss", "loss", "ContrastiveLoss", "other", ("feat", "feat_p", "sim"), 0))
    groups = groups_of(tuple(nodes))
    assert [group.name for group in groups] == ["pair", "conv1", "feat", "conv1_p", "feat_p"]
    depth_lane = {p.node: (p.depth, p.lane) for p in arrange(Graph(tuple(nodes)), groups).places}
    assert sorted(depth_lane.values()) == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)]


@pytest.mark.parametrize("kind", ["lenet", "deep", "inception", "residual", "googlenet"])
def test_every_shown_node_is_in_one_group_and_judges_in_none(kind):
    analysis = make_analysis(kind)
    groups = layer_groups(analysis)
    nodes = [name for group in groups for name in group.nodes]
    assert sorted(nodes) == sorted(node.name for node in analysis.nodes if node.type != "SoftmaxWithLoss")
    for group in groups:
        assert group.representative in group.candidates
        assert set(group.columns) <= set(group.candidates) <= set(group.nodes)


def test_choices_of_the_user():
    analysis = make_analysis("deep")
    groups = layer_groups(analysis, ["conv2_1"], [("conv1_1", "pool1"), ("conv3_1", "no such"), ("no such", "x")])
    by_name = {group.name: group for group in groups}
    assert by_name["conv2_1"].is_expanded and not by_name["conv1_1"].is_expanded
    assert by_name["conv1_1"].representative == "pool1"
    assert by_name["conv3_1"].representative == "relu3_3"


def test_titles_depths_and_lanes_of_an_expanded_module():
    analysis = make_analysis("inception")
    layout = arrange(Graph(analysis.nodes), layer_groups(analysis, ["inception_3a"]))
    places = [(place.depth, place.lane, place.title) for place in layout.places]
    assert places == [
        (0, 0, "data"),
        (1, 0, "conv1 + relu1"),
        (2, 0, "inception_3a/1x1 + relu_1x1"),
        (2, 1, "inception_3a/3x3_reduce + relu_3x3_reduce"),
        (2, 2, "inception_3a/5x5_reduce + relu_5x5_reduce"),
        (2, 3, "inception_3a/pool_proj + relu_pool_proj"),
        (3, 1, "inception_3a/3x3 + relu_3x3"),
        (3, 2, "inception_3a/5x5 + relu_5x5"),
        (4, 0, "inception_3a/output"),
        (5, 0, "inception_3b"),
        (6, 0, "classifier"),
    ]
