"""Integrated gradients: how much each pixel gives to an activation (Sundararajan et al. 2017)."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.features.explain.way_back import Aim, WayBack
from cnnvis_caffe.progress import SILENT, Progress


def integrate(
    way: WayBack,
    inputs: np.ndarray,
    neuron: int,
    positions: np.ndarray | None = None,
    *,
    baseline: np.ndarray | float = 0.0,
    n_steps: int = 50,
    batch: int = 64,
    progress: Progress = SILENT,
) -> tuple[np.ndarray, Aim, np.ndarray]:
    """Integrate the gradient of an activation along the straight line from a baseline to each image.

    Parameters
    ----------
    way : WayBack
    inputs : ndarray of shape (n, C, H, W), float32
    neuron : int
    positions : ndarray of shape (n, d) or (d,), int, optional
        The largest activation of each image by default.
    baseline : ndarray of shape (C, H, W) or float, default=0
        An image that shows nothing, as the network takes it.
    n_steps : int, default=50
        Of the Gauss-Legendre rule.
    batch : int, default=64
        Images that go through the network at once.
    progress : Progress, optional

    Returns
    -------
    shares : ndarray of shape (n, C, H, W), float32
        They add up to the activation less that of the baseline, as far as `n_steps` are enough.
    aim : Aim
    errors : ndarray of shape (n,), float32
        What they add up to, less what they should.
    """
    start = np.broadcast_to(np.asarray(baseline, np.float32), inputs.shape[1:])
    aim = way.aim(inputs, neuron, positions)
    # As many images as before: layers prepare their weights anew for another number, which costs more.
    at_start = way.aim(np.broadcast_to(start, inputs.shape), neuron, aim.positions).activations
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    steps, weights = ((nodes + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)
    # One row for each image and step; images of one batch may be at different steps.
    image, step = (part.ravel() for part in np.meshgrid(np.arange(len(inputs)), np.arange(n_steps), indexing="ij"))
    shares = np.zeros(inputs.shape, np.float32)
    progress.start(len(image), "integrating")
    # Batches of one size: layers prepare their weights anew for another.
    n_parts = -(-len(image) // batch)
    for some, at in zip(np.array_split(image, n_parts), np.array_split(step, n_parts)):
        between = start + steps[at][:, None, None, None] * (inputs[some] - start)
        signal = way.aim(between, neuron, aim.positions[some]).signal
        present = np.arange(some[0], some[-1] + 1)
        of_image = np.where(present[:, None] == some, weights[at], 0)
        shares[present] += np.tensordot(of_image, way.back(signal), 1)
        progress.step(len(some))
    progress.done()
    shares *= inputs - start
    errors = shares.sum((1, 2, 3), dtype=np.float64) - (aim.activations - at_start)
    return shares, aim, errors.astype(np.float32)
