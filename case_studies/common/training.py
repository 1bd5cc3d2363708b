"""Train one network with one seed and score it; what is there already is not done again.

A run is a folder: snapshots as the solver writes them, the log, and at the end ``result.json``. A run that was
stopped goes on from its newest snapshot and ends with the same weights as an undisturbed one.

    python -m case_studies.common.training SOLVER FOLDER --data DATA --seed 1
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnnvis_caffe.formats.atomic import atomic_write
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.formats.schema import TEST, TRAIN

RESULT = "result.json"
WEIGHTS = "net_iter_{}.caffemodel"
LOG = "training.jsonl"
BATCH = 100  # for scoring


def train(
    solver_path: str,
    folder: Path,
    data: Path,
    seed: int,
    *,
    iterations: int = 0,
    threads: int = 0,
    n_scored: int = 0,
) -> dict[str, Any]:
    """Train, or go on training, and score.

    Parameters
    ----------
    solver_path : str
        A solver whose ``net`` reads ``data/<name>_lmdb``.
    folder : Path
        Of the run.
    data : Path
        Folder with those databases.
    seed : int
        The solver's random_seed.
    iterations : int, default=0
        Instead of the solver's max_iter, if not 0.
    threads : int, default=0
        Of PyTorch; 0 leaves them alone.
    n_scored : int, default=0
        Score on so many images of each part; 0 for all.

    Returns
    -------
    dict
        What `RESULT` in the folder says.
    """
    done = folder / RESULT
    if done.exists():
        return json.loads(done.read_text())
    from cnnvis_caffe.runtime.backend import torch
    from cnnvis_caffe.runtime.solvers import create_solver
    from cnnvis_caffe.runtime.solvers.training_log import TrainingLog

    if threads:
        torch.set_num_threads(threads)
    folder.mkdir(parents=True, exist_ok=True)
    file = read_solver(solver_path)
    param = file.message
    network = read_network(param.net)
    _read_from(network.message, data)
    param.ClearField("net")
    param.net_param.CopyFrom(network.message)
    param.random_seed = seed
    param.snapshot_prefix = str(folder / "net")
    if iterations:
        param.max_iter = iterations
    param.snapshot = min(param.snapshot or 1000, max(1, param.max_iter // 10))
    solver = create_solver(file)
    newest = _newest_state(folder)
    if newest is not None:
        solver.restore(str(newest))
    log = TrainingLog(folder / LOG)
    solver.callbacks.append(log)
    log.start(solver)
    try:
        solver.solve()
    finally:
        log.close()
    weights = folder / WEIGHTS.format(solver.iter)
    scores = {part: score(network, str(weights), part, n_scored) for part in ("TEST", "TRAIN")}
    result = {
        "solver": solver_path,
        "seed": seed,
        "iterations": solver.iter,
        "seconds": seconds_of(folder / LOG),
        "device": "gpu" if param.solver_mode == type(param).GPU and torch.cuda.is_available() else "cpu",
        "test_error": scores["TEST"]["error"],
        "test_loss": scores["TEST"]["loss"],
        "train_error": scores["TRAIN"]["error"],
        "train_loss": scores["TRAIN"]["loss"],
        "weights": weights.name,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    with atomic_write(done) as temporary:
        Path(temporary).write_text(json.dumps(result, indent=2) + "\n")
    return result


def seconds_of(log: Path) -> float:
    """Seconds that a training took, those lost by interruptions included, from the log for programs."""
    seconds = [0.0]  # one for each session
    for event in map(json.loads, log.read_text().splitlines()):
        if event["event"] == "start":
            seconds.append(0.0)
        seconds[-1] = event.get("seconds", seconds[-1])
    return round(sum(seconds), 1)


def score(network: Any, weights: str, part: str, n_images: int = 0) -> dict[str, float]:
    """Mean loss and share of wrong answers in the TEST phase, on the images of one phase's database.

    Parameters
    ----------
    network : NetworkFile
        With a Data layer for each phase.
    weights : str
    part : {"TEST", "TRAIN"}
        Whose images.
    n_images : int, default=0
        The first so many; 0 for all.

    Returns
    -------
    dict
        "loss", "error" and "n_images".
    """
    from cnnvis_caffe.formats.lmdb import LmdbDatabase
    from cnnvis_caffe.runtime import net_weights
    from cnnvis_caffe.runtime.net import Net
    from cnnvis_caffe.runtime.solvers.testing import mean_outputs

    message = type(network.message)()
    message.CopyFrom(network.message)
    readers = {layer.include[0].phase: layer.data_param for layer in message.layer if layer.type == "Data"}
    source = readers[TRAIN if part == "TRAIN" else TEST].source
    n_images = n_images or len(LmdbDatabase(source))
    if n_images % BATCH:
        raise ValueError(f"{source}: has {n_images} images, which is no multiple of {BATCH}")
    readers[TEST].source, readers[TEST].batch_size = source, BATCH
    net = Net(replace(network, message=message), TEST)
    net_weights.copy_from(net, weights)
    outputs, _ = mean_outputs(net, n_images // BATCH)
    by_name = {output.name: float(output.values[0]) for output in outputs}
    return {"loss": by_name["loss"], "error": 1 - by_name["accuracy"], "n_images": n_images}


def _read_from(network: Any, data: Path) -> None:
    """Let the Data layers read from a folder."""
    for layer in network.layer:
        if layer.type == "Data":
            layer.data_param.source = str(data / os.path.basename(layer.data_param.source))


def _newest_state(folder: Path) -> Path | None:
    """The solver state of the highest iteration."""
    found = {int(m[1]): p for p in folder.glob("net_iter_*.solverstate") if (m := re.search(r"_(\d+)\.sol", p.name))}
    return found[max(found)] if found else None


def main() -> None:
    """Train one network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("solver")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--n-scored", type=int, default=0)
    arguments = vars(parser.parse_args())
    result = train(arguments.pop("solver"), arguments.pop("folder"), arguments.pop("data"), **arguments)
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
