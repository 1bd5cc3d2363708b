"""What reading the data costs: LeNet trained from an LMDB, beside the same net fed by DummyData.

    python -m benchmarks.data_layer [--rounds 9] [--iterations 60] [--source data/mnist_train_lmdb]

Without a source, a database of random images of MNIST's size is made. The two nets take turns, and a round's figure is
the median of its iterations (forward, backward and an update); the figure of each is that of its fastest round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.quiet import wait_for_quiet
from cnnvis_caffe import pycaffe

ROOT = Path(__file__).resolve().parent.parent
DUMMY = """
layer {
  name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param {
    shape { dim: 64 dim: 1 dim: 28 dim: 28 } shape { dim: 64 }
    data_filler { type: "constant" value: 0.5 } data_filler { type: "constant" value: 3 }
  }
}
"""
DATA = """
layer {
  name: "data" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 %s }
  data_param { source: "%s" batch_size: 64 backend: LMDB }
}
"""
SOLVER = 'net: "%s" base_lr: 0.01 lr_policy: "inv" gamma: 0.0001 power: 0.75 momentum: 0.9 weight_decay: 0.0005'


def make_database(folder: Path, n_images: int = 20_000) -> Path:
    """An LMDB of random images of MNIST's size."""
    from cnnvis_caffe.datasets.databases import write_image_set
    from cnnvis_caffe.records.image_set import ImageSet

    random = np.random.default_rng(1)
    images = random.integers(0, 256, (n_images, 1, 28, 28), np.uint8)
    labels = random.integers(0, 10, n_images)
    path = folder / "random_train_lmdb"
    write_image_set(ImageSet("random", "train", images, labels, tuple("0123456789"), "grey"), path)
    return path


def make_solver(folder: Path, name: str, data_layer: str) -> Any:
    """LeNet's solver with another data layer."""
    text = (ROOT / "prototxt" / "lenet" / "train_val.prototxt").read_text("utf-8")
    body = text[text.index('layer {\n  name: "conv1"') :]
    network = folder / f"{name}.prototxt"
    network.write_text(data_layer + body, "utf-8")
    solver = folder / f"{name}_solver.prototxt"
    solver.write_text(SOLVER % network, "utf-8")
    return pycaffe.SGDSolver(str(solver))


def run(solver: Any, n_iterations: int) -> float:
    """Median seconds of an iteration."""
    times = []
    for _ in range(n_iterations):
        start = time.perf_counter()
        solver.step(1)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--patience", type=float, default=10, help="seconds to wait for a quiet moment")
    parser.add_argument("--source", type=Path, help="an LMDB of images of 28x28 pixels")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = arguments.source or make_database(folder)
        solvers = {
            "DummyData": make_solver(folder, "dummy", DUMMY),
            "LMDB": make_solver(folder, "lmdb", DATA % ("", source)),
            "LMDB, mirrored": make_solver(folder, "mirror", DATA % ("mirror: true", source)),
        }
        times: dict[str, list[float]] = {title: [] for title in solvers}
        for solver in solvers.values():
            solver.step(10)
        for _ in range(arguments.rounds):
            for title, solver in solvers.items():
                wait_for_quiet(arguments.patience)
                times[title].append(run(solver, arguments.iterations))
        assert all(np.isfinite(float(solver.net.blobs["loss"].data)) for solver in solvers.values())
    best = {title: min(values) for title, values in times.items()}
    print(machine())
    for title, seconds in best.items():
        print(f"{title:16} {seconds * 1e3:7.2f} ms an iteration, {seconds / best['DummyData'] - 1:+.1%}")
    print(json.dumps(best))


if __name__ == "__main__":
    main()
