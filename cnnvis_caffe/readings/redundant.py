"""Groups of neurons that do the same (Figure 5 of the paper)."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.records.analysis import Snapshot

#: Cosine similarity and correlation above which two neurons do the same (DEFINITIONS, "Redundant pair").
SIMILARITY, CORRELATION = 0.95, 0.95


def redundant_groups(
    snapshot: Snapshot, node: str, *, similarity: float = SIMILARITY, correlation: float = CORRELATION
) -> list[list[int]]:
    """Find the neurons of a layer that do the same as another one.

    Every neuron is beyond the limits with the first one of its group that was found: chains of pairs that drift apart
    do not count as one. Neurons that never fire belong to no group.

    Parameters
    ----------
    snapshot : Snapshot
    node : str
        One with features.
    similarity, correlation : float
        The limits.

    Returns
    -------
    list of list of int
        The largest group first, each sorted; empty where the similarity was not computed.
    """
    if node not in snapshot.similarity or node not in snapshot.correlation:
        return []
    alive = snapshot.features[node].overall_maximum > 0
    with np.errstate(invalid="ignore"):
        pairs = (snapshot.similarity[node] > similarity) & (snapshot.correlation[node] > correlation)
    pairs &= alive[:, None] & alive[None, :]
    np.fill_diagonal(pairs, False)
    left = np.ones(len(pairs), bool)
    partners = pairs.sum(axis=1)
    groups: list[list[int]] = []
    while True:
        first = int(partners.argmax()) if len(partners) else 0
        if not len(partners) or not partners[first]:
            return groups
        group = [first, *np.flatnonzero(pairs[first] & left).tolist()]
        left[group] = False
        partners = (partners - pairs[:, group].sum(axis=1)) * left
        groups.append(sorted(group))
