"""Orders of rows are shortest paths for few rows, and never longer than SciPy's optimal leaf order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist, squareform

from cnnvis_caffe.layout.ordering import order, order_rows, path_length
from cnnvis_caffe.layout.shortest_path import exact_path, improved_path


def random_distances(n, seed):
    return squareform(np.random.RandomState(seed).uniform(size=n * (n - 1) // 2))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("seed", range(3))
def test_few_rows_against_all_permutations(n, seed):
    distances = random_distances(n, seed)
    shortest = min(path_length(distances, np.array(one)) for one in permutations(range(n)))
    assert path_length(distances, order(distances)) == pytest.approx(shortest)


@pytest.mark.parametrize("seed", range(5))
def test_local_search_against_the_exact_path(seed):
    """Two ways that share no code: the search comes near what the other finds, and not below."""
    distances = random_distances(12, seed)
    shortest = path_length(distances, exact_path(distances))
    found = path_length(distances, improved_path(distances, np.arange(12)))
    assert shortest - 1e-9 <= found <= 1.05 * shortest


@pytest.mark.parametrize("n", [13, 40, 150])
@pytest.mark.parametrize("n_dimensions", [2, 10])
@pytest.mark.parametrize("is_thorough", [True, False])
def test_never_longer_than_the_optimal_leaf_order(n, n_dimensions, is_thorough):
    condensed = pdist(np.random.RandomState(n).normal(size=(n, n_dimensions)))
    distances = squareform(condensed)
    leaves = leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed))
    found = order(distances, is_thorough=is_thorough)
    assert sorted(found) == list(range(n))
    assert path_length(distances, found) <= path_length(distances, leaves) + 1e-9


def test_search_is_told_what_it_gains():
    """Lengths that are kept while moving are those of the path."""
    distances = random_distances(60, 1)
    start = np.arange(60)
    found = improved_path(distances, start)
    assert sorted(found) == list(range(60))
    assert path_length(distances, found) < 0.2 * path_length(distances, start)


def test_points_on_a_line():
    places = np.random.RandomState(0).permutation(30)
    distances = np.abs(places[:, None] - places[None, :]).astype(float)
    found = places[order(distances)]
    assert found.tolist() in (list(range(30)), list(range(29, -1, -1)))


def test_equal_rows():
    assert sorted(order(np.zeros((20, 20)))) == list(range(20))


def test_the_smaller_end_is_first():
    for seed in range(4):
        found = order(random_distances(9, seed))
        assert found[0] < found[-1]


def test_nothing_and_one():
    assert order(np.zeros((0, 0))).tolist() == []
    assert order(np.zeros((1, 1))).tolist() == [0]


@pytest.mark.parametrize("distances", [np.zeros((2, 3)), np.full((3, 3), np.nan), -np.ones((3, 3))])
def test_what_is_no_distance_is_refused(distances):
    with pytest.raises(ValueError, match="distances"):
        order(distances)


def test_matrix_with_empty_classes_and_dead_neurons():
    matrix = np.array(
        [
            [0.0, np.nan, 0.0, 0.0, np.nan],
            [1.0, np.nan, 0.1, 0.0, np.nan],
            [0.0, np.nan, 0.0, 9.0, np.nan],
            [0.0, np.nan, 0.0, 0.0, np.nan],
            [2.0, np.nan, 0.2, 0.0, np.nan],
            [0.0, np.nan, 0.0, 8.0, np.nan],
        ]
    )
    rows, columns = order_rows(matrix), order_rows(matrix.T)
    assert rows[-2:].tolist() == [0, 3]
    # The strongest end is first, and those that respond to one class stand together.
    assert rows[:4].tolist() in ([2, 5, 4, 1], [2, 5, 1, 4], [5, 2, 4, 1], [5, 2, 1, 4])
    assert sorted(columns[:3]) == [0, 2, 3]
    assert columns[3:].tolist() == [1, 4]  # those of which there are no images
    assert columns[1] == 2  # the class that lies between the other two


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1)])
def test_small_matrices(shape):
    assert sorted(order_rows(np.ones(shape))) == list(range(shape[0]))


def test_groups_come_together():
    random = np.random.RandomState(0)
    labels = random.permutation(np.repeat(np.arange(4), 8))
    matrix = np.eye(4)[labels] + 0.05 * random.uniform(size=(32, 4))
    rows = order_rows(matrix)
    assert (np.diff(labels[rows]) != 0).sum() == 3
