"""Finds neurons that never fire."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.records.analysis import Analysis, Snapshot


def dead_neurons(analysis: Analysis, snapshot: Snapshot, node: str) -> np.ndarray | None:
    """Find the neurons of a rectifier that never see anything above 0.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    node : str

    Returns
    -------
    ndarray of shape (n_neurons,), bool, or None
        None where that is not known, and for what is no rectifier.
    """
    rectifier = analysis.node(node)
    if rectifier.role != "rectifier":
        return None
    for name in (rectifier.sources[0], node):
        features = snapshot.features.get(name)
        if features is not None and features.n_neurons == rectifier.n_neurons:
            return features.overall_maximum <= 0
    return None
