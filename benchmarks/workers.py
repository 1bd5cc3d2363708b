"""Measure how much faster two Dask workers are than one, each with one thread, and compare what they find.

    python -m benchmarks.workers [--lenet 60000] [--base-cnn 2000]

Needs MNIST and CIFAR-10. The workers are there before the clock starts. Times are by the clock, and of the processor on
the longest way: this process and the busiest worker. The latter do not depend on who else uses the machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.layout import print_table
from benchmarks.machine import machine
from cnnvis_caffe import pipeline
from cnnvis_caffe.analysis.cluster import open_cluster
from cnnvis_caffe.records.analysis import Analysis

ROOT = Path(__file__).resolve().parent.parent
#: Of sums in another order, relative to the largest of a table.
_CLOSE = 1e-4
#: Of CIFAR-10's channels, blue first.
MEAN = (114, 123, 125)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lenet", type=int, default=60000, metavar="IMAGES")
    parser.add_argument("--base-cnn", type=int, default=2000, metavar="IMAGES")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers
    print(machine())
    head = ["network", "images", "clock, s", "times as fast", "processor, s", "times as fast", "largest difference"]
    nets = [("lenet", "mnist:train", options.lenet, None), ("base_cnn", "cifar10:train", options.base_cnn, MEAN)]
    print_table("Workers", head, [measured(*net) for net in nets])


def measured(name: str, data: str, n_images: int, mean: tuple[float, ...] | None) -> list[str]:
    """A row of the table."""
    model = ROOT / "prototxt" / name / "train_val.prototxt"
    clock, processor, found = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for workers in (1, 2):
            with open_cluster(workers, "", "cpu") as client:
                client.wait_for_workers(workers)
                address = client.scheduler.address
                pipeline.analyze(model, None, data, Path(folder, "first"), limit=64, scheduler=address, mean=mean)
                before = client.run(time.process_time)
                started, own = time.perf_counter(), time.process_time()
                out = Path(folder, str(workers))
                found.append(pipeline.analyze(model, None, data, out, limit=n_images, scheduler=address, mean=mean))
                clock.append(time.perf_counter() - started)
                after = client.run(time.process_time)
                busiest = max(after[worker] - before[worker] for worker in before)
                processor.append(time.process_time() - own + busiest)
        difference = largest_difference(*found)
    assert difference < _CLOSE, difference
    row = [name, f"{n_images:,}"]
    for one, two in (clock, processor):
        row += [f"{one:.1f} / {two:.1f}", f"{one / two:.2f}"]
    return [*row, f"{difference:.1g}"]


def largest_difference(first: Analysis, second: Analysis) -> float:
    """The largest difference between two analyses' tables, relative to the largest value of each; top images equal."""
    worst = 0.0
    for one, other in zip(first.snapshots, second.snapshots):
        assert one.features.keys() == other.features.keys()
        for name in one.features:
            mine, theirs = one.features[name], other.features[name]
            assert np.array_equal(mine.top_image, theirs.top_image), name
            for table in ("mean", "peak", "maximum", "active_share", "variance", "top_response", "contribution"):
                a, b = getattr(mine, table), getattr(theirs, table)
                assert np.array_equal(np.isnan(a), np.isnan(b)), (name, table)
                scale = float(np.nanmax(np.abs(a), initial=0)) or 1.0
                worst = max(worst, float(np.nanmax(np.abs(a - b), initial=0)) / scale)
    return worst


if __name__ == "__main__":
    main()
