"""Record two real solvers that share data and average their gradients, as `parallel.cpp` lets GPUs do.

Run in real Caffe's root, with its package python3-lmdb: python3 tests/recorders/record_devices.py
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "recorders")]
OUT = TESTS / "recorded" / "cases" / "devices.npz"
os.environ["GLOG_minloglevel"] = "3"  # noqa: SIM112 - its name

import caffe  # noqa: E402
import device_cases as cases  # noqa: E402
import numpy as np  # noqa: E402

caffe.set_mode_cpu()


def params(solver):
    return [blob for blobs in solver.net.params.values() for blob in blobs]


def record(solver_path):
    """Train; this file holds Caffe's rule by hand, as its CPU build has everything but NCCL."""
    caffe.set_solver_count(cases.N_DEVICES)
    solvers = []
    for rank in range(cases.N_DEVICES):
        caffe.set_solver_rank(rank)  # the thread that reads the data keeps it
        solvers.append(caffe.get_solver(solver_path))
    caffe.set_solver_rank(0)
    for solver in solvers[1:]:  # NCCL::Broadcast
        for root, blob in zip(params(solvers[0]), params(solver)):
            blob.data[...] = root.data
    arrays = {f"weights/{index}": [blob.data.copy()] for index, blob in enumerate(params(solvers[0]))}
    labels = [[] for _ in solvers]
    losses = []
    for _ in range(cases.N_STEPS):
        for rank, solver in enumerate(solvers):
            solver.net.clear_param_diffs()
            loss = float(solver.net.forward()["loss"])
            if rank == 0:
                losses.append(loss)
            solver.net.backward()
            labels[rank].append(solver.net.blobs["label"].data.copy())
        for blobs in zip(*map(params, solvers)):  # NCCL::on_gradients_ready
            total = sum((blob.diff for blob in blobs[1:]), blobs[0].diff.copy())
            total *= np.float32(1.0 / len(blobs))
            for blob in blobs:
                blob.diff[...] = total
        for solver in solvers:
            solver.apply_update()
        for index, blob in enumerate(params(solvers[0])):
            arrays[f"weights/{index}"].append(blob.data.copy())
    for index, (first, second) in enumerate(zip(*map(params, solvers))):
        assert np.array_equal(first.data, second.data), index
    return {**{key: np.array(value) for key, value in arrays.items()}, "labels": np.array(labels), "losses": losses}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        np.savez_compressed(str(OUT), **record(cases.write_files(folder)))
