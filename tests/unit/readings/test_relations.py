"""Relations against a slow oracle that walks each path by itself."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.aggregation.columns import arrange
from cnnvis_caffe.aggregation.groups import layer_groups
from cnnvis_caffe.readings.graph import Graph
from cnnvis_caffe.readings.relations import (
    quantities_from,
    quantity,
    relation,
    step_quantity,
    targets_of,
)
from cnnvis_caffe.records.analysis import Connections, Node
from tests.helpers.analyses import make_analysis, with_snapshot


def matrix_of(analysis, snapshot, node, source):
    """What one node makes of one source, dense: (n, n_source)."""
    known = {n.name: n for n in analysis.nodes}
    n_source = known[source].n_neurons
    result = np.zeros((node.n_neurons, n_source))
    if node.kind == "weights":
        return snapshot.connections[node.name].weight.astype(np.float64)
    if node.kind == "concat":
        row = 0
        for name in node.sources:
            if name == source:
                result[row + np.arange(n_source), np.arange(n_source)] += 1
            row += known[name].n_neurons
    elif node.kind == "sum":
        for name, coefficient in zip(node.sources, node.coefficients):
            if name == source:
                result += coefficient * np.eye(n_source)
    elif node.kind == "slice":
        result = np.eye(n_source)[node.offset : node.offset + node.n_neurons]
    elif node.kind == "repeat":
        result = np.repeat(np.eye(n_source), node.factor, axis=0)
    elif node.kind == "scale":
        result = np.diag(snapshot.scale[node.name].astype(np.float64))
    elif node.kind == "identity":
        result = np.eye(n_source)
    return result


def paths(analysis, source, target, stops):
    """All paths from source to target through none of the stops, as lists of nodes after the source."""
    known = {n.name: n for n in analysis.nodes}
    if target == source:
        yield []
        return
    node = known[target]
    if node.kind in ("other", "input"):
        return
    for before in dict.fromkeys(node.sources):
        if before in known and (before == source or before not in stops):
            for path in paths(analysis, source, before, stops):
                yield [*path, (node, before)]


def oracle(analysis, number, source, target, stops, kind=None):
    """Sum over paths of products; with a kind the average of the steps' quantity."""
    snapshot = analysis.snapshots[number]
    before = analysis.snapshots[number - 1] if number else None
    n_source, n_target = (analysis.node(name).n_neurons for name in (source, target))
    signed, total, weight = (np.zeros((n_target, n_source)) for _ in range(3))
    longest = 0
    for path in paths(analysis, source, target, stops):
        product, size = np.eye(n_source), np.eye(n_source)
        # With one step's weights times its quantity in place of the weights, for each step.
        marked: list[np.ndarray] = []
        for node, bottom in path:
            matrix = matrix_of(analysis, snapshot, node, bottom)
            product = matrix @ product
            marked = [np.abs(matrix) @ m for m in marked]
            if node.kind == "weights" and kind:
                steps = step_quantity(snapshot, before, node.name, kind).astype(np.float64)
                marked.append((np.abs(matrix) * steps) @ size)
            size = np.abs(matrix) @ size
        signed += product
        n_steps = sum(node.kind == "weights" for node, _ in path)
        longest = max(longest, n_steps)
        total += sum(marked, np.zeros_like(total))
        weight += n_steps * size
    if kind:
        return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan)
    return signed, longest


@pytest.mark.parametrize("expanded", [False, True])
@pytest.mark.parametrize("kind", ["lenet", "inception", "residual"])
def test_relations_and_quantities_equal_the_oracle(kind, expanded):
    analysis = make_analysis(kind, seed=3, n_snapshots=2)
    groups = layer_groups(analysis)
    groups = layer_groups(analysis, [group.name for group in groups] if expanded else [])
    layout = arrange(Graph(analysis.nodes), groups)
    shown = [place.node for place in layout.places]
    assert len(layout.steps) >= len(shown) - 1
    for source, target, barrier in layout.steps:
        assert not barrier
        found = relation(analysis, 1, source, target, shown)
        wanted, n_steps = oracle(analysis, 1, source, target, shown)
        assert np.abs(wanted).max() > 0
        np.testing.assert_allclose(found.matrix, wanted, rtol=1e-4, atol=1e-5)
        assert found.matrix.shape == (analysis.node(target).n_neurons, analysis.node(source).n_neurons)
        assert found.n_steps == n_steps
        for what in ("gradient", "relative_change"):
            values = quantity(analysis, 1, source, target, what, shown).matrix
            np.testing.assert_allclose(values, oracle(analysis, 1, source, target, shown, what), rtol=1e-4, atol=1e-6)


def small_net(random):
    """Slice, scale, sums with coefficients, concat of the same thing twice, and a barrier."""
    nodes = (
        Node("data", "data", "Input", "input", (), 6, (5, 5), role="input"),
        Node("conv", "conv", "Convolution", "weights", ("data",), 8, (5, 5), role="weights", owner="conv"),
        Node("s:a", "s", "Slice", "slice", ("conv",), 3, (5, 5), offset=0),
        Node("s:b", "s", "Slice", "slice", ("conv",), 5, (5, 5), offset=3),
        Node("scale", "scale", "Scale", "scale", ("s:b",), 5, (5, 5)),
        Node("sum", "sum", "Eltwise", "sum", ("s:b", "scale"), 5, (5, 5), coefficients=(2.0, -0.5)),
        Node("cat", "cat", "Concat", "concat", ("s:a", "sum", "s:a"), 11, (5, 5), role="merge"),
        Node("cut", "cut", "Slice", "slice", ("cat",), 7, (5, 5), offset=2),
        Node("conv2", "conv2", "Convolution", "weights", ("cut",), 4, (5, 5), role="weights", owner="conv2"),
        Node("softmax", "softmax", "Softmax", "other", ("conv2",), 4, (5, 5)),
        Node("conv3", "conv3", "Convolution", "weights", ("softmax",), 2, (5, 5), role="weights", owner="conv3"),
    )

    def connections(*shape):
        weight = random.normal(size=shape).astype(np.float32)
        return Connections(weight, np.abs(weight), weight, np.abs(weight))

    made = {"conv": connections(8, 6), "conv2": connections(4, 7), "conv3": connections(2, 4)}
    analysis = make_analysis("lenet")
    analysis = with_snapshot(analysis, connections=made, scale={"scale": random.uniform(-2, 2, 5).astype(np.float32)})
    return type(analysis)(**{**vars(analysis), "nodes": nodes})


def test_all_kinds_of_nodes_equal_the_oracle():
    analysis = small_net(np.random.default_rng(0))
    for source in ("data", "conv"):
        for target in ("s:b", "scale", "sum", "cat", "cut", "conv2"):
            found = relation(analysis, 0, source, target)
            wanted, n_steps = oracle(analysis, 0, source, target, {target})
            np.testing.assert_allclose(found.matrix, wanted, rtol=1e-5, atol=1e-6)
            assert found.n_steps == n_steps
    values = quantity(analysis, 0, "data", "conv2", "gradient").matrix
    np.testing.assert_allclose(values, oracle(analysis, 0, "data", "conv2", {"conv2"}, "gradient"), rtol=1e-4)


def test_nothing_goes_through_other_layers_and_it_is_known_why():
    analysis = small_net(np.random.default_rng(0))
    assert relation(analysis, 0, "conv2", "conv3") is None
    assert targets_of(Graph(analysis.nodes), "conv2", {"conv3"}) == {"conv3": "softmax"}
    assert targets_of(Graph(analysis.nodes), "data", {"conv2", "conv3"}) == {"conv2": ""}


def test_paths_do_not_lead_through_other_columns():
    analysis = make_analysis("inception")
    assert relation(analysis, 0, "data", "inception_3a/output", ["relu1"]) is None
    whole = relation(analysis, 0, "relu1", "inception_3a/output").matrix
    without = relation(analysis, 0, "relu1", "inception_3a/output", ["inception_3a/relu_3x3"]).matrix
    rows = slice(16, 16 + 24)
    assert np.abs(whole[rows]).max() > 0
    assert not without[rows].any()
    np.testing.assert_array_equal(np.delete(without, np.r_[rows], 0), np.delete(whole, np.r_[rows], 0))


@pytest.mark.parametrize("n_from", [6, 24], ids=["by channel", "by position"])
def test_a_flatten_changes_nothing_of_the_mean_over_positions(n_from):
    random = np.random.default_rng(1)
    weight = random.normal(size=(3, n_from)).astype(np.float32)
    nodes = (
        Node("data", "data", "Input", "input", (), 6, (2, 2), role="input"),
        Node("flat", "flat", "Flatten", "repeat", ("data",), 24, (), factor=4),
        Node("ip", "ip", "InnerProduct", "weights", ("flat",), 3, (), role="weights", owner="ip"),
    )
    analysis = with_snapshot(make_analysis("lenet"), connections={"ip": Connections(weight, np.abs(weight))})
    analysis = type(analysis)(**{**vars(analysis), "nodes": nodes})
    wanted = weight if n_from == 6 else weight.reshape(3, 6, 4).mean(2)
    np.testing.assert_allclose(relation(analysis, 0, "data", "ip").matrix, wanted, rtol=1e-6)
    copies = relation(analysis, 0, "data", "flat").matrix
    np.testing.assert_array_equal(copies, np.repeat(np.eye(6), 4, axis=0))


def test_what_is_not_known_is_none():
    analysis = make_analysis("lenet")
    assert quantity(analysis, 0, "conv1", "conv2", "relative_change") is None
    bare = {k: Connections(c.weight, c.abs_weight) for k, c in analysis.snapshots[0].connections.items()}
    bare = with_snapshot(analysis, connections=bare)
    assert quantity(bare, 0, "conv1", "conv2", "gradient") is None
    with pytest.raises(ValueError, match="gradient or relative_change"):
        quantity(analysis, 0, "conv1", "conv2", "weight")


def test_relative_change_of_a_connection_by_hand():
    analysis = make_analysis("lenet", n_snapshots=2)
    a, b = (snapshot.connections["conv2"].weight for snapshot in analysis.snapshots)
    wanted = abs(float(b[3, 5]) - float(a[3, 5])) / (abs(float(a[3, 5])) + np.abs(a).mean())
    assert quantity(analysis, 1, "conv1", "conv2", "relative_change").matrix[3, 5] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("kind", ["lenet", "inception", "residual"])
@pytest.mark.parametrize("what", ["gradient", "relative_change"])
def test_quantities_of_clusters_are_sums_over_their_neurons(kind, what):
    analysis = make_analysis(kind, seed=3, n_snapshots=2)
    graph = Graph(analysis.nodes)
    layout = arrange(graph, layer_groups(analysis))
    shown = [place.node for place in layout.places]
    before, now = analysis.snapshots
    for source in shown[:-1]:
        labels = np.arange(graph.nodes[source].n_neurons) % 3
        members = np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]
        single = quantities_from(graph, now, before, source, shown, what)
        summed = quantities_from(graph, now, before, source, shown, what, members)
        assert single.keys() == summed.keys() and summed
        for target, found in summed.items():
            assert found.total.any() and found.weight.any()
            np.testing.assert_allclose(found.total, single[target].total @ members, rtol=1e-4)
            np.testing.assert_allclose(found.weight, single[target].weight @ members, rtol=1e-4)
