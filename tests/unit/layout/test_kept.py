"""Other connections among clusters that stay: nothing runs over anything, and no cluster moves."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.layout.columns import place
from cnnvis_caffe.layout.crossings import count_crossings, order_columns
from cnnvis_caffe.layout.kept import place_among
from cnnvis_caffe.layout.layers import layered_graph
from cnnvis_caffe.layout.routing import bundle_curves
from tests.unit.layout.overlaps import inside, overlapping, samples
from tests.unit.layout.random_graphs import LENET, NETS, cluster_sizes, random_graph


def kept_places(net):
    graph = random_graph(net, 0)
    order = order_columns(graph, n_sweeps=4)
    heads = [(90.0, 30.0)] * len(net.sizes)
    return graph, place(graph, order, cluster_sizes(net, 0), head_sizes=heads)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("n_bundles", [0, 2, 4, 9])
def test_clusters_stay_and_nothing_overlaps(name, n_bundles):
    before, kept = kept_places(NETS[name])
    graph = random_graph(NETS[name], 7, n_bundles)
    order, places = place_among(graph, before, kept)
    n_clusters = sum(NETS[name].sizes)
    np.testing.assert_array_equal(places.nodes[:n_clusters], kept.nodes[:n_clusters])
    np.testing.assert_array_equal(places.heads, kept.heads)
    assert places.width == kept.width and places.height >= kept.height
    is_bar = np.array([node.kind == "bundle" for node in graph.nodes])
    assert overlapping(np.concatenate([places.nodes[~is_bar], places.heads])) == []
    assert sorted(node for nodes in order for node in nodes) == list(range(len(graph.nodes)))
    for nodes in order:
        assert (np.diff(places.nodes[list(nodes), 1] + places.nodes[list(nodes), 3] / 2) > 0).all()
    for stroke in bundle_curves(graph, places):
        points = samples(stroke.points)
        assert not any(inside(points, rect).any() for rect in places.nodes[:n_clusters])


def test_bars_stand_apart_where_there_is_room():
    before, kept = kept_places(LENET)
    graph = random_graph(LENET, 3, 3)
    _, places = place_among(graph, before, kept, bar_gap=8.0)
    assert overlapping(places.nodes) == []
    bars = [number for number, node in enumerate(graph.nodes) if node.kind == "bundle"]
    assert (places.nodes[bars, 1] >= -1e-9).all()
    assert (places.nodes[bars, 1] + places.nodes[bars, 3] <= kept.height + 1e-9).all()


def test_bars_cross_little():
    before, kept = kept_places(LENET)
    graph = random_graph(LENET, 5)
    order, _ = place_among(graph, before, kept)
    as_given = [sorted(nodes, key=lambda node: kept.nodes[node, 1]) if i % 2 == 0 else nodes
                for i, nodes in enumerate(graph.layers)]  # fmt: skip
    assert count_crossings(graph, order) < count_crossings(graph, as_given)


def test_other_clusters_are_refused():
    before, kept = kept_places(LENET)
    with pytest.raises(ValueError, match="other clusters"):
        place_among(layered_graph([2, 3], [0, 1]), before, kept)
