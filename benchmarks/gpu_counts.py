"""What a GPU is asked for in an iteration of training and in a batch of an analysis, counted on a pretended one.

    python -m benchmarks.gpu_counts [--net lenet ...] [--to FILE]

Runs on any machine. Operations are those that are asked for one by one; a replay asks for all that was recorded at
once. Counts do not depend on the size of a batch; bytes do, and are given for an image of a batch of `--batch`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import pretended  # hides a real GPU; before anything imports torch

# isort: split
import numpy as np
from helpers.pretended_gpu import Device, pretended_gpu

from cnnvis_caffe.features.extraction import Extraction
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.datum import Datum, serialize_datum
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.nodes import analysis_nodes
from cnnvis_caffe.network.rewrite import analysis_network, find_score
from cnnvis_caffe.pycaffe import Net
from cnnvis_caffe.records.network_file import SolverFile
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime import net as runtime
from cnnvis_caffe.runtime.rng import set_random_seed
from cnnvis_caffe.runtime.solvers import create_solver
from cnnvis_caffe.runtime.solvers.callback import Callback

assert pretended
ROOT = Path(__file__).resolve().parent.parent
#: Images as the nets' data layers get them.
SHAPES = {
    "lenet": (1, 28, 28),
    "cifar10_quick": (3, 32, 32),
    "cifar10_full": (3, 32, 32),
    "base_cnn": (3, 32, 32),
    "bvlc_googlenet": (3, 224, 224),
}
#: Steps until everything that is recorded has been, and steps that are counted then.
N_BEFORE, N_MEASURED = 8, 4
SECONDS_TO_LOAD = 0.05
HEAD = """\
| net | what | operations | replays | waits | bytes there, an image | bytes back |
|---|---|--:|--:|--:|--:|--:|
"""


class Counter:
    """What was asked for between two moments."""

    def __init__(self, gpu: Device) -> None:
        self._counts = gpu.counts
        self.moments: list[np.ndarray] = []

    def look(self) -> None:
        """Note what was asked for up to now."""
        counts = self._counts
        numbers = counts.operations, counts.replays, counts.waits, counts.bytes_there, counts.bytes_back
        self.moments.append(np.array(numbers, float))

    def mean(self) -> np.ndarray:
        """For each of the steps between the moments."""
        return (self.moments[-1] - self.moments[0]) / (len(self.moments) - 1)


def train(gpu: Device, name: str, batch: int, keeps: bool) -> np.ndarray:
    """Count iterations on a database of random images; either it stays on the GPU, or it does not fit."""
    counter = Counter(gpu)

    class Watch(Callback):
        def on_updated(self, solver: Any) -> None:
            time.sleep(SECONDS_TO_LOAD)  # what is loaded ahead is there, so that each iteration has one batch
            counter.look()

    with tempfile.TemporaryDirectory() as folder:
        solver = create_solver(SolverFile("counted", _solver_param(Path(folder), name, batch, keeps), (), ()))
        # Until all images are there, and both kinds of iterations have been recorded.
        solver.step(N_BEFORE)
        solver.callbacks.append(Watch())
        solver.step(N_MEASURED)
        for layer in solver.net.layers:
            if layer.type == "Data":
                layer.set_position(layer.get_position())  # ends the thread that loads
    return counter.mean()


def _solver_param(folder: Path, name: str, batch: int, keeps: bool) -> Any:
    """A solver whose learning rate changes with each iteration, on random images."""
    network = read_network(ROOT / "prototxt" / name / "train_val.prototxt").message
    shape = SHAPES[name]
    random = np.random.default_rng(0)
    n_images = batch + 1 if keeps else 40 * batch
    with LmdbWriter(folder / "db", overwrite=True) as writer:
        for index in range(n_images):
            pixels = random.integers(0, 256, shape, np.uint8).tobytes()
            writer.put(b"%08d" % index, serialize_datum(Datum(*shape, pixels, int(random.integers(10)))))
    write_mean(folder / "mean.binaryproto", np.full(shape, 120, np.float32))
    for layer in network.layer:
        if layer.type == "Data":
            layer.data_param.source, layer.data_param.batch_size = str(folder / "db"), batch
            if layer.transform_param.mean_file:
                layer.transform_param.mean_file = str(folder / "mean.binaryproto")
    param = schema.SolverParameter(
        base_lr=1e-4, lr_policy="inv", gamma=1e-3, power=0.75, momentum=0.9, weight_decay=5e-4, random_seed=1
    )
    param.train_net_param.CopyFrom(network)
    return param


def analyse(gpu: Device, name: str, batch: int) -> tuple[np.ndarray, int]:
    """Count batches of an extraction; also return the number of its neurons."""
    set_random_seed(1)
    network = analysis_network(read_network(ROOT / "prototxt" / name / "deploy.prototxt"))
    dag = build_dag(network)
    nodes = analysis_nodes(dag, network)
    net = Net.from_runtime(runtime.Net(network, schema.TEST))
    score = dag.blob_name(find_score(dag))
    extraction = Extraction(
        net, nodes, input_name="data", label_name="label", score_name=score, n_classes=net.blobs[score].shape[1]
    )
    random, shape = np.random.default_rng(0), net.blobs["data"].shape[1:]
    counter = Counter(gpu)
    for number in range(N_BEFORE + N_MEASURED):
        images = random.normal(size=(batch, *shape)).astype(np.float32)
        extraction.update(images, random.integers(0, 10, batch), np.arange(batch) + number * batch)
        if number >= N_BEFORE - 1:
            counter.look()
    return counter.mean(), sum(node.n_neurons for node in nodes)


def rows(name: str, batch: int) -> list[str]:
    """The lines of a net."""
    lines = []
    with pretended_gpu() as gpu:
        backend.require_gpu(0)
        for what, keeps in (("training, first pass", False), ("training, later passes", True)):
            lines.append(_row(name, what, train(gpu, name, batch, keeps), batch))
        counts, _ = analyse(gpu, name, batch)
        lines.append(_row(name, "analysis", counts, batch))
        backend.set_mode_cpu()
    return lines


def _row(name: str, what: str, counts: Sequence[float], batch: int) -> str:
    """A line."""
    operations, replays, waits, there, back = counts
    return f"| {name} | {what} | {operations:g} | {replays:g} | {waits:g} | {there / batch:,.0f} | {back:,.0f} |"


def main() -> None:
    """Count, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=SHAPES, action="append", help="only this one; may be repeated")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--to", type=Path, help="file for the table")
    arguments = parser.parse_args()
    lines = [
        f"An iteration of training and a batch of an analysis, {arguments.batch} images each, on a pretended GPU.",
        "",
        *HEAD.splitlines(),
    ]
    for name in arguments.net or SHAPES:
        lines += rows(name, arguments.batch)
        if arguments.to:
            arguments.to.write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
