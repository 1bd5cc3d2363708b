# ruff: noqa: UP031 - as the other recorders, for the Python of a real Caffe
"""Records what networks that take clips or two images answer, by real pycaffe and plain loops.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_items.py

Writes tests/recorded/nets/items/{clips,pairs}.npz. Nothing of cnnvis_caffe is used.
"""
from __future__ import annotations

import tempfile
from pathlib import Path

import caffe
import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "recorded" / "nets" / "items"
N, SCALE = 13, 1 / 64
CLIPS = """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 5 kernel_size: 3 pad: 1 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "relu" }
layer { name: "down" type: "Convolution" bottom: "relu" top: "down"
        convolution_param { num_output: 6 kernel_size: 2 kernel_size: 3 kernel_size: 3 stride: 2 } }
layer { name: "score" type: "InnerProduct" bottom: "down" top: "score" inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }
"""
BRANCH = """
layer { name: "conv%(p)s" type: "Convolution" bottom: "data%(p)s" top: "conv%(p)s" param { name: "w" }
        param { name: "b" } convolution_param { num_output: 5 kernel_size: 3 pad: 1 } }
layer { name: "relu%(p)s" type: "ReLU" bottom: "conv%(p)s" top: "relu%(p)s" }
layer { name: "feat%(p)s" type: "InnerProduct" bottom: "relu%(p)s" top: "feat%(p)s" param { name: "fw" }
        param { name: "fb" } inner_product_param { num_output: 2 } }
"""
PAIRS = BRANCH % {"p": ""} + BRANCH % {"p": "_p"} + """
layer { name: "loss" type: "ContrastiveLoss" bottom: "feat" bottom: "feat_p" bottom: "label" top: "loss"
        contrastive_loss_param { margin: 3 } }
"""


def source(name, shape):
    """An Input layer."""
    dims = " ".join("dim: %d" % n for n in shape)
    return 'layer { name: "%s" type: "Input" top: "%s" input_param { shape { %s } } }\n' % (name, name, dims)


def build(body, shapes):
    """A net with inputs."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write("force_backward: true\n" + "".join(source(*item) for item in shapes.items()) + body)
        file.flush()
        return caffe.Net(file.name, caffe.TEST)


def start(net, ends, column):
    """The gradient of a column's score: a score of its own, or half the squared distance with either sign."""
    if len(ends) == 1:
        net.blobs[ends[0]].diff[...] = 0
        net.blobs[ends[0]].diff[0, column] = 1
        return
    off = net.blobs[ends[0]].data - net.blobs[ends[1]].data
    sign = 1 if column == 0 else -1
    net.blobs[ends[0]].diff[...] = sign * off
    net.blobs[ends[1]].diff[...] = -sign * off


def record(name, body, shape, inputs, ends, layers, n_columns, seed):
    """Write everything of one network."""
    random = np.random.RandomState(seed)
    images = {blob: random.randint(0, 256, (N,) + shape).astype(np.uint8) for blob in inputs}
    labels = random.randint(0, n_columns, N)
    whole = build(body, dict({blob: (N,) + shape for blob in inputs}, label=(N,)))
    one = build(body, dict({blob: (1,) + shape for blob in inputs}, label=(1,)))
    saved = {}
    for layer, blobs in whole.params.items():
        for i, blob in enumerate(blobs):
            values = random.normal(0, 0.2, blob.data.shape).astype(np.float32)
            saved["param/%s/%d" % (layer, i)] = blob.data[...] = one.params[layer][i].data[...] = values
    fed = {blob: values.astype(np.float32) * np.float32(SCALE) for blob, values in images.items()}
    for blob, values in fed.items():
        whole.blobs[blob].data[...] = values
    whole.blobs["label"].data[...] = labels
    saved["loss"] = float(whole.forward()["loss"])
    saved.update(("image/" + blob, values) for blob, values in images.items())
    for layer in layers:
        n = whole.blobs[layer].data.shape[1]
        mean, contribution = np.zeros((n, n_columns)), np.zeros((n, n_columns))
        for i in range(N):
            for blob, values in fed.items():
                one.blobs[blob].data[0] = values[i]
            one.forward()
            start(one, ends, labels[i])
            one.backward(start=ends[-1])
            values = one.blobs[layer].data[0].reshape(n, -1).astype(np.float64)
            mean[:, labels[i]] += values.mean(1)
            contribution[:, labels[i]] += (values * one.blobs[layer].diff[0].reshape(n, -1)).sum(1)
        count = np.bincount(labels, minlength=n_columns)
        saved["mean/" + layer] = (mean / count).astype(np.float32)
        saved["contribution/" + layer] = (contribution / count).astype(np.float32)
    np.savez_compressed(FOLDER / (name + ".npz"), labels=labels, body=np.array(body), **saved)


if __name__ == "__main__":
    caffe.set_mode_cpu()
    FOLDER.mkdir(exist_ok=True)
    record("clips", CLIPS, (3, 4, 9, 7), ["data"], ["score"], ["conv", "relu", "down", "score"], 3, 5)
    record("pairs", PAIRS, (3, 9, 7), ["data", "data_p"], ["feat", "feat_p"],
           ["conv", "relu_p", "feat", "feat_p"], 2, 6)  # fmt: skip
