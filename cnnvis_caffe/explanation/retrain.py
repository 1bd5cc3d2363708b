"""Retrains the last layer of a network for other classes, on features that stay as they are, with Caffe's solver."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import parse_text
from cnnvis_caffe.records.network_file import SolverFile

#: Features have a mean square of 1 over all of them together, so that this rate suits any number of them.
_SOLVER = """
base_lr: 1 momentum: 0.9 weight_decay: 0.0001 lr_policy: "step" stepsize: 200 gamma: 0.1 max_iter: 300
snapshot_after_train: false snapshot_prefix: "retrained" random_seed: {seed} solver_mode: CPU
net_param {{
  name: "last layer"
  layer {{ name: "features" type: "MemoryData" top: "features" top: "label"
    memory_data_param {{ batch_size: {n} channels: {width} height: 1 width: 1 }} }}
  layer {{ name: "scores" type: "InnerProduct" bottom: "features" top: "scores"
    inner_product_param {{ num_output: {n_classes} weight_filler {{ type: "gaussian" std: 0.01 }} }} }}
  layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" top: "loss" }}
}}
"""


def retrained_accuracy(
    learned: np.ndarray, classes: np.ndarray, tried: np.ndarray, wanted: np.ndarray, seed: int = 0
) -> float:
    """Train a softmax layer on features, and count how often it is right on others.

    Parameters
    ----------
    learned : ndarray of shape (n, n_values), float32
        Features to learn from.
    classes : ndarray of shape (n,), int
        Their classes.
    tried : ndarray of shape (m, n_values), float32
        Features to try it on.
    wanted : ndarray of shape (m,), int
        Their classes.
    seed : int, default=0
        Of the weights that it begins with.

    Returns
    -------
    float
        Share of `tried` that gets the right class.

    Notes
    -----
    SGD with momentum, every iteration on all images: 300 iterations, the rate falls to a tenth after 200.
    """
    from cnnvis_caffe.runtime.solvers import create_solver

    known, numbers = np.unique(classes, return_inverse=True)
    middle, spread = learned.mean(0), learned.std(0)
    factor = 1 / (np.where(spread == 0, 1, spread) * np.sqrt(learned.shape[1]))
    text = _SOLVER.format(seed=seed, n=len(learned), width=learned.shape[1], n_classes=len(known))
    parsed = parse_text(text, schema.SolverParameter, path="<retraining>")
    solver = create_solver(SolverFile("<retraining>", parsed.message, (), ()))
    data = np.ascontiguousarray((learned - middle) * factor, np.float32)
    solver.net.layers[0].reset(data, numbers.astype(np.float32), len(data))  # type: ignore[attr-defined]
    solver.step(solver.param.max_iter)
    weights, bias = (np.array(blob.data, np.float64) for blob in solver.net.layers[-2].blobs)
    scores = ((tried - middle) * factor) @ weights.T + bias
    return float((known[scores.argmax(1)] == wanted).mean())
