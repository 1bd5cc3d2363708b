"""Gradients, hidden squares and transformed images by the plainest loops, computed with real Caffe.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_explanation.py

Writes tests/recorded/nets/explanation/{lenet,cifar10_full}.npz. Nothing of cnnvis_caffe is used: numbers come from
pycaffe, one image, one square and one pixel at a time. Needs CNNVIS_DATA_DIR (MNIST) and CNNVIS_ZOO_DIR.
"""

from __future__ import annotations

import gzip
import math
import os
import tempfile
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "2")
import caffe  # noqa: E402
import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "tests" / "recorded" / "nets" / "explanation"
ZOO = Path(os.environ["CNNVIS_ZOO_DIR"])
AMOUNTS = {"translation": [-3.0, 0.0, 2.5], "scale": [1.3, 0.8], "rotation": [40.0, 180.0]}


def bytes_of(path):
    """The contents of a file, or of the same packed."""
    if path.exists():
        return path.read_bytes()
    with gzip.open(str(path) + ".gz") as file:
        return file.read()


def mnist(n):
    """The first test images and their labels."""
    folder = Path(os.environ["CNNVIS_DATA_DIR"]) / "mnist"
    images = np.frombuffer(bytes_of(folder / "t10k-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.frombuffer(bytes_of(folder / "t10k-labels-idx1-ubyte"), np.uint8, offset=8)
    return images[:n], labels[:n].astype(np.int64)


def spots(n):
    """Soft spots of colour, and labels that mean nothing."""
    random = np.random.RandomState(3)
    y, x = np.mgrid[:32, :32]
    images = np.full((n, 3, 32, 32), 90.0)
    for image in images:
        for _ in range(6):
            middle, colour = random.uniform(0, 32, 2), random.uniform(-120, 160, 3)
            spot = np.exp(-((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / random.uniform(8, 60))
            image += colour[:, None, None] * spot
    return np.clip(images, 0, 255).astype(np.uint8), np.arange(n, dtype=np.int64) * 3 % 10


def net_of(name, weights):
    """A deploy network that gives gradients of its images."""
    text = "force_backward: true\n" + (ROOT / "prototxt" / name / "deploy.prototxt").read_text()
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(text)
        file.flush()
        net = caffe.Net(file.name, caffe.TEST)
    net.copy_from(str(ZOO / weights))
    net.blobs["data"].reshape(1, *net.blobs["data"].data.shape[1:])
    net.reshape()
    return net


def run(net, score, image):
    """Probabilities of one image as the network takes it."""
    net.blobs["data"].data[0] = image
    net.forward(end=score)
    exponentials = [math.exp(value) for value in net.blobs[score].data.reshape(-1).astype(float)]
    return [value / sum(exponentials) for value in exponentials]


def moved(image, kind, amount):
    """An image transformed pixel by pixel; outside, the pixels at the edge go on."""
    channels, height, width = image.shape
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    result = np.zeros(image.shape)
    for row in range(height):
        for column in range(width):
            y, x = row - middle_y, column - middle_x
            if kind == "translation":
                y = y - amount
            elif kind == "scale":
                y, x = y / amount, x / amount
            else:  # what shows here was turned anticlockwise, so that it came from clockwise
                angle = math.radians(amount)
                y, x = math.cos(angle) * y + math.sin(angle) * x, math.cos(angle) * x - math.sin(angle) * y
            y, x = min(max(y + middle_y, 0), height - 1), min(max(x + middle_x, 0), width - 1)
            top, left = int(y), int(x)
            for there_y, share_y in ((top, 1 - (y - top)), (min(top + 1, height - 1), y - top)):
                for there_x, share_x in ((left, 1 - (x - left)), (min(left + 1, width - 1), x - left)):
                    result[:, row, column] += share_y * share_x * image[:, there_y, there_x]
    return result


def record(name, weights, images, labels, prepare, score, layers, maps, size, stride):
    """Everything for one network; `layers` and `maps` are blobs, as they are after what works in place on them."""
    net = net_of(name, weights)
    result = {"images": images, "labels": labels, "square": np.array([size, stride])}
    probabilities, gradients, activations = [], [], []
    for image, label in zip(images, labels):
        probabilities.append(run(net, score, prepare(image)))
        activations.append(float(net.blobs[score].data.reshape(-1)[label]))
        net.blobs[score].diff[...] = 0
        net.blobs[score].diff[0, label] = 1
        net.backward(start=score)
        gradients.append(net.blobs["data"].diff[0].copy())
    result.update(probabilities=np.array(probabilities), gradients=np.array(gradients))
    result["activations"] = np.array(activations)

    run(net, score, prepare(images[0]))
    sums = [float(plane.astype(float).sum()) for plane in net.blobs[maps].data[0]]
    strongest = sums.index(max(sums))
    grey = prepare(np.full(images[0].shape, 127.5))
    height, width = images.shape[2:]
    rows = [[], [], []]
    y = 0
    while True:
        line = [[], [], []]
        x = 0
        while True:
            hidden = prepare(images[0]).copy()
            hidden[:, y : y + size, x : x + size] = grey[:, y : y + size, x : x + size]
            found = run(net, score, hidden)
            line[0].append(found[labels[0]])
            line[1].append(found.index(max(found)))
            line[2].append(float(net.blobs[maps].data[0, strongest].astype(float).sum()))
            if x + size >= width:
                break
            x += stride
        for all_rows, one in zip(rows, line):
            all_rows.append(one)
        if y + size >= height:
            break
        y += stride
    result.update(strongest=strongest, whole_sum=sums[strongest])
    result.update(hidden_probability=np.array(rows[0]), hidden_label=np.array(rows[1]), hidden_sum=np.array(rows[2]))

    for kind, amounts in AMOUNTS.items():
        distance = np.zeros((len(layers), len(amounts), len(images)))
        probability = np.zeros((len(amounts), len(images)))
        for i, (image, label) in enumerate(zip(images, labels)):
            run(net, score, prepare(image))
            start = [net.blobs[layer].data[0].astype(float).ravel() for layer in layers]
            for j, amount in enumerate(amounts):
                probability[j, i] = run(net, score, prepare(moved(image.astype(float), kind, amount)))[label]
                for k, layer in enumerate(layers):
                    away = net.blobs[layer].data[0].astype(float).ravel() - start[k]
                    distance[k, j, i] = math.sqrt((away**2).sum()) / math.sqrt((start[k] ** 2).sum())
        result.update({kind + "/distance": distance, kind + "/probability": probability})
    np.savez_compressed(FOLDER / (name + ".npz"), **result)


def main():
    """Both networks."""
    caffe.set_mode_cpu()
    images, labels = mnist(3)
    scale = np.float32(0.00390625)
    record(
        "lenet", "lenet/lenet_iter_10000.caffemodel", images, labels,
        lambda image: image.astype(np.float32) * scale, "ip2", ["conv1", "ip1", "ip2"], "conv2", 7, 6,
    )  # fmt: skip
    message = caffe.proto.caffe_pb2.BlobProto()
    message.ParseFromString((ZOO / "cifar10_mean.binaryproto").read_bytes())
    mean = np.array(message.data, np.float32).reshape(3, 32, 32)
    images, labels = spots(3)
    record(
        "cifar10_full", "cifar10_full_h5/cifar10_full_iter_70000.caffemodel.h5", images, labels,
        lambda image: image.astype(np.float32) - mean, "ip1", ["conv1", "conv3", "ip1"], "conv3", 10, 6,
    )  # fmt: skip


if __name__ == "__main__":
    main()
