"""Clusters of planted rows, and everything that could go wrong with few, equal or missing ones."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score, silhouette_score

from cnnvis_caffe.aggregation.clustering import (
    Agglomerative,
    KMeans,
    MeanShift,
    clustering,
    cut_tree,
    mean_silhouettes,
)
from cnnvis_caffe.aggregation.numbering import canonical

KINDS = ("kmeans", "agglomerative", "meanshift")


def planted(n_clusters=5, n=60, n_features=7, spread=0.05, seed=0):
    random = np.random.default_rng(seed)
    truth = random.permutation(np.arange(n) % n_clusters)
    centres = 3 * np.eye(n_clusters, n_features)
    return centres[truth] + random.normal(0, spread, (n, n_features)), truth


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_clusters", [2, 3, 5, 7])
def test_separated_clusters_are_found_and_counted(kind, n_clusters):
    rows, truth = planted(n_clusters, 63)
    labels = clustering(kind).fit_predict(rows)
    assert adjusted_rand_score(truth, labels) == 1.0


@pytest.mark.parametrize("kind", ["kmeans", "agglomerative"])
@pytest.mark.parametrize("n", [700, 2500])
def test_more_rows_than_the_tree_is_made_of(kind, n):
    rows, truth = planted(4, n)
    assert adjusted_rand_score(truth, clustering(kind, 4).fit_predict(rows)) == 1.0


@pytest.mark.parametrize("kind", ["kmeans", "agglomerative"])
def test_more_clusters_than_the_tree_has_rows(kind, monkeypatch):
    monkeypatch.setattr("cnnvis_caffe.aggregation.clustering.N_SAMPLE", 12)
    monkeypatch.setattr("cnnvis_caffe.aggregation.clustering.N_TREE", 12)
    rows = np.random.default_rng(0).uniform(size=(40, 3))
    assert clustering(kind, 30).fit(rows).n_clusters_ == 12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("structure", [0.05, 5.0], ids=["separated", "noise"])
def test_the_order_of_the_neurons_does_not_matter(kind, structure):
    rows, _ = planted(4, 50, spread=structure)
    rows[7] = rows[11]  # equal rows have no order of their own
    order = np.random.default_rng(5).permutation(len(rows))
    labels = clustering(kind, 4).fit_predict(rows)
    permuted = clustering(kind, 4).fit_predict(rows[order])
    assert labels.max() > 0 or kind == "meanshift"  # which may find noise to be one cluster
    assert (permuted == canonical(labels[order])).all()
    assert labels[7] == labels[11]


def test_numbers_are_by_size_then_by_smallest_member():
    assert canonical(np.array([9, 4, 4, 7, 9, 4, 7, 2])).tolist() == [1, 0, 0, 2, 1, 0, 2, 3]


@pytest.mark.parametrize("kind", KINDS)
def test_few_equal_and_single_rows(kind):
    for rows in (np.ones((1, 3)), np.ones((8, 3)), np.ones((5, 0)), np.full((4, 3), np.nan)):
        estimator = clustering(kind, 3).fit(rows)
        assert estimator.labels_.tolist() == [0] * len(rows)
        assert estimator.n_clusters_ == 1
    two = np.repeat([[0.0, 1.0], [5.0, 2.0]], [3, 4], axis=0)
    assert clustering(kind, 6).fit_predict(two).tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert clustering("kmeans").fit_predict(np.array([[0.0], [1.0]])).tolist() in ([0, 0], [0, 1])


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_as_many_clusters_as_asked_for(k):
    rows = np.random.default_rng(0).uniform(size=(5, 4))
    for estimator in (KMeans(k), Agglomerative(k)):
        labels = estimator.fit_predict(rows)
        assert sorted(set(labels.tolist())) == list(range(k))
    assert KMeans(9).fit(rows).n_clusters_ == 5


def test_classes_without_images_are_left_out():
    rows, _ = planted(4, 40)
    with_nan = np.insert(rows, 2, np.nan, axis=1)
    assert (KMeans(4).fit_predict(with_nan) == KMeans(4).fit_predict(rows)).all()


def test_kmeans_rests_where_no_row_is_nearer_to_another_centre():
    rows = np.random.default_rng(3).uniform(size=(120, 6))
    start, labels = Agglomerative(6).fit_predict(rows), KMeans(6).fit_predict(rows)
    assert adjusted_rand_score(start, labels) < 1.0
    centres = np.stack([rows[labels == label].mean(0) for label in range(6)])
    distance = ((rows[:, None] - centres[None]) ** 2).sum(2)
    assert (distance.argmin(1) == labels).all()


@pytest.mark.parametrize("kind", KINDS)
def test_chance_plays_no_part(kind):
    rows = np.random.default_rng(3).uniform(size=(90, 6))
    np.random.seed(1)  # noqa: NPY002 - the state that careless estimators share
    first = clustering(kind).fit_predict(rows)
    np.random.seed(2)  # noqa: NPY002
    assert (clustering(kind).fit_predict(rows) == first).all()


@pytest.mark.parametrize("estimator", [KMeans(3), Agglomerative(4), MeanShift(0.5)])
def test_conventions_of_scikit_learn(estimator):
    copy = clone(estimator)
    assert copy is not estimator and copy.get_params() == estimator.get_params()
    name = next(iter(estimator.get_params()))
    assert copy.set_params(**{name: 2}) is copy and getattr(copy, name) == 2
    with pytest.raises(ValueError, match="depth"):
        copy.set_params(depth=3)
    rows, _ = planted()
    assert copy.fit(rows) is copy
    assert copy.labels_.dtype == np.int64 and copy.labels_.shape == (60,)
    with pytest.raises(ValueError, match="at least 1 sample"):
        copy.fit(np.zeros((0, 3)))


def test_unknown_methods_are_refused():
    with pytest.raises(ValueError, match="'dbscan'"):
        clustering("dbscan")


@pytest.mark.parametrize("n", [2, 3, 12, 60])
def test_cuts_and_their_scores_are_those_of_scipy_and_scikit_learn(n):
    if n < 4 and tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 15):
        pytest.skip("this scipy cuts trees of two and three wrongly")
    rows, _ = planted(5, n, spread=0.8)
    tree, distance = linkage(pdist(rows), "ward"), squareform(pdist(rows))
    cuts = cut_tree(tree, 1, min(n, 10))
    for k, labels in enumerate(cuts, 1):
        np.testing.assert_array_equal(canonical(labels), canonical(fcluster(tree, k, "maxclust")))
    wanted = [silhouette_score(distance, one, metric="precomputed") for one in cuts[1 : n - 1]]
    np.testing.assert_allclose(mean_silhouettes(cuts, distance)[1 : n - 1], wanted, atol=1e-12)
    assert mean_silhouettes([cuts[0], np.arange(n)], distance).tolist() == [0, 0]


def test_scores_where_nothing_is_apart():
    pairs = [np.array([0, 0, 1, 1, 2])]
    assert mean_silhouettes(pairs, np.zeros((5, 5))) == [0.0]
    apart = squareform(pdist(np.array([[0.0], [0.0], [5.0], [5.0], [9.0]])))
    np.testing.assert_allclose(mean_silhouettes(pairs, apart), silhouette_score(apart, pairs[0], metric="precomputed"))
