"""Derived features by the plainest loops, computed with real Caffe.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_features.py

Writes tests/recorded/nets/features/{lenet,branches}.npz. Nothing of cnnvis_caffe is used: numbers come from pycaffe,
one image and one neuron at a time, boxes from following the layers' windows down by hand. Needs CNNVIS_DATA_DIR (MNIST)
and CNNVIS_ZOO_DIR for LeNet.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "2")
import caffe  # noqa: E402
import numpy as np  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "recorded" / "nets" / "features"
K = 9


def bytes_of(path):
    """The contents of a file, or of the same packed."""
    if path.exists():
        return path.read_bytes()
    return gzip.open(str(path) + ".gz").read()


def mnist(n):
    """The first test images and their labels."""
    folder = Path(os.environ["CNNVIS_DATA_DIR"]) / "mnist"
    images = np.frombuffer(bytes_of(folder / "t10k-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.frombuffer(bytes_of(folder / "t10k-labels-idx1-ubyte"), np.uint8, offset=8)
    return images[:n].astype(np.float32) * np.float32(0.00390625), labels[:n].astype(int)


def box_of(windows, layer, neuron, rows, columns):
    """Follow the windows from a range of positions (first, last) down to the input."""
    while layer != "data":
        if callable(windows[layer]):  # which way depends on the neuron
            layer = windows[layer](neuron)
            continue
        below, window = windows[layer][0], windows[layer][1:]
        if window[0] == "all":
            return window[1]
        kernel, stride, pad = window
        rows = rows[0] * stride - pad, rows[1] * stride - pad + kernel - 1
        columns = columns[0] * stride - pad, columns[1] * stride - pad + kernel - 1
        layer = below
    return [rows[0], columns[0], rows[1] + 1, columns[1] + 1]


def record(name, net, plain_net, images, labels, n_classes, score, kept, windows, weighted, batch):
    """Compute everything for the kept neurons of some layers."""
    n = len(images)
    layers = list(kept)
    activations = {layer: [] for layer in layers}
    contributions = {layer: [] for layer in layers}
    gradients = {layer: 0.0 for layer in weighted}
    loss, n_wrong = 0.0, 0
    for first in range(0, n, batch):
        some, classes = images[first : first + batch], labels[first : first + batch]
        net.blobs["data"].reshape(len(some), *images.shape[1:])
        net.blobs["label"].reshape(len(some))
        net.reshape()
        net.blobs["data"].data[...] = some
        net.blobs["label"].data[...] = classes
        out = net.forward()
        loss += sum(net.blob_loss_weights[top] * float(values) for top, values in out.items()) * len(some)
        for layer in layers:
            activations[layer] += list(net.blobs[layer].data.copy())
        for scores, label in zip(net.blobs[score].data, classes):
            n_wrong += int(np.argmax(scores) != label)
        for blobs in net.params.values():
            for blob in blobs:
                blob.diff[...] = 0
        net.backward()
        for layer in weighted:
            gradients[layer] = gradients[layer] + net.params[layer][0].diff.astype(np.float64) * len(some)
    for image, label in zip(images, labels):
        plain_net.blobs["data"].data[0] = image
        plain_net.forward()
        plain_net.blobs[score].diff[...] = 0
        plain_net.blobs[score].diff[0, label] = 1
        plain_net.backward(start=score)
        for layer in layers:
            blob = plain_net.blobs[layer]
            contributions[layer].append((blob.data[0] * blob.diff[0]).copy())

    result = {"loss": loss / n, "error": n_wrong / n, "layers": np.array(layers)}
    for layer in layers:
        neurons = kept[layer]
        shape = len(neurons), n_classes
        mean, peak, share, contribution = (np.zeros(shape) for _ in range(4))
        maximum = np.full(shape, -np.inf)
        top_image, top_response = np.zeros((len(neurons), K), int), np.zeros((len(neurons), K), np.float32)
        top_box = np.zeros((len(neurons), K, 4), int)
        for i, neuron in enumerate(neurons):
            found = []
            for index in range(n):
                plane = np.atleast_1d(activations[layer][index][neuron])
                label = labels[index]
                mean[i, label] += plane.mean(dtype=np.float64)
                peak[i, label] += plane.max()
                share[i, label] += bool((plane > 0).any())
                maximum[i, label] = max(maximum[i, label], plane.max())
                contribution[i, label] += contributions[layer][index][neuron].sum(dtype=np.float64)
                found.append((-plane.max(), index))
            for j, (response, index) in enumerate(sorted(found)[:K]):
                plane = np.atleast_1d(activations[layer][index][neuron])
                where = np.unravel_index(np.argmax(plane), plane.shape)
                row, column = where if len(where) == 2 else (0, 0)
                top_image[i, j], top_response[i, j] = index, -response
                top_box[i, j] = box_of(windows, layer, neuron, (row, row), (column, column))
        counts = np.array([(labels == c).sum() for c in range(n_classes)], float)
        with np.errstate(all="ignore"):
            for what, values in (("mean", mean), ("peak", peak), ("share", share), ("contribution", contribution)):
                result[layer + "/" + what] = (values / counts).astype(np.float32)
            result[layer + "/maximum"] = np.where(counts > 0, maximum, np.nan).astype(np.float32)
        result[layer + "/neurons"] = np.array(neurons)
        result[layer + "/top_image"] = top_image
        result[layer + "/top_response"] = top_response
        result[layer + "/top_box"] = top_box.astype(np.int16)
    for layer in weighted:
        weights, gradient = net.params[layer][0].data, gradients[layer] / n
        n_from, group = weighted[layer]
        n_to = net.blobs[layer].shape[1]
        for what, values in (("weight", weights), ("gradient", gradient)):
            matrix = np.zeros((n_to, n_from))
            for a in range(n_to):
                for b in range(n_from):
                    if values.ndim == 2:  # InnerProduct: the positions of a channel lie side by side
                        n_positions = values.shape[1] // n_from
                        matrix[a, b] = values[a, b * n_positions : (b + 1) * n_positions].mean(dtype=np.float64)
                    elif a * group // n_to == b * group // n_from:
                        matrix[a, b] = values[a, b % (n_from // group)].mean(dtype=np.float64)
            rows = kept.get(layer, range(n_to))
            result["connections/" + layer + "/" + what] = matrix[rows].astype(np.float32)
        result["connections/" + layer + "/mean_abs_gradient"] = np.abs(gradient).mean()
    path = FOLDER / (name + ".npz")
    return path, result


def net_from(text):
    """A net from text."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(text)
        file.flush()
        return caffe.Net(file.name, caffe.TEST)


def record_lenet():
    """LeNet of the zoo on 300 images of MNIST."""
    text = (FOLDER / "lenet.prototxt").read_text()
    weights = str(Path(os.environ["CNNVIS_ZOO_DIR"]) / "lenet" / "lenet_iter_10000.caffemodel")
    nets = [net_from(text), net_from(text)]
    for net in nets:
        net.copy_from(weights)
    nets[1].blobs["data"].reshape(1, 1, 28, 28)
    nets[1].blobs["label"].reshape(1)
    nets[1].reshape()
    images, labels = mnist(300)
    some = range(0, 500, 20)
    kept = {"data": range(1), "conv1": range(20), "pool1": range(20), "conv2": range(50), "pool2": range(0, 50, 5)}
    kept.update({"ip1": some, "relu1": some, "ip2": range(10)})
    whole = ("all", [0, 0, 28, 28])
    windows = {"conv1": ("data", 5, 1, 0), "pool1": ("conv1", 2, 2, 0), "conv2": ("pool1", 5, 1, 0)}
    windows.update({"pool2": ("conv2", 2, 2, 0), "ip1": ("pool2", *whole), "relu1": ("ip1", *whole)})
    windows["ip2"] = ("relu1", *whole)
    weighted = {"conv1": (1, 1), "conv2": (20, 1), "ip1": (50, 1), "ip2": (500, 1)}
    path, result = record("lenet", *nets, images, labels, 10, "ip2", kept, windows, weighted, 100)
    np.savez_compressed(path, **result)


def record_branches():
    """A net with branches, groups, normalisation, a sum, and a second loss before the score."""
    text = (FOLDER / "branches.prototxt").read_text()
    random = np.random.RandomState(5)
    nets = [net_from(text), net_from(text.split("# second loss")[0] + text.split("# end of second loss")[1])]
    saved = {}
    for layer, blobs in nets[0].params.items():
        for i, blob in enumerate(blobs):
            scale = 0.5 if blob.data.ndim > 1 else 0.3
            values = random.normal(0, scale, blob.data.shape)
            if layer == "norm":  # statistics and how often they were updated: positive
                values = np.abs(values) + 0.5
            saved["param/" + layer + "/" + str(i)] = blob.data[...] = values.astype(np.float32)
            if layer in nets[1].params:
                nets[1].params[layer][i].data[...] = blob.data
    n, n_classes = 60, 5
    images = random.normal(0, 1, (n, 3, 11, 9)).astype(np.float16).astype(np.float32)
    labels = random.choice([0, 1, 2, 4], n)  # class 3 has no images
    nets[1].blobs["data"].reshape(1, 3, 11, 9)
    nets[1].blobs["label"].reshape(1)
    nets[1].reshape()
    windows = {
        "conv": ("data", 3, 2, 1), "relu": ("conv", 1, 1, 0), "one": ("relu", 1, 1, 0), "two": ("relu", 3, 1, 1),
        "three": ("relu", 1, 1, 0), "norm": ("three", 1, 1, 0), "scale": ("norm", 1, 1, 0),
        # Concat puts one before two; the sum sees as much of the image through the other branch as through one.
        "joined_relu": lambda neuron: "one" if neuron < 5 else "two", "sum": lambda neuron: "joined_relu",
        "pool": ("sum", 3, 2, 0), "fc": ("", "all", [0, 0, 11, 9]),
        "slope": ("data", 3, 2, 1),
    }  # fmt: skip
    kept = {layer: range(nets[0].blobs[layer].shape[1]) for layer in windows}
    weighted = {"conv": (3, 1), "one": (6, 1), "two": (6, 2), "three": (6, 1), "fc": (9, 1), "aux": (6, 1)}
    path, result = record("branches", *nets, images, labels, n_classes, "fc", kept, windows, weighted, 12)
    saved.update(images=images.astype(np.float16), labels=labels)
    np.savez_compressed(path, **result, **saved)


if __name__ == "__main__":
    caffe.set_mode_cpu()
    for what in sys.argv[1:] or ["lenet", "branches"]:
        globals()["record_" + what]()
