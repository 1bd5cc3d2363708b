"""Shows what features look like: top patches beside their projections, and how these came about in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.analysis.deconvolution import project_strongest
from cnnvis_caffe.analysis.patches import top_patches
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.features.patches import cut
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.records.feature_sheet import FeatureSheet, FeatureView

#: Feature maps that are shown where nobody names any.
MOST = 24


def feature_sheet(
    analysis: Analysis,
    layer: str,
    *,
    neurons: Sequence[int] = (),
    snapshot: str | int = "",
    n_patches: int = 9,
    progress: Progress = SILENT,
    allow_python_layers: bool = False,
) -> FeatureSheet:
    """Put the strongest patches of a layer's feature maps beside their projections (Zeiler and Fergus, Figure 2).

    Parameters
    ----------
    analysis : Analysis
    layer : str
    neurons : sequence of int, optional
        The 24 with the strongest responses, in their order, by default.
    snapshot : str or int, optional
        Label or iteration; the last one by default.
    n_patches : int, default=9
        Of each feature map at most.
    progress : Progress, optional
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.

    Returns
    -------
    FeatureSheet

    Raises
    ------
    CnnvisError
        If there is no such layer, neuron or snapshot, or the model is not where it was.
    """
    at = analysis.snapshot(snapshot)
    chosen = chosen_neurons(analysis, at, layer, neurons)
    views = _views(analysis, at, layer, chosen, n_patches, progress, allow_python_layers)
    return FeatureSheet(analysis.title, layer, at.features_of(layer).n_neurons, tuple(views))


def evolution_sheet(
    analysis: Analysis,
    layer: str,
    *,
    neurons: Sequence[int] = (),
    progress: Progress = SILENT,
    allow_python_layers: bool = False,
) -> FeatureSheet:
    """Follow the strongest projection of feature maps over the snapshots of a run (Zeiler and Fergus, Figure 4).

    Parameters
    ----------
    analysis : Analysis
        Of two snapshots or more.
    layer : str
    neurons : sequence of int, optional
        The eight with the strongest responses at the end, by default.
    progress : Progress, optional
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.

    Returns
    -------
    FeatureSheet
        All snapshots of the first neuron, then of the next.

    Raises
    ------
    CnnvisError
        If there is one snapshot only, no such layer or neuron, or the model is not where it was.
    """
    if len(analysis.snapshots) < 2:
        raise CnnvisError(f"{analysis.title}: has one snapshot; analyze several of a run to see how features evolved")
    chosen = chosen_neurons(analysis, analysis.snapshots[-1], layer, neurons, most=8)
    rows = [_views(analysis, one, layer, chosen, 1, progress, allow_python_layers) for one in analysis.snapshots]
    views = tuple(row[place] for place in range(len(chosen)) for row in rows)
    return FeatureSheet(analysis.title, layer, analysis.snapshots[-1].features_of(layer).n_neurons, views)


def chosen_neurons(
    analysis: Analysis, snapshot: Snapshot, layer: str, neurons: Sequence[int], most: int = MOST
) -> list[int]:
    """Return the neurons that are shown, ascending.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    layer : str
    neurons : sequence of int
        Empty for those with the strongest responses.
    most : int, optional
        How many then.

    Raises
    ------
    CnnvisError
        If there is no such layer or neuron.
    """
    features = snapshot.features_of(layer)
    wrong = [neuron for neuron in neurons if not 0 <= neuron < features.n_neurons]
    if wrong:
        raise CnnvisError(f"{layer} has the neurons 0 to {features.n_neurons - 1}, not {wrong[0]}")
    if neurons:
        return list(neurons)
    known = np.flatnonzero(features.top_image[:, 0] >= 0)
    order = known[np.argsort(-features.top_response[known, 0], kind="stable")]
    return sorted(order[:most].tolist())


def _views(
    analysis: Analysis,
    snapshot: Snapshot,
    layer: str,
    neurons: Sequence[int],
    n_patches: int,
    progress: Progress,
    allow_python_layers: bool,
) -> list[FeatureView]:
    """The neurons at one snapshot."""
    features = snapshot.features_of(layer)
    projected = project_strongest(
        analysis, snapshot, layer, neurons, most=n_patches, progress=progress, allow_python_layers=allow_python_layers
    )
    views = []
    for neuron, pictures in zip(neurons, projected):
        known = np.flatnonzero(features.top_image[neuron] >= 0)[:n_patches]
        views.append(
            FeatureView(
                neuron,
                snapshot.label,
                tuple(features.top_response[neuron, known].tolist()),
                tuple(top_patches(analysis, snapshot, layer, neuron)[: len(known)]),
                tuple(
                    cut(pictures[int(features.top_image[neuron, rank])], features.top_box[neuron, rank]).copy()
                    for rank in known
                ),
            )
        )
    return views
