"""What a slope costs in time: iterations of every net of Table 3 in turns, in one process."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

from case_studies.leaky_relu.networks import SLOPES, Variant, write
from case_studies.leaky_relu.plan import schedule_of

ROUNDS, ITERATIONS = 15, 2


def measure(width: float, device: str, data: Path, work: Path) -> dict[str, Any]:
    """Measure.

    Parameters
    ----------
    width : float
    device : {"cpu", "cuda"}
    data : Path
        Folder with the databases.
    work : Path
        For the nets' prototxt files.

    Returns
    -------
    dict
        "seconds", the median of an iteration with ReLU, and "ratio", by slope, the median over the rounds of what an
        iteration takes by what one with ReLU took in the same round.
    """
    solvers = {slope: _solver(slope, width, device, data, work) for slope in SLOPES}
    rounds: list[dict[float, float]] = []
    for _ in range(ROUNDS + 1):  # the first one warms up
        rounds.append({slope: _seconds(solver) for slope, solver in solvers.items()})
    ratios = {
        f"{slope:g}": round(statistics.median(seconds[slope] / seconds[0.0] for seconds in rounds[1:]), 3)
        for slope in SLOPES
    }
    return {"seconds": round(statistics.median(seconds[0.0] for seconds in rounds[1:]), 4), "ratio": ratios}


def _solver(slope: float, width: float, device: str, data: Path, work: Path) -> Any:
    """A solver that neither tests nor writes."""
    from cnnvis_caffe.cli.device import use_device
    from cnnvis_caffe.formats.prototxt import read_solver
    from cnnvis_caffe.runtime.solvers import create_solver

    use_device(0 if device == "cuda" else None, precision="tf32" if device == "cuda" else "float32")
    file = read_solver(write(Variant(slope, width, schedule_of(width)), work / f"slope_{slope:g}", data))
    param = file.message
    param.random_seed = 1
    param.display = param.test_interval = param.snapshot = 0
    del param.test_iter[:]
    return create_solver(file)


def _seconds(solver: Any) -> float:
    """Of an iteration."""
    from cnnvis_caffe.runtime import backend
    from cnnvis_caffe.runtime.backend import torch

    started = time.perf_counter()
    solver.step(ITERATIONS)
    if backend.on_gpu():
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / ITERATIONS


def deliver(width: float, device: str, data: Path, work: Path, results: Path) -> None:
    """Measure, and write ``cost_width_<width>.json``."""
    found = {"device": device, "batch": schedule_of(width).batch, **measure(width, device, data, work)}
    results.mkdir(parents=True, exist_ok=True)
    (results / f"cost_width_{width:g}.json").write_text(json.dumps(found, indent=1) + "\n")
