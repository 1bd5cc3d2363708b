"""Notices that a training has diverged: the loss is not a number any more.

Caffe goes on then, in silence, and so does the solver; it says once what can be seen of the cause.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.net import Net

REMEDIES = (
    "Training goes on as Caffe's does, but will not recover. What usually helps: a smaller base_lr (try a tenth), "
    "clip_gradients, smaller initial weights (weight_filler xavier or msra), inputs scaled to about 1"
)


@dataclass(frozen=True)
class Divergence:
    """The first loss that was no number.

    Attributes
    ----------
    iteration : int
        In which it came about; it made as many updates before.
    loss : float
        NaN or infinity.
    layer : str or None
        Where it began; None where that could no longer be seen.
    layer_type : str or None
    part : str or None
        What was no number there first: "values" of a top, or "gradients" of the parameters, in the iteration before.
    """

    iteration: int
    loss: float
    layer: str | None = None
    layer_type: str | None = None
    part: str | None = None

    def __str__(self) -> str:
        what = f"Iteration {self.iteration}: the loss is no longer a number ({self.loss:g})"
        return f"{what}. {self._began()}. {REMEDIES}."

    def _began(self) -> str:
        """Where it began, as a sentence."""
        if self.layer is None:
            return "The layer where it began can no longer be seen; set display: 1 to see it"
        if self.part == "values":
            return f"It began with the values of layer {self.layer!r} ({self.layer_type})"
        return (
            f"It began with the gradients of layer {self.layer!r} ({self.layer_type}): after the update of iteration "
            f"{self.iteration - 1} its parameters were not numbers"
        )


def find_divergence(iteration: int, losses: Sequence[float], net: Net | None = None) -> Divergence | None:
    """Look for the first loss that is not a number.

    Parameters
    ----------
    iteration : int
        Of the first of the losses.
    losses : sequence of float
        Of iterations one after the other.
    net : Net, optional
        As the last of them has left it, before its update; None where the update has been made.

    Returns
    -------
    Divergence or None
        None if all are numbers.
    """
    at = next((index for index, loss in enumerate(losses) if not math.isfinite(loss)), None)
    if at is None:
        return None
    if net is None or at < len(losses) - 1:
        return Divergence(iteration + at, losses[at])
    layer, part = _where_it_began(net)
    return Divergence(iteration + at, losses[at], layer.name, layer.type, part)


def _where_it_began(net: Net) -> tuple[Layer, str]:
    """The first layer that had something else than numbers, and in what part."""
    # Gradients run from the loss downwards: the last layer whose parameters are no numbers was the first to get them.
    for layer in reversed(net.layers):
        if not _are_numbers(blob.value for blob in layer.blobs):
            return layer, "gradients"
    for layer, tops in zip(net.layers, net.tops):
        if not _are_numbers(top.value for top in tops):
            return layer, "values"
    return next(layer for layer in reversed(net.layers) if any(layer.loss_weights)), "values"


def _are_numbers(tensors: Iterable[Any]) -> bool:
    """Whether tensors hold neither NaN nor infinity."""
    with torch.no_grad():
        return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
