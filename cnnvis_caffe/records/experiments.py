"""Images that were made for neurons, and what neurons keep of their responses when images are changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Maximized:
    """Images that make the neurons of a layer respond strongly.

    Attributes
    ----------
    title : str
        Of the network.
    node : str
    n_neurons : int
        Of the layer.
    neurons : tuple of int
        Those that are shown.
    pictures : tuple of ndarray of shape (h, w, 3), uint8
        RGB; what the neuron sees of its image.
    start, activations : ndarray of shape (n,), float32
        The response to noise, and to the image.
    n_steps, seed : int
    """

    title: str
    node: str
    n_neurons: int
    neurons: tuple[int, ...]
    pictures: tuple[np.ndarray, ...]
    start: np.ndarray
    activations: np.ndarray
    n_steps: int
    seed: int


@dataclass(frozen=True, eq=False)
class ColourShape:
    """Which share of their responses the neurons of a layer keep when images lose their colour or their shape.

    Attributes
    ----------
    title : str
        Of the network.
    node : str
    changes : tuple of str
        Such as "without colour" and "parts shuffled"; networks of grey images have none of colour.
    kept : ndarray of shape (n_changes, n_neurons), float64
        Mean response to the changed images by that to the same images as they are; NaN for neurons without response.
    n_images, n_strongest : int
        Images that were looked at, and those with the largest responses that count.
    """

    title: str
    node: str
    changes: tuple[str, ...]
    kept: np.ndarray
    n_images: int
    n_strongest: int
