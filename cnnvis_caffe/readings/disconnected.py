"""Clusters that nothing leads to or from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.records.aggregation import Aggregation


@dataclass(frozen=True)
class Disconnected:
    """A cluster with hardly any connections on one side.

    Attributes
    ----------
    node : str
    cluster : int
    side : {"incoming", "outgoing"}
    share : float
        Its strength by the mean of its column's clusters.
    """

    node: str
    cluster: int
    side: str
    share: float


def disconnected_clusters(aggregation: Aggregation, below: float = 0.01) -> tuple[Disconnected, ...]:
    """Find the clusters whose incoming or outgoing strength is next to nothing, whatever the edge filter.

    Parameters
    ----------
    aggregation : Aggregation
    below : float, default=0.01
        Share of the mean over the column's clusters.

    Returns
    -------
    tuple of Disconnected
        By column; columns without any strength on that side are passed over. The strength of a cluster is the mean
        over its neurons of the sum of mean |weight| to all neurons on that side, whatever gives the edges their width.
    """
    size = {column.node: np.array([len(c.neurons) for c in column.clusters]) for column in aggregation.columns}
    strength = {
        (column.node, side): np.zeros(len(column.clusters))
        for column in aggregation.columns
        for side in ("incoming", "outgoing")
    }
    for gap in aggregation.gaps:
        strength[gap.target, "incoming"] += size[gap.source] @ gap.absolute
        strength[gap.source, "outgoing"] += gap.absolute @ size[gap.target]
    found = []
    for (node, side), values in strength.items():
        mean = values.mean() if len(values) else 0.0
        if mean > 0:
            found += [
                Disconnected(node, int(number), side, float(values[number] / mean))
                for number in np.flatnonzero(values < below * mean)
            ]
    return tuple(found)
