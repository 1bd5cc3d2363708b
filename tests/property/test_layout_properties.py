"""Whatever is packed, ordered, placed and routed: nothing overlaps, nothing is lost."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from cnnvis_caffe.layout.columns import place
from cnnvis_caffe.layout.crossings import barycentre_order, count_crossings, order_columns
from cnnvis_caffe.layout.isotonic import isotonic, separate
from cnnvis_caffe.layout.measures import measure_packing
from cnnvis_caffe.layout.ordering import order, order_rows, path_length
from cnnvis_caffe.layout.packing import pack
from cnnvis_caffe.layout.routing import bundle_curves
from tests.unit.layout.overlaps import inside, overlapping, samples
from tests.unit.layout.random_graphs import Net, cluster_sizes, random_graph

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def areas(draw, most=60):
    """Areas of all kinds: equal, spread over magnitudes, mostly zero."""
    n = draw(st.integers(1, most))
    random = np.random.RandomState(draw(SEEDS))
    spread = draw(st.sampled_from([0.0, 0.1, 1.0, 3.0]))
    values = np.exp(spread * random.normal(size=n))
    return values * (random.uniform(size=n) > draw(st.sampled_from([0.0, 0.5, 0.95])))


@st.composite
def nets(draw):
    """Columns in lanes, joined to deeper ones, not all to the next."""
    n = draw(st.integers(2, 7))
    random = np.random.RandomState(draw(SEEDS))
    depths = [0, *sorted(random.randint(1, 5, n - 1).tolist())]
    lanes = [sum(other == depth for other in depths[:i]) for i, depth in enumerate(depths)]
    joined = [(a, b) for a in range(n) for b in range(n) if depths[a] < depths[b] and random.uniform() < 0.6]
    return Net(random.randint(1, 6, n).tolist(), depths, lanes, joined)


@st.composite
def symmetric(draw, least, most):
    """Distances: real ones, few different ones, zeros among them."""
    n = draw(st.integers(least, most))
    random = np.random.RandomState(draw(SEEDS))
    values = random.uniform(size=n * (n - 1) // 2)
    steps = draw(st.sampled_from([0, 1, 3]))
    return squareform(np.rint(values * steps) if steps else values, checks=False) if n > 1 else np.zeros((n, n))


@given(areas(), st.sampled_from([0.5, 1.0, 1.7]), SEEDS)
def test_packings_keep_inside_and_apart(values, aspect, seed):
    features = np.random.RandomState(seed).normal(size=(len(values), 3))
    packing = pack(values, features, aspect)
    found = measure_packing(packing, values, aspect)
    assert sorted(packing.order) == list(range(len(values)))
    assert found.overlap < 1e-9
    assert found.distortion <= 0.20
    assert found.area_error <= 0.10
    assert 0.5 - 1e-6 <= packing.width / packing.height <= 2 + 1e-6


@given(areas(), st.floats(20, 500))
def test_packings_keep_a_given_width(values, width):
    packing = pack(values * 400, width=width)
    found = measure_packing(packing, values)
    assert packing.width == pytest.approx(width)
    assert found.overlap < 1e-9
    assert found.distortion <= 0.20
    assert found.area_error <= 0.10


@given(symmetric(2, 7))
def test_orders_of_few_rows_are_the_shortest(distances):
    found = order(distances)
    shortest = min(path_length(distances, np.array(one)) for one in permutations(range(len(distances))))
    assert sorted(found) == list(range(len(distances)))
    assert path_length(distances, found) == pytest.approx(shortest)


@given(symmetric(13, 30))
@settings(max_examples=15)
def test_orders_of_many_rows_are_no_longer_than_the_optimal_leaf_order(distances):
    condensed = squareform(distances)
    leaves = leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed))
    found = order(distances)
    assert sorted(found) == list(range(len(distances)))
    assert path_length(distances, found) <= path_length(distances, leaves) + 1e-9


@given(st.integers(0, 14), st.integers(0, 12), SEEDS)
def test_matrices_lose_nothing(n_rows, n_columns, seed):
    random = np.random.RandomState(seed)
    matrix = random.normal(size=(n_rows, n_columns)) * (random.uniform(size=(n_rows, 1)) > 0.3)
    is_empty = random.uniform(size=n_columns) < 0.3
    matrix[:, is_empty] = np.nan
    rows, columns = order_rows(matrix), order_rows(matrix.T)
    assert sorted(rows) == list(range(n_rows))
    assert sorted(columns) == list(range(n_columns))
    if n_rows:
        assert (np.diff(is_empty[columns].astype(int)) >= 0).all()
        is_zero = ~np.nan_to_num(matrix).any(axis=1)
        assert (np.diff(is_zero[rows].astype(int)) >= 0).all()


@given(nets(), SEEDS, st.floats(0, 1))
@settings(max_examples=25)
def test_pictures_have_no_overlaps(net, seed, alignment):
    graph = random_graph(net, seed % 1000, n_bundles=2)
    found = order_columns(graph, n_sweeps=4)
    assert [sorted(nodes) for nodes in found] == [sorted(nodes) for nodes in graph.layers]
    assert count_crossings(graph, found) <= count_crossings(graph, barycentre_order(graph, n_sweeps=4))
    heads = [(70.0, 25.0)] * len(net.sizes)
    places = place(graph, found, cluster_sizes(net, seed % 1000), head_sizes=heads, alignment=alignment, n_sweeps=4)
    everything = np.concatenate([places.nodes, places.heads])
    assert overlapping(everything) == []
    assert everything[:, :2].min() >= -1e-6
    assert (everything[:, 0] + everything[:, 2]).max() <= places.width + 1e-6
    assert (everything[:, 1] + everything[:, 3]).max() <= places.height + 1e-6
    solid = [rect for node, rect in zip(graph.nodes, places.nodes) if node.kind != "waypoint"]
    for stroke in bundle_curves(graph, places):
        points = samples(stroke.points, 8)
        assert not any(inside(points, rect).any() for rect in [*solid, *places.heads])


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0.1, 10)), min_size=1, max_size=12))
def test_isotonic_regression_is_the_nearest_ascending_sequence(pairs):
    values, weights = np.array(pairs).T
    found = isotonic(values, weights)
    assert (np.diff(found) >= -1e-9).all()
    # Within each block the residuals cancel, and no upper part of it would rather go down (the dual conditions).
    for level in np.unique(found):
        block = found == level
        residuals = (weights * (values - found))[block]
        assert residuals.sum() == pytest.approx(0, abs=1e-6)
        assert (np.cumsum(residuals) >= -1e-6).all()


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8), st.floats(0, 30))
def test_separated_places_keep_their_distance(wanted, gap):
    found = separate(np.array(wanted), np.full(len(wanted) - 1, gap), np.ones(len(wanted)))
    assert (np.diff(found) >= gap - 1e-9).all()
