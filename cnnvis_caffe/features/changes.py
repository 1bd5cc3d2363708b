"""Measures how far weights have moved: from the snapshot before, or in the solver's last step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cnnvis_caffe.records.analysis import LayerDebug


def relative_change(weights: np.ndarray, before: np.ndarray) -> float:
    """Return mean |w - w'| / mean |w'|.

    Parameters
    ----------
    weights, before : ndarray
        Of one layer, without biases, now and in the snapshot before.

    Returns
    -------
    float
        NaN where the weights were all zero, or have another number now.
    """
    if weights.size != before.size:
        return float("nan")
    size = _mean_abs(before)
    moved = _mean_abs(np.subtract(weights.reshape(-1), before.reshape(-1), dtype=np.float64))
    return moved / size if size else float("nan")


def last_update(history: np.ndarray, weights: np.ndarray) -> float:
    """Return mean |history| / mean |w|.

    Parameters
    ----------
    history : ndarray
        What the solver keeps of its last step for these weights: the first history array of that parameter.
    weights : ndarray

    Returns
    -------
    float
        NaN where the weights are all zero, or not those of the history.
    """
    if history.size != weights.size:
        return float("nan")
    size = _mean_abs(weights)
    return _mean_abs(history) / size if size else float("nan")


def with_changes(
    debug: Mapping[str, LayerDebug],
    weights: Mapping[str, np.ndarray],
    before: Mapping[str, np.ndarray] | None = None,
    history: Mapping[str, np.ndarray] | None = None,
) -> dict[str, LayerDebug]:
    """Complete debugging information by what other files tell.

    Parameters
    ----------
    debug : mapping of str to LayerDebug
        By node.
    weights : mapping of str to ndarray
        The first parameter of each layer.
    before : mapping of str to ndarray, optional
        The same in the snapshot before.
    history : mapping of str to ndarray, optional
        The solver's history of the same.

    Returns
    -------
    dict of str to LayerDebug
        What is not given stays NaN.
    """
    result = dict(debug)
    for name, layer in debug.items():
        if name not in weights:
            continue
        if before is not None and name in before:
            layer = replace(layer, relative_change=relative_change(weights[name], before[name]))
        if history is not None and name in history:
            layer = replace(layer, last_update=last_update(history[name], weights[name]))
        result[name] = layer
    return result


def _mean_abs(values: np.ndarray) -> float:
    """Mean absolute value, summed in float64."""
    return float(np.abs(values).mean(dtype=np.float64)) if values.size else 0.0
