"""Pictures of features: their strongest patches beside projections, for a layer or over the snapshots of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class FeatureView:
    """One feature map, by the images that it responds to most.

    Attributes
    ----------
    neuron : int
    snapshot : str
        Label.
    responses : tuple of float
        The strongest first.
    patches : tuple of ndarray of shape (h, w, 3), uint8
        Of the images, as much as its receptive field sees.
    projections : tuple of ndarray of shape (h, w, 3), uint8
        The same parts of the responses projected back by a deconvnet.
    """

    neuron: int
    snapshot: str
    responses: tuple[float, ...]
    patches: tuple[np.ndarray, ...]
    projections: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class FeatureSheet:
    """Feature maps of one layer.

    Attributes
    ----------
    title : str
        Of the network.
    node : str
    n_neurons : int
        Of the layer.
    views : tuple of FeatureView
    """

    title: str
    node: str
    n_neurons: int
    views: tuple[FeatureView, ...]
