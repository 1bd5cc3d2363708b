"""Clusters of neurons by what they respond to; estimators with scikit-learn's conventions.

Nothing here is random and nothing depends on the version of a library: k-means starts from Ward's clusters, and the
few lines of its iteration cost less than to load scikit-learn.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

#: Where k is chosen, it is between these, and smaller than the number of different rows.
K_RANGE = (2, 10)
#: k-means starts from the tree of so many rows at most, and mean shift moves among so many.
N_SAMPLE = 512
#: Agglomerative clustering makes its tree of so many rows at most; the others go to the nearest centre.
N_TREE = 2048


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
            found = self._labels(rows[order], n_distinct)[is_new][which]
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
    """k-means by Lloyd's iteration, started from Ward's clusters.

    Parameters
    ----------
    n_clusters : int, default=0
        0: chosen by silhouette, see `choose_k`. More than there are different rows: as many as these.
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
        rows = rows - rows.mean(axis=0)
        labels = _ward(rows, self.n_clusters, n_distinct, N_SAMPLE, self.k_range)
        n_clusters = int(labels.max()) + 1
        for _ in range(self.max_iter):
            squared = _squared_to(rows, _centres(rows, labels))
            nearest = squared.argmin(axis=1)
            for label in np.setdiff1d(np.arange(n_clusters), nearest):
                # A cluster that lost all its rows gets the one that is farthest from its own centre.
                sizes = np.bincount(nearest, minlength=n_clusters)
                own = squared[np.arange(len(rows)), nearest]
                nearest[np.where(sizes[nearest] > 1, own, -1).argmax()] = label
            if (nearest == labels).all():
                break
            labels = nearest
        return labels


class Agglomerative(_Clustering):
    """Agglomerative clustering with Ward's criterion.

    Parameters
    ----------
    n_clusters : int, default=0
        0: chosen by silhouette, see `choose_k`. More than there are different rows: as many as these.
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
        None: of some multiples of the mean distance to the nearest 10, 20 and 30% of all rows the one with the
        largest mean silhouette.
    n_seeds : int, default=64
        At most so many rows start to move.
    max_iter : int, default=100
    """

    def __init__(self, bandwidth: float | None = None, n_seeds: int = 64, max_iter: int = 100) -> None:
        self.bandwidth = bandwidth
        self.n_seeds = n_seeds
        self.max_iter = max_iter

    def _labels(self, rows: np.ndarray, n_distinct: int) -> np.ndarray:
        """Each row belongs to the nearest of the places where most are."""
        rows = rows - rows.mean(axis=0)
        crowd = rows[_sample(len(rows), N_SAMPLE)]
        if self.bandwidth is not None:
            return _squared_to(rows, self._places(crowd, self.bandwidth)).argmin(axis=1)
        distance = np.sqrt(_squared_distances(crowd))
        farther = np.sort(distance, axis=1).mean(axis=0)
        best, best_value = np.zeros(len(rows), np.int64), -np.inf
        for share in (0.1, 0.2, 0.3):
            for factor in (1.0, 1.5):
                bandwidth = factor * farther[min(max(2, round(share * len(crowd))), len(crowd) - 1)]
                places = self._places(crowd, bandwidth)
                labels = canonical(_squared_to(crowd, places).argmin(axis=1))
                value = _mean_silhouette(distance, labels) if labels.any() else 0.0
                if value > best_value:
                    best, best_value = _squared_to(rows, places).argmin(axis=1), value
        return best

    def _places(self, crowd: np.ndarray, bandwidth: float) -> np.ndarray:
        """Shift some of the rows to the mean of those near them until they rest; no two closer than the bandwidth."""
        # Rounding must not leave a row outside its own neighbourhood.
        reach = bandwidth**2 + 1e-9 * (crowd**2).sum(axis=1).max()
        places = crowd[_sample(len(crowd), self.n_seeds)]
        for _ in range(self.max_iter):
            near = (_squared_to(places, crowd) <= reach).astype(crowd.dtype)
            shifted = near @ crowd / np.maximum(near.sum(axis=1), 1)[:, None]
            step = np.abs(shifted - places).max(initial=0)
            places = shifted
            if step <= 1e-3 * bandwidth:
                break
        crowded = (_squared_to(places, crowd) <= reach).sum(axis=1)
        kept: list[np.ndarray] = []
        for place in places[np.argsort(-crowded, kind="stable")]:
            if all(((place - other) ** 2).sum() > reach for other in kept):
                kept.append(place)
        return np.stack(kept)


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


def _squared_to(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances of rows to centres, (n, k), but for rounding."""
    squared = (rows**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1)[None, :] - 2 * rows @ centres.T
    return np.maximum(squared, 0)


def _ward(rows: np.ndarray, n_clusters: int, n_distinct: int, n_sample: int, k_range: tuple[int, int]) -> np.ndarray:
    """Ward's clusters of sorted rows; where there are many, of a sample, the rest going to the nearest centre."""
    chosen = _sample(len(rows), n_sample)
    distance = np.sqrt(_squared_distances(rows[chosen]))
    tree = linkage(squareform(distance, checks=False), method="ward")
    k = min(n_clusters, n_distinct) if n_clusters > 0 else choose_k(tree, distance, n_distinct, k_range)
    labels = canonical(fcluster(tree, k, criterion="maxclust"))
    if len(chosen) < len(rows):
        labels = canonical(_squared_to(rows, _centres(rows[chosen], labels)).argmin(axis=1))
    return labels


def choose_k(tree: np.ndarray, distance: np.ndarray, n_distinct: int, k_range: tuple[int, int] = K_RANGE) -> int:
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
    k_range : (int, int), default=(2, 10)

    Returns
    -------
    int
        In this range, the smaller one of equals; fewer for fewer than 4 different rows.
    """
    low, high = k_range
    high = min(high, n_distinct - 1, len(distance) - 1)
    if high <= low:
        return max(1, min(low, high))
    score = {
        k: _mean_silhouette(distance, canonical(fcluster(tree, k, criterion="maxclust"))) for k in range(low, high + 1)
    }
    best = max(score.values(), default=0.0)
    return min((k for k, value in score.items() if value >= best - 1e-9), default=1)


def _centres(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of each cluster, (k, n_features)."""
    member = (np.arange(int(labels.max()) + 1)[:, None] == labels[None, :]).astype(rows.dtype)
    return member @ rows / member.sum(axis=1)[:, None]
