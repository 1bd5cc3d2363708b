"""Projects activations back to the pixels: the gradient, a deconvnet, guided backpropagation.

The three differ in nothing but rectifiers. With f(x) = max(x, 0) + a min(x, 0), where x is what went into the rectifier
and s is the signal that comes back to it:

- **gradient**: s times f'(x), which is 1 where x is above 0 and a elsewhere. Calculus.
- **deconvnet** (Zeiler and Fergus 2014): f(s). The signal passes the rectifier as an activation would, whatever x was.
- **guided** (Springenberg et al. 2015): f(s) times f'(x). Both at once.

The papers have a = 0 only. "The signal passes the rectifier itself" is the one reading of a slope that agrees with what
must hold at both ends: at a = 0 it is the papers' rule, and at a = 1, where the rectifier does nothing, all three are
the gradient, as they must be in a network without rectifiers. Cutting off what is negative whatever the slope, as some
tools do, leaves a net with slope 1 with a projection that is not its own. The rule keeps f(t s) = t f(s) for t above 0,
so that the scale of an activation is only the scale of its projection. PReLU has a slope a for each channel. Rectifiers
without that form (ELU, Clip, ReLU6, Swish) have a = 0.

A deconvnet passes over normalisation between neighbours (LRN) and dropout: a reconstruction is no activation that could
be normalised. In the other two these go back by their gradient, and so does every other layer in all three: pooling by
the switches of the forward pass, batch normalisation, scale, concatenation, slices and sums as the linear functions
that they are in the TEST phase.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnvis_caffe.features.explain.way_back import Aim, WayBack


def project(
    way: WayBack, inputs: np.ndarray, neuron: int, positions: np.ndarray | None = None, rule: str = "gradient"
) -> tuple[np.ndarray, Aim]:
    """Project one activation of each image back to its pixels, beginning with a signal of 1.

    Parameters
    ----------
    way : WayBack
    inputs : ndarray of shape (n, C, H, W), float32
        As the network takes them.
    neuron : int
    positions : ndarray of shape (n, d) or (d,), int, optional
        Row and column; the largest activation of each image by default.
    rule : {"gradient", "deconvnet", "guided"}, default="gradient"

    Returns
    -------
    projections : ndarray of shape (n, C, H, W), float32
        For "gradient" the derivative of the activation by each pixel value, as the network takes it.
    aim : Aim
        What was projected.

    Raises
    ------
    CnnvisError
        If there is no such neuron or position.
    """
    aim = way.aim(inputs, neuron, positions)
    return way.back(aim.signal, rule), aim


def project_back(
    net: Any,
    input_name: str,
    inputs: np.ndarray,
    node: str,
    neuron: int | np.ndarray,
    positions: np.ndarray,
    slopes: Mapping[str, float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Project neurons' activations on some images back to their pixels with a deconvnet.

    Parameters
    ----------
    net : pycaffe Net
        Out of place and with `force_backward`, as analyses use it.
    input_name : str
        Blob of the images.
    inputs : ndarray of shape (n, C, H, W), float32
        As the network takes them.
    node : str
        Blob of the neuron.
    neuron : int or ndarray of shape (n,), int
        The same for all images, or one for each.
    positions : ndarray of shape (n, d), int
        Where in the blob the activation lies that is projected, one for each image; d is 0 for inner products.
    slopes : mapping of str to float, optional
        ``negative_slope`` of ReLU layers, by their name.

    Returns
    -------
    projections : ndarray of shape (n, C, H, W), float32
        What the activations are made of; their scale means nothing.
    activations : ndarray of shape (n,), float32
        What was projected. As in Zeiler and Fergus, it is the signal that the way back begins with.
    """
    way = WayBack(net, input_name, node, slopes)
    aim = way.aim(inputs, neuron, positions)
    factors = aim.activations.reshape(-1, *[1] * (aim.signal.ndim - 1))
    return way.back(aim.signal * factors, "deconvnet"), aim.activations
