"""A small network on scikit-learn's digits, with the weights of two snapshots."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.solverstate import write_solverstate
from cnnvis_caffe.records.solver_state import SolverState
from cnnvis_caffe.records.weights import ParamArray

BODY = """
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 5 stride: 3 weight_filler { type: "gaussian" std: 0.2 } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "branch/a" type: "Convolution" bottom: "pool1" top: "branch/a"
  convolution_param { num_output: 3 kernel_size: 1 weight_filler { type: "gaussian" std: 0.5 } } }
layer { name: "joined" type: "Concat" bottom: "pool1" bottom: "branch/a" top: "joined" }
layer { name: "ip1" type: "InnerProduct" bottom: "joined" top: "ip1"
  inner_product_param { num_output: 6 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "relu2" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 10 weight_filler { type: "gaussian" std: 0.3 } } }
"""
DEPLOY = """name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 28 dim: 28 } } }
%s
layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }
"""
TRAIN_VAL = """name: "small"
layer { name: "digits" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { scale: 0.5 mirror: true } data_param { source: "nowhere" batch_size: 7 backend: LMDB } }
layer { name: "digits" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { scale: 0.00390625 mean_value: 3 }
  data_param { source: "nowhere" batch_size: 5 backend: LMDB } }
%s
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""
LOG = """I1121 05:25:25.245492 26041 solver.cpp:239] Iteration 0, loss = 2.5
I1121 05:25:25.245492 26041 solver.cpp:239] Iteration 20, loss = 1.25
"""


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Paths of a model and its snapshots."""
    from cnnvis_caffe import pycaffe

    folder = tmp_path_factory.mktemp("small")
    (folder / "deploy.prototxt").write_text(DEPLOY % BODY)
    (folder / "train_val.prototxt").write_text(TRAIN_VAL % BODY)
    (folder / "train.log").write_text(LOG)
    pycaffe.set_random_seed(5)
    net = pycaffe.Net(str(folder / "deploy.prototxt"), schema.TEST)
    weights = []
    for iteration in (10, 20):
        weights.append(str(folder / f"small_iter_{iteration}.caffemodel"))
        net.save(weights[-1])
        history = tuple(
            ParamArray(blob.data.shape, np.full(blob.data.shape, 0.25, np.float32))
            for blobs in net.params.values()
            for blob in blobs
        )
        write_solverstate(str(folder / f"small_iter_{iteration}.solverstate"), SolverState(iteration, 0, "", history))
        for blobs in net.params.values():
            blobs[0].data[...] *= 1.5
    os.remove(folder / "small_iter_10.solverstate")
    return SimpleNamespace(
        folder=folder,
        deploy=str(folder / "deploy.prototxt"),
        train_val=str(folder / "train_val.prototxt"),
        log=str(folder / "train.log"),
        weights=weights,
    )
