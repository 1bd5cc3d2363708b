"""Crossings are counted as by looking at every pair, and are never more than by the barycentre rule."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cnnvis_caffe.layout.crossings import barycentre_order, count_crossings, order_columns
from cnnvis_caffe.layout.layers import EdgeBundle, Link, layered_graph, ranks
from tests.unit.layout.random_graphs import INCEPTION, NETS, googlenet_like, random_graph


def crossings_by_pairs(graph, order):
    places = ranks(order, len(graph.nodes))
    return sum(
        graph.nodes[a].layer == graph.nodes[c].layer and (places[a] - places[c]) * (places[b] - places[d]) < 0
        for (a, b, _), (c, d, _) in combinations(graph.edges, 2)
    )


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("seed", range(3))
def test_counting(name, seed):
    graph = random_graph(NETS[name], seed)
    random = np.random.RandomState(seed)
    order = [random.permutation(nodes).tolist() for nodes in graph.layers]
    assert count_crossings(graph, order) == crossings_by_pairs(graph, order) > 0


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("seed", range(6))
def test_never_more_than_by_barycentres(name, seed):
    graph = random_graph(NETS[name], seed)
    best = order_columns(graph)
    assert [sorted(nodes) for nodes in best] == [sorted(nodes) for nodes in graph.layers]
    given = count_crossings(graph, graph.layers)
    barycentres = count_crossings(graph, barycentre_order(graph))
    assert count_crossings(graph, best) <= barycentres < given


def test_a_large_net():
    graph = random_graph(googlenet_like(4), 1, n_bundles=3)
    ordered, barycentres = order_columns(graph), barycentre_order(graph)
    assert count_crossings(graph, ordered) < count_crossings(graph, barycentres)


def test_what_can_be_untangled_is_untangled():
    # Clusters i of the first column go to clusters 4 - i of the next, and these straight on.
    links = [
        Link(0, 1, tuple(EdgeBundle((i,), (4 - i,), (1.0,), (1.0,)) for i in range(5))),
        Link(1, 2, tuple(EdgeBundle((i,), (i,), (1.0,), (1.0,)) for i in range(5))),
    ]
    graph = layered_graph([5, 5, 5], [0, 1, 2], links=links)
    assert count_crossings(graph, graph.layers) == 10
    assert count_crossings(graph, order_columns(graph)) == 0


def test_where_crossings_do_not_mind_the_given_order_stays():
    links = [Link(0, 1, (EdgeBundle((0, 1, 2), (0, 1, 2), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),))]
    graph = layered_graph([3, 3], [0, 1], links=links)
    initial = [[2, 0, 1], [6], [4, 5, 3]]
    assert [list(nodes) for nodes in order_columns(graph, initial=initial)] == initial


def test_lanes_stay_above_each_other():
    graph = random_graph(INCEPTION, 3)
    for nodes in order_columns(graph):
        lanes = [graph.nodes[node].lane for node in nodes]
        assert lanes == sorted(lanes)


def test_a_long_link_passes_every_layer_between():
    graph = layered_graph([1, 2, 2, 1], [0, 1, 2, 3], links=[Link(0, 3, (EdgeBundle((0,), (0,), (2.0,), (2.0,)),))])
    waypoints = graph.waypoints(0, 0)
    assert [graph.nodes[node].layer for node in waypoints] == [2, 3, 4, 5]
    path = [graph.cluster(0, 0), graph.bundle(0, 0), *waypoints, graph.cluster(3, 0)]
    assert graph.edges == tuple((a, b, 2.0) for a, b in zip(path[:-1], path[1:]))


def test_neighbours_need_no_waypoints():
    graph = layered_graph([1, 1], [0, 1], links=[Link(0, 1, (EdgeBundle((0,), (0,), (2.0,), (2.0,)),))])
    assert graph.waypoints(0, 0) == ()


def test_a_branch_keeps_its_lane_where_it_is_passed_through():
    links = [Link(0, 2, (EdgeBundle((0,), (0,), (1.0,), (1.0,)),))]
    graph = layered_graph([1, 1, 1], [0, 1, 2], [1, 0, 0], links)
    assert {graph.nodes[node].lane for node in graph.waypoints(0, 0)} == {1}


def test_bundles_add_up_their_edges():
    bundle = EdgeBundle.from_edges([(2, 0), (2, 1), (0, 1)], [1.0, 2.0, 4.0])
    assert (bundle.sources, bundle.source_strengths) == ((0, 2), (4.0, 3.0))
    assert (bundle.targets, bundle.target_strengths) == ((0, 1), (1.0, 6.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 1], [0]), "2 columns"),
        (([1, 1], [1, 0], None, [Link(0, 1)]), "lead deeper"),
        (([1, 1], [0, 1], None, [Link(0, 2)]), "column 2"),
        (([1, 1], [0, 1], None, [Link(0, 1, (EdgeBundle((0,), (1,), (1.0,), (1.0,)),))]), "clusters"),
        (([1], [-1]), "start at 0"),
    ],
)
def test_graphs_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        layered_graph(*arguments)


def test_bundles_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="distinct"):
        EdgeBundle((0, 0), (1,), (1.0, 1.0), (1.0,))
