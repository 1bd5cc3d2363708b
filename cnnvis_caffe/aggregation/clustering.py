"""Clusters of neurons by what they respond to; estimators with scikit-learn's conventions."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

#: Where k is chosen, it is between these, and smaller than the number of different rows.
K_RANGE = (2, 10)
#: Trees and silhouettes are made of so many rows at most, evenly spaced in canonical order.
N_SAMPLE = 2048


class _Clustering:
    """What the estimators share: parameters as scikit-learn wants them, and order that does not matter.

    Rows are sorted before they are clustered and equal rows always come together, so that the same neurons in
    another order give the same clusters. Columns with NaN, classes without images, are left out.
    """

    labels_: np.ndarray
    n_clusters_: int

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters that it was made with.

        Parameters
        ----------
        deep : bool
            Without meaning here: there is nothing inside.

        Returns
        -------
        dict of str to Any
        """
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> _Clustering:
        """Change parameters.

        Parameters
        ----------
        **params : Any

        Returns
        -------
        self
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
            setattr(self, name, value)
        return self

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
            raise ValueError(
                f"rows to cluster must be (n_samples, n_features) with n_samples above 0, got {rows.shape}"
            )
        rows = rows[:, ~np.isnan(rows).any(axis=0)]
        order = np.lexsort(rows.T[::-1]) if rows.shape[1] else np.arange(len(rows))
        ordered = rows[order]
        is_new = np.ones(len(rows), bool)
        is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        which = np.cumsum(is_new) - 1
        n_distinct = int(which[-1]) + 1
        if n_distinct == 1:
            found = np.zeros(len(rows), np.int64)
        else:
            found = self._labels(ordered, n_distinct)[is_new][which]
        labels = np.empty(len(rows), np.int64)
        labels[order] = found
        self.labels_ = canonical(labels)
        self.n_clusters_ = int(self.labels_.max()) + 1
        return self

    def fit_predict(self, X: np.ndarray, y: None = None) -> np.ndarray:  # noqa: N803
        """Cluster rows and return their labels.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        y : None
            Not used.

        Returns
        -------
        ndarray of shape (n_samples,), int64
        """
        return self.fit(X, y).labels_

    def _labels(self, rows: np.ndarray, n_distinct: int) -> np.ndarray:
        """Labels of sorted rows of which at least two differ."""
        raise NotImplementedError


class KMeans(_Clustering):
    """k-means, started from Ward's clusters.

    The start is no random one, so that the result is the same everywhere; scikit-learn does the rest.

    Parameters
    ----------
    n_clusters : int, default=0
        0: chosen by silhouette, see `choose_k`. More than there are different rows: as many as these.
    random_state : int, default=0
        Passed on; nothing is left to chance.
    """

    def __init__(self, n_clusters: int = 0, random_state: int = 0) -> None:
        self.n_clusters = n_clusters
        self.random_state = random_state

    def _labels(self, rows: np.ndarray, n_distinct: int) -> np.ndarray:
        """Start from Ward's centres."""
        from sklearn.cluster import KMeans as Lloyd

        start = _ward(rows, self.n_clusters, n_distinct)
        centres = _centres(rows, start)
        # Around the mean, where float arithmetic loses least.
        middle = rows.mean(axis=0)
        estimator = Lloyd(n_clusters=len(centres), init=centres - middle, n_init=1, random_state=self.random_state)
        return estimator.fit(rows - middle).labels_


class Agglomerative(_Clustering):
    """Agglomerative clustering with Ward's criterion.

    Parameters
    ----------
    n_clusters : int, default=0
        0: chosen by silhouette, see `choose_k`. More than there are different rows: as many as these.
    """

    def __init__(self, n_clusters: int = 0) -> None:
        self.n_clusters = n_clusters

    def _labels(self, rows: np.ndarray, n_distinct: int) -> np.ndarray:
        """Ward's tree, cut."""
        return _ward(rows, self.n_clusters, n_distinct)


class MeanShift(_Clustering):
    """Mean shift with a flat kernel; it finds the number of clusters by its bandwidth.

    Parameters
    ----------
    bandwidth : float or None, default=None
        None: estimated, see `quantile`.
    quantile : float, default=0.2
        The bandwidth is the mean distance to the farthest of this share of all rows, nearest first.
    n_seeds : int, default=64
        At most so many rows start to move, evenly spaced in canonical order.
    """

    def __init__(self, bandwidth: float | None = None, quantile: float = 0.2, n_seeds: int = 64) -> None:
        self.bandwidth = bandwidth
        self.quantile = quantile
        self.n_seeds = n_seeds

    def _labels(self, rows: np.ndarray, n_distinct: int) -> np.ndarray:
        """Shift some of the rows."""
        from sklearn.cluster import MeanShift as Shift

        bandwidth = self.bandwidth
        if bandwidth is None:
            distance = np.sqrt(_squared_distances(rows[_sample(len(rows), 512)]))
            count = max(1, int(round(self.quantile * len(distance))))
            bandwidth = float(np.sort(distance, axis=1)[:, min(count, len(distance) - 1)].mean())
        if bandwidth <= 0:  # most rows are equal: only these come together
            return np.cumsum(np.r_[False, (rows[1:] != rows[:-1]).any(axis=1)])
        seeds = rows[_sample(len(rows), self.n_seeds)]
        return Shift(bandwidth=bandwidth, seeds=seeds, cluster_all=True).fit(rows).labels_


def clustering(kind: str, n_clusters: int = 0) -> _Clustering:
    """Make the estimator for a choice of the user.

    Parameters
    ----------
    kind : {"kmeans", "agglomerative", "meanshift"}
    n_clusters : int, default=0
        0: chosen by silhouette. Mean shift finds it by itself.

    Returns
    -------
    KMeans, Agglomerative or MeanShift
    """
    if kind == "kmeans":
        return KMeans(n_clusters)
    if kind == "agglomerative":
        return Agglomerative(n_clusters)
    if kind == "meanshift":
        return MeanShift()
    raise ValueError(f"clustering must be kmeans, agglomerative or meanshift, got {kind!r}")


def canonical(labels: np.ndarray) -> np.ndarray:
    """Number clusters by size, the largest first, then by smallest member.

    Parameters
    ----------
    labels : ndarray of shape (n,), int

    Returns
    -------
    ndarray of shape (n,), int64
        0, 1, ... without holes.
    """
    _, first, inverse, size = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -size))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[inverse.reshape(-1)]


def silhouette(squared: np.ndarray, labels: np.ndarray) -> float:
    """Mean silhouette of a partition; 0 for a row alone in its cluster.

    Parameters
    ----------
    squared : ndarray of shape (n, n)
        Squared distances.
    labels : ndarray of shape (n,), int64
        0, 1, ... without holes; at least two clusters.

    Returns
    -------
    float
        In [-1, 1].
    """
    return _mean_silhouette(np.sqrt(squared), labels)


def _mean_silhouette(distance: np.ndarray, labels: np.ndarray) -> float:
    """The same of distances."""
    member = np.zeros((len(labels), int(labels.max()) + 1), distance.dtype)
    member[np.arange(len(labels)), labels] = 1
    size = member.sum(axis=0)
    total = distance @ member
    rows = np.arange(len(labels))
    own = total[rows, labels] / np.maximum(size[labels] - 1, 1)
    mean = total / size
    mean[rows, labels] = np.inf
    other = mean.min(axis=1)
    larger = np.maximum(own, other)
    value = np.where(larger > 0, (other - own) / np.where(larger > 0, larger, 1), 0)
    return float(np.where(size[labels] > 1, value, 0).mean())


def _sample(n: int, count: int) -> np.ndarray:
    """At most so many of n indices, evenly spaced."""
    return np.arange(n) if n <= count else np.linspace(0, n - 1, count).round().astype(np.int64)


def _squared_distances(rows: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs, exactly 0 for those that differ by rounding only."""
    centred = rows - rows.mean(axis=0)
    size = (centred**2).sum(axis=1)
    squared = size[:, None] + size[None, :] - 2 * centred @ centred.T
    squared[squared < 1e-12 * size.max(initial=0)] = 0
    np.fill_diagonal(squared, 0)
    return np.maximum(squared, squared.T)


def _ward(rows: np.ndarray, n_clusters: int, n_distinct: int) -> np.ndarray:
    """Ward's clusters of sorted rows; where there are many, of a sample, the rest going to the nearest."""
    chosen = _sample(len(rows), N_SAMPLE)
    squared = _squared_distances(rows[chosen])
    distance = np.sqrt(squared)
    tree = linkage(squareform(distance, checks=False), method="ward")
    k = min(n_clusters, n_distinct) if n_clusters > 0 else choose_k(tree, distance, n_distinct)
    labels = canonical(fcluster(tree, k, criterion="maxclust"))
    if len(chosen) < len(rows):
        centres = _centres(rows[chosen], labels)
        nearest = (centres**2).sum(axis=1)[None, :] - 2 * rows @ centres.T
        labels = canonical(nearest.argmin(axis=1))
    return labels


def choose_k(tree: np.ndarray, distance: np.ndarray, n_distinct: int) -> int:
    """Choose the number of clusters with the largest mean silhouette among the cuts of a tree.

    One tree gives all cuts, which is why k-means, too, has its k chosen by it.

    Parameters
    ----------
    tree : ndarray
        As `scipy.cluster.hierarchy.linkage` gives it.
    distance : ndarray of shape (n, n)
        Of the rows that the tree is made of.
    n_distinct : int
        How many different rows there are.

    Returns
    -------
    int
        In `K_RANGE`, the smaller one of equals; fewer for fewer than 4 different rows.
    """
    low, high = K_RANGE
    high = min(high, n_distinct - 1, len(distance) - 1)
    if high <= low:
        return max(1, min(low, high))
    score = {
        k: _mean_silhouette(distance, canonical(fcluster(tree, k, criterion="maxclust"))) for k in range(low, high + 1)
    }
    best = max(score.values())
    return min(k for k, value in score.items() if value >= best - 1e-9)


def _centres(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of each cluster."""
    return np.stack([rows[labels == label].mean(axis=0) for label in range(int(labels.max()) + 1)])
