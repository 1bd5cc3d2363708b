"""A small net that makes its own data, draws random numbers in every pass, and trains in no time."""

from __future__ import annotations

from cnnvis_caffe.formats.prototxt import read_solver
from cnnvis_caffe.runtime.solvers import create_solver

NET = """name: "small"
layer { name: "data" type: "DummyData" top: "data" top: "label"
        dummy_data_param { shape { dim: 5 dim: 3 dim: 8 dim: 7 } shape { dim: 5 }
                           data_filler { type: "gaussian" } data_filler { type: "uniform" max: 3.99 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
        convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
        inner_product_param { num_output: 9 weight_filler { type: "xavier" } } }
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }
layer { name: "scores" type: "InnerProduct" bottom: "ip" top: "scores"
        inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "scores" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" top: "loss" }
"""

USUAL = """base_lr: 0.05 momentum: 0.9 weight_decay: 0.001 lr_policy: "multistep" gamma: 0.5 stepvalue: 3 stepvalue: 5
    max_iter: 12 random_seed: 3 test_iter: 2 test_interval: 4 snapshot: 3"""


def write_files(folder, text=USUAL, net=NET):
    """Write net and solver; return the solver's path. Snapshots go beside it, called snap_iter_N."""
    (folder / "net.prototxt").write_text(net)
    path = folder / "solver.prototxt"
    prefix = "" if "snapshot_prefix" in text else f'snapshot_prefix: "{folder / "snap"}"'
    path.write_text(f'net: "{folder / "net.prototxt"}" {prefix} {text}')
    return str(path)


def make_solver(folder, text=USUAL, net=NET):
    """A solver of the runtime."""
    return create_solver(read_solver(write_files(folder, text, net)))


def weights_of(solver):
    """Copies of all parameters."""
    return [blob.data.copy() for blob in solver.net.params.learnable]


def same(a, b):
    """Whether two lists of arrays are equal to the bit."""
    return len(a) == len(b) and all((x == y).all() for x, y in zip(a, b))
