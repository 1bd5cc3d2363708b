"""What each of two processes does in the tests of training on several devices; `python two_devices.py FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from cnnvis_caffe.formats.prototxt import read_solver
from cnnvis_caffe.runtime import ranks
from cnnvis_caffe.runtime.solvers import create_solver
from cnnvis_caffe.runtime.solvers.several_devices import join_processes, leave_processes


def train(solver_path, n_steps, snapshot=None, together=False):
    """Make some iterations; give the weights before each and at the end, and the labels that were seen."""
    solver = create_solver(read_solver(solver_path))
    if snapshot:
        solver.restore(snapshot)
    if together:
        solver.train_together()
    blobs = solver.net.params.learnable
    weights, labels = [[blob.data.copy() for blob in blobs]], []
    for _ in range(n_steps):
        solver.step(1)
        weights.append([blob.data.copy() for blob in blobs])
        labels.append(next(blob for blob in solver.net.blobs if blob.name == "label").data.copy())
    states = {f"weights/{i}": np.array([state[i] for state in weights]) for i in range(len(blobs))}
    return {**states, "labels": np.array(labels), "iter": solver.iter}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    join_processes()
    for name, arguments in json.loads(Path(folder, "jobs.json").read_text()).items():
        np.savez(folder / f"{name}_{ranks.solver_rank()}.npz", **train(*arguments, together=True))
    leave_processes()
