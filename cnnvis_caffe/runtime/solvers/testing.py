"""Tests the weights during training: the mean of a test net's outputs over some batches."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnvis_caffe.runtime.net import Net

_F4 = np.float32


@dataclass(frozen=True)
class OutputValues:
    """The values of one output blob of a net.

    Attributes
    ----------
    name : str
        Of the blob.
    loss_weight : float
        0 for an output that is not a loss.
    values : ndarray of shape (n,), float32
    """

    name: str
    loss_weight: float
    values: np.ndarray


@dataclass(frozen=True)
class TestResult:
    """The result of a pass over a test net.

    Attributes
    ----------
    index : int
        Number of the test net.
    outputs : tuple of OutputValues
        Means over the batches.
    loss : float
        Mean over the batches of the net's weighted loss.
    """

    index: int
    outputs: tuple[OutputValues, ...]
    loss: float


def outputs_of(net: Net) -> list[OutputValues]:
    """Copy the outputs of a net.

    Parameters
    ----------
    net : Net

    Returns
    -------
    list of OutputValues
        By byte order of the names, as Caffe has them.
    """
    return [
        OutputValues(net.blob_names[i], net.blob_loss_weights[i], net.blobs[i].data.ravel().copy())
        for i in net.output_ids
    ]


def mean_outputs(
    net: Net,
    n_batches: int,
    before_batch: Callable[[], bool] | None = None,
    each: Callable[[int, Any], None] | None = None,
) -> tuple[tuple[OutputValues, ...], float] | None:
    """Run batches forward and average outputs and loss.

    Parameters
    ----------
    net : Net
    n_batches : int
    before_batch : callable, optional
        Asked before each batch; False ends the pass.
    each : callable, optional
        Told the number and the outputs of each batch.

    Returns
    -------
    outputs : tuple of OutputValues
    loss : float
        Both as means; None instead of the two if `before_batch` ended the pass.
    """
    sums: list[np.ndarray] = []
    outputs: list[OutputValues] = []
    loss = _F4(0)
    with _forward_only(net):
        for batch in range(n_batches):
            if before_batch is not None and not before_batch():
                return None
            loss += _F4(net.forward())
            outputs = outputs_of(net)
            if each is not None:
                each(batch, outputs)
            if sums:
                for total, output in zip(sums, outputs):
                    total += output.values
            else:
                sums = [output.values.copy() for output in outputs]
    with np.errstate(all="ignore"):
        means = tuple(
            OutputValues(output.name, output.loss_weight, total / _F4(n_batches))
            for output, total in zip(outputs, sums)
        )
        return means, float(loss / _F4(n_batches))


@contextlib.contextmanager
def _forward_only(net: Net) -> Iterator[None]:
    """Spare the layers what only a backward pass needs."""
    before = [layer.needs_backward for layer in net.layers]
    for layer in net.layers:
        layer.needs_backward = False
    try:
        yield
    finally:
        for layer, needs_backward in zip(net.layers, before):
            layer.needs_backward = needs_backward


def score_lines(outputs: Any) -> list[str]:
    """Return a line for each value of some outputs, as Caffe words them.

    Parameters
    ----------
    outputs : iterable of OutputValues

    Returns
    -------
    list of str
        Such as ``"loss = 2.3 (* 1 = 2.3 loss)"``.
    """
    lines = []
    for output in outputs:
        weight = _F4(output.loss_weight)
        for value in output.values:
            weighted = f" (* {weight:g} = {weight * value:g} loss)" if weight else ""
            lines.append(f"{output.name} = {value:g}{weighted}")
    return lines
