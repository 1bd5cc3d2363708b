"""Where a training that fails goes wrong first: activations and gradients of every layer, iteration by iteration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from case_studies.common.training import mend
from cnnvis_caffe.runtime.solvers.callback import Callback
from cnnvis_caffe.runtime.solvers.training_log import finite

#: A layer has blown up when it is so many times as large as in the first iteration, or no finite number.
FACTOR = 10.0
QUANTITIES = ("activation", "gradient")


class Sizes(Callback):
    """Adds a line to a file in each iteration that is displayed: how large each layer's numbers are.

    A line has ``iter``, and by layer with parameters its largest absolute ``activation`` and the mean absolute
    ``gradient`` of its weights; null is no finite number.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_gradients_ready(self, solver: Any) -> None:
        """Measure."""
        if not solver.displays:
            return
        from cnnvis_caffe.runtime.backend import torch

        net = solver.net
        learning = [index for index, layer in enumerate(net.layers) if layer.blobs]
        largest = [net.tops[index][0].value.abs().max() for index in learning]
        gradients = [net.layers[index].blobs[0].grad.abs().mean() for index in learning]
        sizes = torch.stack(largest + gradients).tolist()
        names = [net.layer_names[index] for index in learning]
        halves = zip(QUANTITIES, (sizes[: len(names)], sizes[len(names) :]))
        row = {"iter": solver.iter, **{quantity: dict(zip(names, half)) for quantity, half in halves}}
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(finite(row)) + "\n")


def first(path: Path) -> dict[str, dict[str, Any] | None]:
    """Say which layer blew up first.

    Parameters
    ----------
    path : Path
        What `Sizes` wrote.

    Returns
    -------
    dict
        "activation" and "gradient": each None, or the iteration, the layer that had grown most then, and by what
        factor (None if it was no finite number).
    """
    mend(path)
    rows = {row["iter"]: row for row in map(json.loads, path.read_text().splitlines())}  # a resumed run has some twice
    return {quantity: _first([rows[i] for i in sorted(rows)], quantity) for quantity in QUANTITIES}


def _first(rows: list[dict[str, Any]], quantity: str) -> dict[str, Any] | None:
    """Of one quantity."""
    start = np.array([value or 0 for value in rows[0][quantity].values()])
    for row in rows:
        sizes = np.array([np.inf if value is None else value for value in row[quantity].values()])
        growth = sizes / np.maximum(start, 1e-30)
        if growth.max() > FACTOR:
            layer = int(growth.argmax())
            factor = float(f"{growth[layer]:.4g}") if np.isfinite(growth[layer]) else None
            return {"iteration": row["iter"], "layer": list(row[quantity])[layer], "factor": factor}
    return None
