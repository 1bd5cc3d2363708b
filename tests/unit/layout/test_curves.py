"""Curves lead from clusters through bars to clusters, side by side, and never over a cluster."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.layout.columns import place
from cnnvis_caffe.layout.crossings import order_columns
from cnnvis_caffe.layout.routing import bundle_curves, curve
from tests.unit.layout.overlaps import inside, samples
from tests.unit.layout.random_graphs import NETS, RESIDUAL, cluster_sizes, random_graph


def routed(net, seed=0):
    graph = random_graph(net, seed)
    places = place(graph, order_columns(graph), cluster_sizes(net, seed), head_sizes=[(90.0, 30.0)] * len(net.sizes))
    return graph, places, bundle_curves(graph, places)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("seed", range(2))
def test_no_curve_runs_over_a_cluster_a_head_or_another_bar(name, seed):
    graph, places, strokes = routed(NETS[name], seed)
    solid = [rect for node, rect in zip(graph.nodes, places.nodes) if node.kind != "waypoint"]
    for stroke in strokes:
        points = samples(stroke.points)
        for rect in [*solid, *places.heads]:
            assert not inside(points, rect).any()


@pytest.mark.parametrize("name", NETS)
def test_every_cluster_of_every_bundle_has_one_curve(name):
    graph, places, strokes = routed(NETS[name])
    assert len(strokes) == len({(s.link, s.bundle, s.cluster, s.is_source) for s in strokes})
    ends = sum("cluster" in (graph.nodes[a].kind, graph.nodes[b].kind) for a, b, _ in graph.edges)
    assert len(strokes) == ends


@pytest.mark.parametrize("name", NETS)
def test_curves_begin_and_end_at_their_clusters_and_bars(name):
    graph, places, strokes = routed(NETS[name])
    joined = NETS[name].joined
    for stroke in strokes:
        column = joined[stroke.link][0 if stroke.is_source else 1]
        cluster = places.nodes[graph.cluster(column, stroke.cluster)]
        bar = places.nodes[graph.bundle(stroke.link, stroke.bundle)]
        first, last = (cluster, bar) if stroke.is_source else (bar, cluster)
        for (x, y), rect, edge in (
            (stroke.points[0], first, first[0] + first[2]),
            (stroke.points[-1], last, last[0]),
        ):
            assert x == pytest.approx(edge)
            assert rect[1] <= y <= rect[1] + rect[3]


@pytest.mark.parametrize("name", NETS)
def test_tangents_are_horizontal_and_curves_go_right(name):
    for stroke in routed(NETS[name])[2]:
        points = stroke.points
        assert len(points) % 3 == 1
        assert points[1::3, 1] == pytest.approx(points[0:-1:3, 1])
        assert points[2::3, 1] == pytest.approx(points[3::3, 1])
        assert (np.diff(points[:, 0]) >= -1e-9).all()


def test_strokes_leave_a_cluster_side_by_side():
    graph, places, strokes = routed(RESIDUAL)
    by_cluster = {}
    for stroke in strokes:
        if stroke.is_source:
            key = RESIDUAL.joined[stroke.link][0], stroke.cluster
            by_cluster.setdefault(key, []).append((stroke.points[0][1], stroke.width))
    assert max(map(len, by_cluster.values())) > 3
    for (column, cluster), ports in by_cluster.items():
        height = places.nodes[graph.cluster(column, cluster), 3]
        ports.sort()
        room = min(1.0, 0.8 * height / sum(width for _, width in ports))
        for (y0, w0), (y1, w1) in zip(ports[:-1], ports[1:]):
            assert y1 - y0 >= room * (w0 + w1) / 2 - 1e-9


def test_strokes_of_a_trunk_fill_its_channel():
    graph, places, strokes = routed(RESIDUAL)
    link = RESIDUAL.joined.index((1, 3))
    for bundle in range(4):
        channel = places.nodes[graph.waypoints(link, bundle)[0]]
        mine = [s for s in strokes if (s.link, s.bundle, s.is_source) == (link, bundle, False)]
        assert sum(s.width for s in mine) == pytest.approx(channel[3])
        for stroke in mine:
            at = stroke.points[np.argmin(np.abs(stroke.points[:, 0] - channel[0])), 1]
            assert channel[1] + stroke.width / 2 - 1e-6 <= at <= channel[1] + channel[3] - stroke.width / 2 + 1e-6


def test_a_curve_by_hand():
    assert curve([(0, 0), (10, 4), (10, 4)]).tolist() == [
        [0, 0],
        [5, 0],
        [5, 4],
        [10, 4],
        [10, 4],
        [10, 4],
        [10, 4],
    ]
