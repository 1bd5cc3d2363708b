"""Biclusters: connections that join some clusters of a layer with some of the next, each with each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.records.aggregation import Bicluster, Cluster
from cnnvis_caffe.records.view import BiclusterMerge, BiclusterSplit, Members

#: Up to so many clusters on the smaller side a cover looks at all bicliques; beyond, at `LARGE_LIMIT` large ones.
MAX_EXACT = 12
LARGE_LIMIT = 128

_BITS = np.array([bin(number).count("1") for number in range(4096)])


def kept_edges(positive: np.ndarray, negative: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Keep the strongest edges that together carry a share of all strength.

    Parameters
    ----------
    positive, negative : ndarray of shape (n_sources, n_targets), float64
        Strengths, never negative.
    share : float
        In (0, 1]; of both signs together.

    Returns
    -------
    positive, negative : ndarray of the same shape, bool
        As few edges as possible; never one of strength 0. Of equals the positive and earlier ones first.
    """
    strength = np.concatenate([positive.ravel(), negative.ravel()])
    order = np.argsort(-strength, kind="stable")
    total = np.cumsum(strength[order])
    kept = np.zeros(len(strength), bool)
    if len(strength) and total[-1] > 0:
        count = int(np.searchsorted(total, share * total[-1] * (1 - 1e-12))) + 1
        kept[order[:count]] = True
        kept &= strength > 0
    n = positive.size
    return kept[:n].reshape(positive.shape), kept[n:].reshape(positive.shape)


def closed_bicliques(edges: np.ndarray, limit: int) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Find the maximal bicliques of a bipartite graph.

    Parameters
    ----------
    edges : ndarray of shape (n_sources, n_targets), bool
    limit : int
        Beyond so many, the search goes on with those that have most edges.

    Returns
    -------
    tuple of (sources, targets)
        Each with at least one of both; sorted. All of them, unless there are more than `limit`.
    """
    found = _closed(_masks(edges), limit)
    return tuple(sorted((_members(sources), _members(targets)) for sources, targets in found))


def cover(edges: np.ndarray) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Draw every edge exactly once, in few strokes.

    Again and again the closed biclique of what is left that saves most strokes, at least 2 by 2, is taken out; what
    remains are single edges.

    Parameters
    ----------
    edges : ndarray of shape (n_sources, n_targets), bool

    Returns
    -------
    tuple of (sources, targets)
        Bicliques without a common edge whose edges are all edges.
    """
    edges = edges.copy()
    chosen = []
    while True:
        best = _best_biclique(edges)
        if best is None:
            break
        chosen.append(best)
        edges[np.ix_(*best)] = False
    chosen += [((int(source),), (int(target),)) for source, target in np.argwhere(edges)]
    return tuple(sorted(chosen))


def _best_biclique(edges: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The biclique, at least 2 by 2, that saves most strokes; None without any.

    What saves most is closed by itself: another cluster that fits would save more.
    """
    if edges.shape[0] > edges.shape[1]:
        found = _best_biclique(edges.T)
        return None if found is None else (found[1], found[0])
    masks = _masks(edges)
    if len(masks) <= MAX_EXACT and edges.shape[1] <= 62:
        # The common targets of each set of sources, by doubling: set number i has the sources of its bits.
        common = np.array([(1 << edges.shape[1]) - 1], np.int64)
        for mask in masks:
            common = np.concatenate([common, common & mask])
        n, m = _counts(np.arange(len(common))), _counts(common)
        saving = np.where((n > 1) & (m > 1), (n * m - n - m) * 4096 + n * m, -1)
        best = int(saving.argmax())
        return (_members(best), _members(int(common[best]))) if saving[best] >= 0 else None
    return min(
        (c for c in closed_bicliques(edges, LARGE_LIMIT) if len(c[0]) > 1 and len(c[1]) > 1),
        key=lambda c: (len(c[0]) + len(c[1]) - len(c[0]) * len(c[1]), -len(c[0]) * len(c[1]), c),
        default=None,
    )


def _counts(masks: np.ndarray) -> np.ndarray:
    """How many bits are set in each."""
    total = np.zeros(len(masks), np.int64)
    while masks.any():
        total += _BITS[masks & 0xFFF]
        masks = masks >> 12
    return total


def find_biclusters(kept_positive: np.ndarray, kept_negative: np.ndarray) -> tuple[Bicluster, ...]:
    """Bundle the kept edges of a gap, positive and negative apart.

    Parameters
    ----------
    kept_positive, kept_negative : ndarray of shape (n_sources, n_targets), bool

    Returns
    -------
    tuple of Bicluster
        The positive ones first.
    """
    return tuple(
        Bicluster(sign, sources, targets, tuple((s, t) for s in sources for t in targets))
        for sign, kept in ((1, kept_positive), (-1, kept_negative))
        for sources, targets in cover(kept)
    )


def strokes(biclusters: Sequence[Bicluster]) -> int:
    """Count the strokes that are drawn.

    Parameters
    ----------
    biclusters : sequence of Bicluster

    Returns
    -------
    int
        One for a bicluster of one edge; for another one to or from each of its clusters. Unbundled there would be
        one for each edge.
    """
    return sum(1 if len(b.edges) == 1 else len(b.sources) + len(b.targets) for b in biclusters)


def with_edits(
    biclusters: Sequence[Bicluster],
    edits: Sequence[BiclusterMerge | BiclusterSplit],
    sources: Sequence[Cluster],
    targets: Sequence[Cluster],
) -> tuple[Bicluster, ...]:
    """Merge and split biclusters as the user wants it.

    Parameters
    ----------
    biclusters : sequence of Bicluster
    edits : sequence of BiclusterMerge or BiclusterSplit
        Those of this gap, in order. What they name is found by members: on other data it is the bicluster that has
        most in common; an edit that finds nothing is passed over.
    sources, targets : sequence of Cluster
        Of the two columns.

    Returns
    -------
    tuple of Bicluster
    """
    result = list(biclusters)
    for edit in edits:
        if isinstance(edit, BiclusterMerge):
            first = _find(result, edit.sign, edit.first, sources, targets)
            rest = [b for b in result if b is not first]
            second = _find(rest, edit.sign, edit.second, sources, targets)
            if first is None or second is None:
                continue
            merged = _from_edges(edit.sign, {*first.edges, *second.edges})
            result = [merged if b is first else b for b in result if b is not second]
        else:
            which = _find(result, edit.sign, edit.which, sources, targets)
            if which is None:
                continue
            parts = [_from_edges(edit.sign, {e for e in which.edges if e[1] == target}) for target in which.targets]
            at = next(number for number, b in enumerate(result) if b is which)
            result[at : at + 1] = parts
    return tuple(result)


def _from_edges(sign: int, edges: set[tuple[int, int]]) -> Bicluster:
    """A bicluster of just these edges."""
    sources, targets = ({edge[end] for edge in edges} for end in (0, 1))
    return Bicluster(sign, tuple(sorted(sources)), tuple(sorted(targets)), tuple(sorted(edges)))


def _find(
    biclusters: Sequence[Bicluster],
    sign: int,
    named: tuple[tuple[Members, ...], tuple[Members, ...]],
    sources: Sequence[Cluster],
    targets: Sequence[Cluster],
) -> Bicluster | None:
    """The bicluster whose pairs of clusters are most nearly the named ones."""
    wanted_sources = {cluster_with(members, sources) for members in named[0]} - {None}
    wanted_targets = {cluster_with(members, targets) for members in named[1]} - {None}
    wanted = {(s, t) for s in wanted_sources for t in wanted_targets}
    best, best_likeness = None, 0.0
    for bicluster in biclusters:
        pairs = {(s, t) for s in bicluster.sources for t in bicluster.targets}
        likeness = len(wanted & pairs) / max(1, len(wanted | pairs))
        if bicluster.sign == sign and likeness > best_likeness:
            best, best_likeness = bicluster, likeness
    return best


def cluster_with(members: Members, clusters: Sequence[Cluster]) -> int | None:
    """Find the cluster that has most of some neurons.

    Parameters
    ----------
    members : tuple of int
    clusters : sequence of Cluster

    Returns
    -------
    int or None
        The first of equals; None where no cluster has any.
    """
    common = [int(np.isin(cluster.neurons, members).sum()) for cluster in clusters]
    return int(np.argmax(common)) if any(common) else None


def _masks(edges: np.ndarray) -> list[int]:
    """For each source its targets, as bits."""
    return [sum(1 << int(target) for target in np.flatnonzero(row)) for row in edges]


def _members(mask: int) -> tuple[int, ...]:
    """The bits that are set."""
    return tuple(bit for bit in range(mask.bit_length()) if mask >> bit & 1)


def _count(mask: int) -> int:
    """How many bits are set; int.bit_count needs Python 3.10."""
    return bin(mask).count("1")


def _closed(masks: Sequence[int], limit: int) -> list[tuple[int, int]]:
    """Closed bicliques as bits of sources and targets.

    The closed sets of targets are just the intersections of the sources' targets.
    """
    closed: set[int] = set()

    def sources_of(targets: int) -> int:
        return sum(1 << source for source, mask in enumerate(masks) if mask & targets == targets)

    for mask in sorted(set(masks) - {0}):
        closed |= {mask & other for other in closed}
        closed.add(mask)
        if len(closed) > limit:
            by_size = sorted(closed, key=lambda targets: (-_count(targets) * _count(sources_of(targets)), targets))
            closed = set(by_size[:limit])
    closed.discard(0)
    return [(sources_of(targets), targets) for targets in closed]
