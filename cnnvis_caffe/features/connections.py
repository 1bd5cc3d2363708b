"""Weights and their gradients between neurons; factors of scales."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.records.analysis import Node, WeightCounts

#: Of the histogram of a layer's weights.
N_BINS = 64


def neuron_weights(weights: np.ndarray, node: Node, n_from: int) -> tuple[np.ndarray, np.ndarray]:
    """Reduce the weights of a layer to one for each pair of neurons.

    Parameters
    ----------
    weights : ndarray
        The first parameter of a Convolution, Deconvolution or InnerProduct, or its gradient.
    node : Node
        Of kind "weights".
    n_from : int
        Neurons of its source.

    Returns
    -------
    mean, mean_abs : ndarray of shape (n_to, n_from), float32
        Over the kernel; for an InnerProduct over the positions of each channel. Zero between different groups.
    """
    n_to = node.n_neurons
    if node.type == "InnerProduct":
        matrix = weights.reshape(-1, n_to).T if node.transposed else weights.reshape(n_to, -1)
        taps = matrix.reshape(n_to, n_from, -1)
        return _float32(taps.mean(2, dtype=np.float64)), _float32(np.abs(taps).mean(2, dtype=np.float64))
    taps = weights.reshape(*weights.shape[:2], -1)
    return tuple(  # type: ignore[return-value]
        _ungrouped(_float32(values.mean(2, dtype=np.float64)), node, n_from) for values in (taps, np.abs(taps))
    )


def _ungrouped(values: np.ndarray, node: Node, n_from: int) -> np.ndarray:
    """(n_to, n_from) from what a layer with groups stores: each group's block alone."""
    n_to = node.n_neurons
    if node.transposed:  # (n_from, n_to / group)
        n_groups = n_to // values.shape[1]
        blocks = values.reshape(n_groups, n_from // n_groups, n_to // n_groups).transpose(0, 2, 1)
    else:  # (n_to, n_from / group)
        n_groups = n_from // values.shape[1]
        blocks = values.reshape(n_groups, n_to // n_groups, n_from // n_groups)
    result = np.zeros((n_groups, n_to // n_groups, n_groups, n_from // n_groups), np.float32)
    result[np.arange(n_groups), :, np.arange(n_groups)] = blocks
    return result.reshape(n_to, n_from)


def kernels(weights: np.ndarray, node: Node, n_channels: int) -> np.ndarray | None:
    """Return the weights of a convolution that reads images, as pictures are made of them.

    Parameters
    ----------
    weights : ndarray of shape (n_to, n_channels, h, w)
        The first parameter.
    node : Node
        Of kind "weights".
    n_channels : int
        Of the images.

    Returns
    -------
    ndarray of shape (n_to, n_channels, h, w), float32, or None
        None for other layers, and for those with groups or transposed weights.
    """
    if node.type != "Convolution" or weights.ndim != 4 or weights.shape[:2] != (node.n_neurons, n_channels):
        return None
    return _float32(weights)


def weight_counts(weights: np.ndarray) -> WeightCounts | None:
    """Count the weights of a layer in bins of equal width; None where they are not all finite."""
    low, high = float(weights.min()), float(weights.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        return None
    # All of one value: they lie in the middle.
    span = (low, high) if high > low else (low - 1, high + 1)
    return WeightCounts(*span, np.histogram(weights, N_BINS, span)[0].astype(np.int64))


def scale_factors(params: list[np.ndarray], node: Node) -> np.ndarray:
    """Return what a BatchNorm or Scale multiplies each neuron with.

    Parameters
    ----------
    params : list of ndarray
        The layer's parameters.
    node : Node
        Of kind "scale".

    Returns
    -------
    ndarray of shape (n_neurons,), float32
    """
    if node.type == "BatchNorm":
        weight = float(params[2].reshape(-1)[0])
        # Caffe quirk: before the first update the statistics count as zero.
        variance = params[1].reshape(-1).astype(np.float64) * (1 / weight if weight else 0.0)
        return _float32(1 / np.sqrt(variance + node.epsilon))
    factors = params[0].astype(np.float64)
    if not factors.ndim:
        return np.full(node.n_neurons, factors, np.float32)
    return _float32(factors.reshape(node.n_neurons, -1).mean(1))


def _float32(values: np.ndarray) -> np.ndarray:
    """As it is kept."""
    return values.astype(np.float32)
