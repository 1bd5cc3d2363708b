"""Train one network with one seed and score it; what is there already is not done again.

A run is a folder: snapshots as the solver writes them, the log, and at the end ``result.json``. A run that was
stopped, or killed, goes on from its newest snapshot and ends with the same weights as an undisturbed one.

    python -m case_studies.common.training SOLVER FOLDER --data DATA --seed 1
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnnvis_caffe.files.atomic import atomic_write
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.formats.schema import TEST, TRAIN
from cnnvis_caffe.runtime.solvers.callback import Callback

RESULT = "result.json"
WEIGHTS = "net_iter_{}.caffemodel"
LOG = "training.jsonl"
BATCH = 100  # for scoring
#: Exit code of a training that was asked to stop and wrote a snapshot.
STOPPED = 130


@dataclass(frozen=True)
class Options:
    """How a training is run.

    Attributes
    ----------
    iterations : int
        Instead of the solver's max_iter, if not 0.
    threads : int
        Of PyTorch; 0 leaves them alone.
    n_scored : int
        Score on the first so many images of each part; 0 for all.
    device : {"cpu", "cuda"}
    precision : {"float32", "tf32", "bfloat16"}
        Of convolutions and inner products.
    keep : bool
        Keep the weights of every snapshot, not only of the newest.
    """

    iterations: int = 0
    threads: int = 0
    n_scored: int = 0
    device: str = "cpu"
    precision: str = "float32"
    keep: bool = True

    def words(self) -> list[str]:
        """As words of a command line."""
        return [
            *("--iterations", str(self.iterations), "--threads", str(self.threads), "--n-scored", str(self.n_scored)),
            *("--device", self.device, "--precision", self.precision, *(() if self.keep else ("--newest-only",))),
        ]


def train(
    solver_path: str,
    folder: Path,
    data: Path,
    seed: int,
    options: Options = Options(),  # noqa: B008 - it is frozen
    callbacks: Sequence[Callback] = (),
) -> dict[str, Any] | None:
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
    options : Options
    callbacks : sequence of Callback
        More who watch.

    Returns
    -------
    dict or None
        For `write_result`, or what is there already; None if Ctrl-C stopped the training, which is then in a snapshot.
        Where the loss was no finite number any more, training ended, and the scores are None.
    """
    from cnnvis_caffe.cli.device import use_device
    from cnnvis_caffe.runtime.backend import torch

    if (folder / RESULT).exists():
        return json.loads((folder / RESULT).read_text())
    if options.threads:
        torch.set_num_threads(options.threads)
    use_device(0 if options.device == "cuda" else None, precision=options.precision)
    network, file = _prepared(solver_path, folder, data, seed, options.iterations)
    solver = _run(file, folder, [_Watch(folder / LOG, options.keep), *callbacks])
    if solver is None:
        return None
    # The first one: a run that was killed then has gone on from its last snapshot, and diverged anew.
    divergences = [event for event in events_of(folder / LOG) if event["event"] == "diverged"]
    diverged = divergences[0]["iter"] if divergences else None
    result = {
        "solver": solver_path,
        "seed": seed,
        "iterations": solver.iter if diverged is None else diverged + 1,
        "seconds": seconds_of(folder / LOG),
        "device": torch.cuda.get_device_name(0) if options.device == "cuda" else "cpu",
        "precision": options.precision,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "diverged": diverged,
        "began_in": {name: divergences[0][name] for name in ("layer", "part")} if divergences else None,
        **_scores(network, folder / WEIGHTS.format(solver.iter) if diverged is None else None, options.n_scored),
        "curve": curve_of(folder / LOG),
    }
    return result


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Have a run's folder for oneself; wait while another process trains in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write what came out, as a whole; a line for each thing."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in result.items())
    with atomic_write(path) as temporary:
        Path(temporary).write_text(f"{{\n{lines}\n}}\n")


def _prepared(solver_path: str, folder: Path, data: Path, seed: int, iterations: int) -> tuple[Any, Any]:
    """Network and solver as they are trained: with the folders of this run."""
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
    return network, file


def _run(file: Any, folder: Path, callbacks: Sequence[Callback]) -> Any:
    """Train to the end; return the solver, or None if Ctrl-C came first."""
    from cnnvis_caffe.cli.signals import SignalWatch
    from cnnvis_caffe.runtime.solvers import Action, create_solver
    from cnnvis_caffe.runtime.solvers.training_log import TrainingLog

    with SignalWatch(Action.STOP, Action.SNAPSHOT) as signals:
        solver = create_solver(file)
        newest = _newest_state(folder)
        if newest is not None:
            solver.restore(str(newest))
        mend(folder / LOG)
        log = TrainingLog(folder / LOG)
        solver.callbacks += [log, *callbacks]
        solver.requested_action = lambda: Action.STOP if solver.divergence is not None else signals.requested()
        log.start(solver)
        try:
            solver.solve()
        finally:
            log.close()
        if signals.stopped_by is not None and solver.iter < solver.param.max_iter:
            if solver.last_snapshot_iter != solver.iter:
                solver.snapshot()
            return None
    return solver


class _Watch(Callback):
    """Notes when the loss is no finite number any more, and removes snapshots that nobody needs."""

    def __init__(self, log: Path, keep: bool) -> None:
        self._log = log
        self._keep = keep
        self._has_noted = False

    def on_updated(self, solver: Any) -> None:
        found = solver.divergence
        if found is not None and not self._has_noted:
            self._has_noted = True
            event = {"event": "diverged", "iter": found.iteration, "layer": found.layer, "part": found.part}
            with open(self._log, "a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")

    def on_snapshot(self, solver: Any, path: str) -> None:
        for old in Path(path).parent.glob("net_iter_*"):
            is_newest = old.stem == Path(path).stem
            if not is_newest and not (self._keep and old.suffix == ".caffemodel"):
                old.unlink()


def _scores(network: Any, weights: Path | None, n_scored: int) -> dict[str, Any]:
    """Errors and losses at the end, and of which weights; None where there are none."""
    scores: dict[str, Any] = {}
    for part in ("TEST", "TRAIN"):
        found = score(network, str(weights), part, n_scored) if weights else {"error": None, "loss": None}
        scores.update({f"{part.lower()}_{name}": found[name] for name in ("error", "loss")})
    digest = hashlib.sha256(weights.read_bytes()).hexdigest() if weights else None
    return {**scores, "n_scored": n_scored, "weights": weights.name if weights else None, "sha256": digest}


def events_of(log: Path) -> list[dict[str, Any]]:
    """The lines of a log; where a run was done again from a snapshot on, those that count."""
    events: dict[tuple[str, int], dict[str, Any]] = {}
    for event in map(json.loads, log.read_text().splitlines()):
        events[event["event"], event["iter"]] = event
    return sorted(events.values(), key=lambda event: event["iter"])


def curve_of(log: Path) -> dict[str, list[list[float | None]]]:
    """Loss of the displayed iterations; error and loss of the tests: lists of rows that begin with the iteration."""
    rows: dict[str, list[list[float | None]]] = {"train": [], "test": []}
    for event in events_of(log):
        if event["event"] == "train":
            rows["train"].append([event["iter"], _short(event["loss"])])
        elif event["event"] == "test":
            outputs = event["outputs"]
            error = None if outputs["accuracy"] is None else 1 - outputs["accuracy"]
            rows["test"].append([event["iter"], _short(error), _short(outputs["loss"])])
    return rows


def _short(value: float | None) -> float | None:
    """Five digits."""
    return None if value is None else float(f"{value:.5g}")


def mend(log: Path) -> None:
    """Cut off a last line that was not written to its end."""
    if log.exists():
        content = log.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            with atomic_write(log) as temporary:
                Path(temporary).write_bytes(whole)


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
    """Let the Data layers read databases and means from a folder."""
    for layer in network.layer:
        if layer.type == "Data":
            layer.data_param.source = str(data / os.path.basename(layer.data_param.source))
            if layer.transform_param.mean_file:
                layer.transform_param.mean_file = str(data / os.path.basename(layer.transform_param.mean_file))


def _newest_state(folder: Path) -> Path | None:
    """The solver state of the highest iteration."""
    found = {int(m[1]): p for p in folder.glob("net_iter_*.solverstate") if (m := re.search(r"_(\d+)\.sol", p.name))}
    return found[max(found)] if found else None


def arguments_of(description: str) -> tuple[dict[str, Any], Options]:
    """Read the command line of a training.

    Parameters
    ----------
    description : str

    Returns
    -------
    dict
        The first four arguments of `train` by name.
    Options
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("solver_path", metavar="solver")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--n-scored", type=int, default=0)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "tf32", "bfloat16"), default="float32")
    parser.add_argument("--newest-only", dest="keep", action="store_false", help="keep the newest snapshot alone")
    found = vars(parser.parse_args())
    what = {name: found.pop(name) for name in ("solver_path", "folder", "data", "seed")}
    return what, Options(**found)


def main() -> None:
    """Train one network."""
    from cnnvis_caffe.runtime.tuning import tune_for_training

    what, options = arguments_of(__doc__.splitlines()[0])
    tune_for_training()
    with claimed(what["folder"]):
        result = train(**what, options=options)
        if result is None:
            sys.exit(STOPPED)
        write_result(what["folder"] / RESULT, result)


if __name__ == "__main__":
    main()
