"""Columns, clusters, heads, bars and channels stand apart, near what they are joined to."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.layout.columns import place
from cnnvis_caffe.layout.crossings import order_columns
from cnnvis_caffe.layout.isotonic import isotonic, separate
from cnnvis_caffe.layout.layers import EdgeBundle, Link, layered_graph
from cnnvis_caffe.layout.strokes import edge_widths, stroke_widths
from tests.unit.layout.overlaps import overlapping
from tests.unit.layout.random_graphs import LENET, NETS, RESIDUAL, cluster_sizes, googlenet_like, random_graph


def placed(net, seed=0, **options):
    graph = random_graph(net, seed)
    order = order_columns(graph, n_sweeps=4)
    heads = [(90.0, 30.0)] * len(net.sizes)
    return graph, order, place(graph, order, cluster_sizes(net, seed), head_sizes=heads, **options)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("alignment", [0.0, 0.5, 1.0])
def test_nothing_overlaps(name, alignment):
    graph, _, places = placed(NETS[name], alignment=alignment)
    everything = np.concatenate([places.nodes, places.heads])
    assert overlapping(everything) == []
    assert everything[:, :2].min() >= -1e-9
    assert (everything[:, 0] + everything[:, 2]).max() <= places.width + 1e-9
    assert (everything[:, 1] + everything[:, 3]).max() <= places.height + 1e-9


def test_a_long_net_grows_to_the_right_only():
    _, _, short = placed(googlenet_like(1))
    _, _, long = placed(googlenet_like(5))
    assert long.width > 4 * short.width
    assert long.height < 2 * short.height


@pytest.mark.parametrize("name", NETS)
def test_columns_stand_by_depth_with_room_between(name):
    graph, _, places = placed(NETS[name], column_gap=100.0)
    columns = places.spans[::2]
    assert (columns[1:, 0] - columns[:-1, 1]).min() >= 100.0 - 1e-9
    assert (columns[1:, 0] - columns[:-1, 1]).max() <= 240.0 + 1e-9
    for node, rect in zip(graph.nodes, places.nodes):
        assert places.spans[node.layer, 0] <= rect[0] + 1e-9
        assert rect[0] + rect[2] <= places.spans[node.layer, 1] + 1e-9


def test_the_order_is_kept():
    graph, order, places = placed(RESIDUAL, alignment=1.0)
    for nodes in order:
        assert (np.diff(places.nodes[list(nodes), 1]) > 0).all()


def test_clusters_keep_their_distance():
    graph, order, places = placed(LENET, cluster_gap=20.0)
    for nodes in order[::2]:
        rects = places.nodes[list(nodes)]
        assert (rects[1:, 1] - rects[:-1, 1] - rects[:-1, 3]).min(initial=20.0) >= 20.0 - 1e-9


def test_heads_of_one_lane_stand_in_a_line():
    _, _, places = placed(LENET)
    assert places.heads[:, 1] == pytest.approx(np.zeros(5))
    assert places.nodes[:, 1].min() >= 30.0 - 1e-9


def test_heads_of_lanes_stand_above_their_columns():
    _, _, places = placed(NETS["inception"])
    assert places.heads[:, 1] + places.heads[:, 3] == pytest.approx(places.columns[:, 1])


def test_one_to_one_edges_become_straight():
    # Each cluster goes to the next column's cluster of the same number, which is half as high.
    links = [Link(0, 1, tuple(EdgeBundle((i,), (i,), (1.0,), (1.0,)) for i in range(4)))]
    graph = layered_graph([4, 4], [0, 1], links=links)
    sizes = [np.full((4, 2), 80.0), np.full((4, 2), 40.0)]
    places = place(graph, order_columns(graph), sizes, alignment=1.0, n_sweeps=30)
    middles = places.nodes[:, 1] + places.nodes[:, 3] / 2
    assert middles[:4] == pytest.approx(middles[4:8], abs=1.0)
    assert middles[:4] == pytest.approx(middles[8:], abs=1.0)


def test_without_alignment_columns_are_stacked_about_one_axis():
    graph, _, places = placed(LENET, alignment=0.0)
    middles = places.columns[:, 1] + places.columns[:, 3] / 2
    assert middles == pytest.approx(np.full(5, middles[0]))


def test_a_bar_is_as_high_as_its_strokes():
    graph, _, places = placed(LENET)
    for i_node, node in enumerate(graph.nodes):
        if node.kind == "bundle":
            for side in (0, 1):
                strokes = [width for edge, width in zip(graph.edges, places.widths) if edge[side] == i_node]
                assert places.nodes[i_node, 3] >= sum(strokes) - 1e-9


def test_a_picture_without_edges():
    graph = layered_graph([2, 1], [0, 2])
    places = place(graph, order_columns(graph), [np.full((2, 2), 50.0), np.full((1, 2), 50.0)])
    assert overlapping(places.nodes) == []
    assert places.width == pytest.approx(50 + 96 + 96 + 50)


def test_an_empty_picture():
    graph = layered_graph([], [])
    places = place(graph, order_columns(graph), [])
    assert (places.width, places.height) == (0.0, 0.0)


def test_widths_grow_with_the_square_root():
    assert stroke_widths([1.0, 4.0, 16.0, 0.0]) == pytest.approx([1.75, 3.5, 7.0, 0.75])
    assert stroke_widths([0.0, 0.0]) == pytest.approx([0.75, 0.75])
    assert stroke_widths([4.0], strongest=16.0) == pytest.approx([3.5])


def test_each_link_has_its_own_scale_and_trunks_carry_all_strokes():
    graph = random_graph(RESIDUAL, 2)
    widths = edge_widths(graph)
    ends = [width for (_, second, _), width in zip(graph.edges, widths) if graph.nodes[second].kind != "waypoint"]
    assert max(ends) == pytest.approx(7.0)
    assert min(ends) >= 0.75
    link = RESIDUAL.joined.index((1, 3))
    for index in range(4):
        last = graph.waypoints(link, index)[-1]
        out = [width for (first, _, _), width in zip(graph.edges, widths) if first == last]
        into = [width for (_, second, _), width in zip(graph.edges, widths) if second == last]
        assert into == pytest.approx([sum(out)])


def test_isotonic_by_hand():
    # 3 and 1 pool to their weighted mean (3 + 3 * 1) / 4; the rest ascends already.
    assert isotonic(np.array([0.0, 3.0, 1.0, 2.0]), np.array([1.0, 1.0, 3.0, 1.0])) == pytest.approx([0, 1.5, 1.5, 2])


def test_separate_by_hand():
    # Both want to stand at 5 and must be 4 apart: 3 and 7. Bounded by 6, the second stops there.
    wanted, weights = np.array([5.0, 5.0]), np.ones(2)
    assert separate(wanted, np.array([4.0]), weights) == pytest.approx([3, 7])
    assert separate(wanted, np.array([4.0]), weights, high=6.0) == pytest.approx([2, 6])
    assert separate(wanted, np.array([4.0]), weights, low=4.0) == pytest.approx([4, 8])
