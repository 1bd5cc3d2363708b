"""Biclusters: closed bicliques against brute force, and covers that draw every edge once."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnnvis_caffe.aggregation.biclusters import closed_bicliques, cover, find_biclusters, kept_edges, strokes


def graphs(limit):
    shapes = st.tuples(st.integers(1, limit), st.integers(1, limit))
    return shapes.flatmap(lambda shape: arrays(bool, shape))


def brute_force(edges):
    """Maximal bicliques from each set of sources: its common targets, and all sources that have these."""
    found = set()
    n_sources = len(edges)
    for size in range(1, n_sources + 1):
        for sources in combinations(range(n_sources), size):
            targets = np.flatnonzero(edges[list(sources)].all(axis=0))
            if len(targets):
                closed = np.flatnonzero(edges[:, targets].all(axis=1))
                found.add((tuple(closed.tolist()), tuple(targets.tolist())))
    return sorted(found)


@given(graphs(8))
def test_closed_bicliques_equal_brute_force(edges):
    assert list(closed_bicliques(edges, 4096)) == brute_force(edges)


def test_closed_bicliques_equal_brute_force_at_12_by_12():
    for seed, density in enumerate((0.3, 0.6, 0.9)):
        edges = np.random.default_rng(seed).uniform(size=(12, 12)) < density
        assert list(closed_bicliques(edges, 4096)) == brute_force(edges)


@given(graphs(12))
def test_the_cover_draws_each_edge_once_and_never_with_more_strokes(edges):
    seen = np.zeros(edges.shape, int)
    for sources, targets in cover(edges):
        seen[np.ix_(sources, targets)] += 1
    assert (seen == edges).all()
    bundled = find_biclusters(edges, ~edges)
    assert strokes(bundled) <= edges.size
    assert sorted(edge for b in bundled if b.sign == 1 for edge in b.edges) == [
        tuple(edge) for edge in np.argwhere(edges).tolist()
    ]


def test_a_large_graph_is_covered_in_time():
    edges = np.random.default_rng(0).uniform(size=(40, 40)) < 0.7
    assert len(closed_bicliques(edges, 200)) <= 200
    seen = np.zeros(edges.shape, int)
    for sources, targets in cover(edges):
        seen[np.ix_(sources, targets)] += 1
    assert (seen == edges).all()


strengths = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(*[arrays(np.float64, shape, elements=st.sampled_from([0, 0.1, 0.5, 1, 3]))] * 2)
)


@given(strengths, st.floats(0.01, 1))
def test_kept_edges_carry_the_share_and_none_could_be_left_out(both, share):
    positive, negative = both
    kept = kept_edges(positive, negative, share)
    strength = np.concatenate([positive.ravel(), negative.ravel()])
    chosen = np.concatenate([kept[0].ravel(), kept[1].ravel()])
    assert not (chosen & (strength == 0)).any()
    total = strength.sum()
    assert strength[chosen].sum() >= share * total * (1 - 1e-9)
    if chosen.any():
        assert strength[chosen].min() >= strength[~chosen].max(initial=0)
        assert strength[chosen].sum() - strength[chosen].min() < share * total
