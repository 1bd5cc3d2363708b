"""Make weights, solver states and a mean with real Caffe.

    cd tests/recorded/files/weights && $CNNVIS_REAL_CAFFE python3 ../../../recorders/record_files.py

It writes into the current folder. What it writes is kept in the repository, so that tests compare
our reading and writing with Caffe's wherever they run.
"""

from __future__ import annotations

import os

import caffe
import numpy as np

LAYERS = """
layer { name: "data" type: "DummyData" top: "data"
        dummy_data_param { shape { dim: 2 dim: 3 dim: 5 dim: 4 } data_filler { type: "gaussian" } } }
layer { name: "label" type: "DummyData" top: "label"
        dummy_data_param { shape { dim: 2 } data_filler { type: "constant" value: 1 } } }
layer { name: "%(branch)sconv" type: "Convolution" bottom: "data" top: "conv"
        param { lr_mult: 1 decay_mult: 1 }
        convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "%(branch)sbn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "%(branch)sscale" type: "Scale" bottom: "conv" top: "conv"
        scale_param { axis: 0 num_axes: 0 filler { type: "constant" value: 1.5 } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.125 } }
layer { name: "ip1" type: "InnerProduct" bottom: "conv" top: "ip1" param { name: "w" } param { name: "b1" }
        inner_product_param { num_output: 24 weight_filler { type: "xavier" }
                              bias_filler { type: "constant" value: 0.25 } } }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" param { name: "w" } param { name: "b2" }
        inner_product_param { num_output: 24 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy"
        include { phase: TEST } }
"""

# Caffe can save this one in HDF5, because group "a" is there when "a/b" is made, but cannot load it again.
NESTED = """
name: "nested"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a"
        inner_product_param { num_output: 4 weight_filler { type: "gaussian" } } }
layer { name: "a/b" type: "InnerProduct" bottom: "a" top: "b"
        inner_product_param { num_output: 2 weight_filler { type: "gaussian" } } }
"""

SOLVER = """
net_param { name: "Tiny" %(layers)s }
base_lr: 0.01 lr_policy: "multistep" stepvalue: 2 momentum: 0.9 type: "%(type)s" max_iter: 3 display: 0
random_seed: 17 snapshot_prefix: "%(prefix)s" snapshot_format: %(format)s snapshot_diff: %(diff)s
snapshot_after_train: false test_iter: 1 test_interval: 1000 solver_mode: CPU
"""


def params(net):
    """Return every array of a net by layer and index, data and diff."""
    found = {}
    for name, blobs in net.params.items():
        for index, blob in enumerate(blobs):
            found[f"data:{name}:{index}"] = blob.data.copy()
            found[f"diff:{name}:{index}"] = blob.diff.copy()
    return found


def train(prefix, type_, format_, diff, branch):
    """Run three iterations and take a snapshot."""
    text = SOLVER % {
        "layers": LAYERS % {"branch": branch},
        "type": type_,
        "prefix": prefix,
        "format": format_,
        "diff": "true" if diff else "false",
    }
    with open("solver.tmp", "w") as file:
        file.write(text)
    solver = caffe.get_solver("solver.tmp")
    solver.step(3)
    solver.snapshot()
    np.savez(prefix + ".npz", **params(solver.net))
    os.remove("solver.tmp")


def mean():
    """Write a mean image as compute_image_mean does."""
    blob = caffe.proto.caffe_pb2.BlobProto()
    blob.num, blob.channels, blob.height, blob.width = 1, 3, 2, 4
    blob.data.extend(np.arange(24, dtype=np.float32) / 8)
    with open("mean.binaryproto", "wb") as file:
        file.write(blob.SerializeToString())


def nested():
    """Save a net with a slash in a layer's name in both formats."""
    with open("nested.tmp", "w") as file:
        file.write(NESTED)
    net = caffe.Net("nested.tmp", caffe.TEST)
    net.save("nested.caffemodel")
    net.save_hdf5("nested.caffemodel.h5")
    os.remove("nested.tmp")


caffe.set_mode_cpu()
train("plain", "SGD", "BINARYPROTO", False, "")
train("slashes", "Adam", "BINARYPROTO", True, "inception_3a/")
train("hdf5", "SGD", "HDF5", False, "")
train("hdf5_diff", "AdaDelta", "HDF5", True, "")
mean()
nested()
