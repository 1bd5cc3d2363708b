"""Clusters of neurons by what they respond to: scikit-learn's estimators, made independent of the neurons' order.

Nothing is left to chance or to a version's defaults: k-means starts from Ward's clusters, mean shift from evenly spaced
rows. To import this loads scikit-learn; `aggregate` does so when it first clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist, squareform
from sklearn import cluster
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.metrics import pairwise_distances_argmin

from cnnvis_caffe.aggregation.numbering import canonical

#: Where k is chosen, it is between these, and smaller than the number of different rows.
K_RANGE = (2, 10)
#: k-means starts from the tree of so many rows at most, and mean shift moves among so many.
N_SAMPLE = 512
#: Agglomerative clustering makes its tree of so many rows at most; the others go to the nearest centre.
N_TREE = 2048
#: Mean shift chooses from scikit-learn's bandwidths for these quantiles, times a factor: no wider than the distance to
#: a row's neighbours, a flat kernel comes to rest at several places in one cluster.
BANDWIDTH_QUANTILES = (0.1, 0.2, 0.3)
BANDWIDTH_FACTOR = 1.5


class _Clustering(ClusterMixin, BaseEstimator):
    """What the estimators share: order does not matter.

    Rows are sorted before they are clustered and equal rows always come together, so that the same neurons in
    another order give the same clusters. Columns with NaN, classes without images, are left out.
    """

    labels_: np.ndarray
    n_clusters_: int

    def fit(self, X: np.ndarray, y: None = None) -> _Clustering:  # noqa: N803 - scikit-learn's name
        """Cluster rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        y : None
            Not used.

        Returns
        -------
        self
            With ``labels_``, (n_samples,) int64 in canonical numbering, and ``n_clusters_``.
        """
        rows = np.asarray(X, np.float64)
        if rows.ndim != 2 or not len(rows):
            raise ValueError(f"rows to cluster must be (n_samples, n_features), at least 1 sample, got {rows.shape}")
        rows = rows[:, ~np.isnan(rows).any(axis=0)]
        # Any order will do that depends on nothing but the rows; adding 0 makes -0 and 0 the same.
        keys = [row.tobytes() for row in rows + 0.0]
        order = np.array(sorted(range(len(rows)), key=keys.__getitem__))
        is_new = np.array([i == 0 or keys[order[i]] != keys[order[i - 1]] for i in range(len(rows))])
        which = np.cumsum(is_new) - 1
        n_distinct = int(which[-1]) + 1
        if n_distinct == 1:
            found = np.zeros(len(rows), np.int64)
        else:
            found = self._labels(rows[order] - rows.mean(axis=0), n_distinct)[is_new][which]
        labels = np.empty(len(rows), np.int64)
        labels[order] = found
        self.labels_ = canonical(labels)
        self.n_clusters_ = int(self.labels_.max()) + 1
        return self

    def _labels(self, rows: np.ndarray, n_distinct: int) -> np.ndarray:
        """Labels of sorted and centred rows of which at least two differ."""
        raise NotImplementedError


class KMeans(_Clustering):
    """k-means, started from Ward's clusters.

    Parameters
    ----------
    n_clusters : int, default=0
        0: chosen by silhouette, see `best_cut`. More than there are different rows: as many as these.
    max_iter : int, default=300
    k_range : (int, int), default=(2, 10)
        Where k is chosen, it is between these.
    """

    def __init__(self, n_clusters: int = 0, max_iter: int = 300, k_range: tuple[int, int] = K_RANGE) -> None:
        self.n_clusters = n_clusters
        self.max_iter = max_iter
        self.k_range = k_range

    def _labels(self, rows: np.ndarray, n_distinct: int) -> np.ndarray:
        """Start from Ward's clusters; until nothing changes."""
        start = _centres(rows, _ward(rows, self.n_clusters, n_distinct, N_SAMPLE, self.k_range))
        # The state decides nothing where the start is given; it is set so that no version thinks otherwise.
        means = cluster.KMeans(len(start), init=start, n_init=1, tol=0, max_iter=self.max_iter, random_state=0)
        return means.fit(rows).labels_


class Agglomerative(_Clustering):
    """Agglomerative clustering with Ward's criterion.

    Parameters
    ----------
    n_clusters : int, default=0
        0: chosen by silhouette, see `best_cut`. More than there are different rows: as many as these.
    k_range : (int, int), default=(2, 10)
        Where k is chosen, it is between these.
    """

    def __init__(self, n_clusters: int = 0, k_range: tuple[int, int] = K_RANGE) -> None:
        self.n_clusters = n_clusters
        self.k_range = k_range

    def _labels(self, rows: np.ndarray, n_distinct: int) -> np.ndarray:
        """Ward's tree, cut."""
        return _ward(rows, self.n_clusters, n_distinct, N_TREE, self.k_range)


class MeanShift(_Clustering):
    """Mean shift with a flat kernel; it finds the number of clusters by its bandwidth.

    Parameters
    ----------
    bandwidth : float or None, default=None
        None: of some that fit the distances between rows the one with the largest mean silhouette.
    n_seeds : int, default=32
        At most so many rows start to move.
    max_iter : int, default=100
    """

    def __init__(self, bandwidth: float | None = None, n_seeds: int = 32, max_iter: int = 100) -> None:
        self.bandwidth = bandwidth
        self.n_seeds = n_seeds
        self.max_iter = max_iter

    def _labels(self, rows: np.ndarray, n_distinct: int) -> np.ndarray:
        """Each row belongs to the nearest of the places where most are."""
        crowd = rows[_sample(len(rows), N_SAMPLE)]
        if self.bandwidth is not None:
            return self._shifted(crowd, self.bandwidth).predict(rows)
        # The nearest neighbour of a row is that row itself: there must be another one.
        shares = {min(1.0, max(share, 2.5 / len(crowd))) for share in BANDWIDTH_QUANTILES}
        bandwidths = [BANDWIDTH_FACTOR * cluster.estimate_bandwidth(crowd, quantile=share) for share in sorted(shares)]
        candidates = [self._shifted(crowd, bandwidth) for bandwidth in bandwidths if bandwidth > 0]
        if not candidates:  # each row has so many equals that it needs no others
            return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
        scores = mean_silhouettes([found.labels_ for found in candidates], squareform(pdist(crowd)))
        return candidates[int(scores.argmax())].predict(rows)

    def _shifted(self, crowd: np.ndarray, bandwidth: float) -> Any:
        """Let some of the rows move to where most are."""
        seeds = crowd[_sample(len(crowd), self.n_seeds)]
        return cluster.MeanShift(bandwidth=bandwidth, seeds=seeds, max_iter=self.max_iter).fit(crowd)


def clustering(kind: str, n_clusters: int = 0, k_range: tuple[int, int] = K_RANGE) -> _Clustering:
    """Make the estimator for a choice of the user.

    Parameters
    ----------
    kind : {"kmeans", "agglomerative", "meanshift"}
    n_clusters : int, default=0
        0: chosen by silhouette. Mean shift finds it by itself.
    k_range : (int, int), default=(2, 10)
        Where k is chosen, it is between these.

    Returns
    -------
    KMeans, Agglomerative or MeanShift
    """
    if kind == "kmeans":
        return KMeans(n_clusters, k_range=k_range)
    if kind == "agglomerative":
        return Agglomerative(n_clusters, k_range)
    if kind == "meanshift":
        return MeanShift()
    raise ValueError(f"clustering must be kmeans, agglomerative or meanshift, got {kind!r}")


def best_cut(cuts: Sequence[np.ndarray], distance: np.ndarray) -> np.ndarray:
    """Choose the labels with the largest mean silhouette.

    Parameters
    ----------
    cuts : sequence of ndarray of shape (n,), int
        Cuts of one tree; which is why k-means, too, has its k chosen by it.
    distance : ndarray of shape (n, n)
        Of the rows that the tree is made of.

    Returns
    -------
    ndarray of shape (n,), int
        The first one of equals.
    """
    scores = mean_silhouettes(cuts, distance)
    return cuts[int(np.flatnonzero(scores >= scores.max() - 1e-9)[0])]


def mean_silhouettes(labelings: Sequence[np.ndarray], distance: np.ndarray) -> np.ndarray:
    """Score how well clusters are apart, as scikit-learn's `silhouette_score` does.

    Parameters
    ----------
    labelings : sequence of ndarray of shape (n,), int
    distance : ndarray of shape (n, n)

    Returns
    -------
    ndarray of shape (n_labelings,), float64
        -1 to 1; 0 where all are in one cluster, and where each is in its own.
    """
    n = len(distance)
    # Rows that are together in all labelings are summed once.
    _, part = np.unique(np.stack(list(labelings)), axis=1, return_inverse=True)
    part = part.reshape(-1)
    first, sums = _sums_of_equals(part, distance)
    scores = np.zeros(len(labelings))
    for number, labels in enumerate(labelings):
        _, which, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        if not 1 < len(sizes) < n:
            continue
        to_clusters = _sums_of_equals(which[first], sums)[1]
        own = which, np.arange(n)
        inside = to_clusters[own] / np.maximum(sizes[which] - 1, 1)
        to_clusters /= sizes[:, None]
        to_clusters[own] = np.inf
        outside = to_clusters.min(axis=0)
        larger = np.maximum(inside, outside)
        is_known = (larger > 0) & (sizes[which] > 1)
        scores[number] = np.where(is_known, (outside - inside) / np.where(is_known, larger, 1.0), 0.0).mean()
    return scores


def _sums_of_equals(labels: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First row of each label, ascending, and the sum of its rows."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    return order[starts], np.add.reduceat(rows[order], starts, axis=0)


def cut_tree(tree: np.ndarray, low: int, high: int) -> list[np.ndarray]:
    """Cut a hierarchy into `low` to `high` clusters.

    SciPy's function of this name builds an object for each node, which takes longer than all else here, and its
    fcluster finds too few clusters where k is large (1.6).

    Parameters
    ----------
    tree : ndarray of shape (n - 1, 4)
        As SciPy's `linkage` gives it.
    low, high : int
        1 to n.

    Returns
    -------
    list of ndarray of shape (n,), int64
        Labels without order, by number of clusters.
    """
    n = len(tree) + 1
    pairs = tree[:, :2].astype(np.int64).tolist()
    top = list(range(2 * n - 1))
    for joint in range(n - high - 1, -1, -1):
        first, second = pairs[joint]
        top[first] = top[second] = top[n + joint]
    cuts = [np.array(top[:n], np.int64)]
    for joint in range(n - high, n - low):
        cuts.append(np.where(np.isin(cuts[-1], pairs[joint]), n + joint, cuts[-1]))
    return cuts[::-1]


def _ward(rows: np.ndarray, n_clusters: int, n_distinct: int, n_sample: int, k_range: tuple[int, int]) -> np.ndarray:
    """Ward's clusters of sorted rows; where there are many, of a sample, the rest going to the nearest centre."""
    chosen = rows[_sample(len(rows), n_sample)]
    distance = pdist(chosen)
    if n_clusters > 0:
        low = high = min(n_clusters, n_distinct, len(chosen))
    else:
        high = max(1, min(k_range[1], n_distinct - 1, len(chosen) - 1))
        low = min(k_range[0], high)
    cuts = cut_tree(linkage(distance, method="ward"), low, high)
    labels = canonical(cuts[0] if low == high else best_cut(cuts, squareform(distance)))
    if len(chosen) < len(rows):
        labels = canonical(pairwise_distances_argmin(rows, _centres(chosen, labels)))
    return labels


def _centres(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of each cluster, (k, n_features)."""
    return np.stack([rows[labels == label].mean(axis=0) for label in range(int(labels.max()) + 1)])


def _sample(n: int, count: int) -> np.ndarray:
    """At most so many of n indices, evenly spaced."""
    return np.arange(n) if n <= count else np.linspace(0, n - 1, count).round().astype(np.int64)
