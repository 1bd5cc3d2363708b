"""A log of training that programs read: one JSON object a line."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from typing import Any

from cnnvis_caffe.files.json_values import finite
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.solvers.callback import Callback
from cnnvis_caffe.runtime.solvers.solver import Solver
from cnnvis_caffe.runtime.solvers.testing import OutputValues, TestResult, outputs_of


class TrainingLog(Callback):
    """Adds a line to a file whenever a solver displays, tests or writes a snapshot.

    Parameters
    ----------
    path : str or path-like
        Lines are added at its end.

    Notes
    -----
    Every line has ``event`` and ``iter``:

    - ``start``: ``net``, ``solver`` (the file), ``type``, ``max_iter``, ``time`` (seconds since 1970);
    - ``train``, each `display` iterations: ``loss``, ``smoothed_loss``, ``lr``, ``seconds`` since the start,
      ``outputs`` by name, and ``layers``: for each layer that learns, one number for each of its parameters, the
      mean absolute ``weight`` and ``gradient`` before the update and ``update``. The gradient is that of the mean
      loss, neither clipped nor decayed;
    - ``test``: ``net`` (number of the test net), ``loss``, ``outputs``, ``seconds``;
    - ``snapshot``: ``path`` of the solver state.

    A number that is not finite is written as null.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed by `close`
        self._started = time.monotonic()
        self._before: list[Any] = []

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def start(self, solver: Solver) -> None:
        """Say what is being trained, and from where on."""
        self._write(
            "start", solver.iter, net=solver.net.name, solver=solver.path, type=solver.type,
            max_iter=solver.param.max_iter, time=time.time(),
        )  # fmt: skip

    def on_gradients_ready(self, solver: Solver) -> None:
        """Measure weights and gradients of an iteration that is displayed."""
        if solver.displays:
            learnable = solver.net.params.learnable
            self._before = _mean_abs(blob.value for blob in learnable) + _mean_abs(blob.grad for blob in learnable)

    def on_updated(self, solver: Solver) -> None:
        """Measure the update, and write."""
        if not solver.displays:
            return
        params = solver.net.params
        sizes = torch.stack(self._before + _mean_abs(blob.grad for blob in params.learnable)).tolist()
        n = len(params.learnable)
        weights, gradients, updates = sizes[:n], sizes[n : 2 * n], sizes[2 * n :]
        layers: dict[str, dict[str, list[float]]] = {}
        for (layer_index, _), i in zip(params.places, params.learnable_ids):
            name = solver.net.layer_names[layer_index]
            row = layers.setdefault(name, {"weight": [], "gradient": [], "update": []})
            row["weight"].append(weights[i])
            row["gradient"].append(gradients[i] / solver.param.iter_size)
            row["update"].append(updates[i])
        self._write(
            "train", solver.iter - 1, loss=solver.loss, smoothed_loss=solver.smoothed_loss,
            lr=solver.rate, seconds=self._seconds(), outputs=_by_name(outputs_of(solver.net)), layers=layers,
        )  # fmt: skip

    def on_tested(self, solver: Solver, result: TestResult) -> None:
        """Write the scores."""
        outputs = _by_name(result.outputs)
        self._write("test", solver.iter, net=result.index, loss=result.loss, outputs=outputs, seconds=self._seconds())

    def on_snapshot(self, solver: Solver, path: str) -> None:
        """Write where."""
        self._write("snapshot", solver.iter, path=path)

    def _seconds(self) -> float:
        """Since this object was made."""
        return round(time.monotonic() - self._started, 3)

    def _write(self, event: str, iteration: int, **fields: Any) -> None:
        """Add a line, and have it in the file at once."""
        line = {"event": event, "iter": iteration, **fields}
        self._file.write(json.dumps(finite(line), allow_nan=False) + "\n")
        self._file.flush()


def _mean_abs(tensors: Iterable[Any]) -> list[Any]:
    """Mean absolute values, as tensors of one value each, so that nobody waits for a GPU yet."""
    # A norm needs no array of absolute values.
    return [torch.linalg.vector_norm(tensor, 1) / tensor.numel() for tensor in tensors]


def _by_name(outputs: Iterable[OutputValues]) -> dict[str, Any]:
    """A number for an output of one value, a list for any other."""
    return {
        output.name: float(output.values[0]) if output.values.size == 1 else output.values.tolist()
        for output in outputs
    }
