"""Train LeNet on scikit-learn's digits through pycaffe's own calls, save it, load it and test it.

Written as such scripts were written for Caffe: only `install_as_caffe` is new, and the solver is spelt out in six
lines. Needs no download; takes a few seconds.
"""
from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from cnnvis_caffe.pycaffe import install_as_caffe

install_as_caffe()
import caffe  # noqa: E402 - it exists only now

NETWORK = str(Path(__file__).with_name("lenet_digits.prototxt"))
LEARNING_RATE, MOMENTUM, N_ITERATIONS, N_TRAIN = 0.01, 0.9, 120, 1472


def load():
    """Give the digits as Caffe's LeNet wants them: (n, 1, 28, 28), from 0 to 1."""
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 1, 8, 8).repeat(3, axis=2).repeat(3, axis=3) / 16
    order = np.random.RandomState(0).permutation(len(images))
    return np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))[order].astype(np.float32), labels[order]


def train(images, labels):
    """Run plain gradient descent with momentum, as Caffe's SGD solver does it."""
    caffe.set_random_seed(1)
    net = caffe.Net(NETWORK, caffe.TRAIN)
    blobs = [blob for name in net.params for blob in net.params[name]]
    history = [np.zeros_like(blob.data) for blob in blobs]
    batch_size = net.blobs["data"].num
    for iteration in range(N_ITERATIONS):
        rows = np.arange(iteration * batch_size, (iteration + 1) * batch_size) % N_TRAIN
        net.clear_param_diffs()
        loss = net.forward(data=images[rows], label=labels[rows])["loss"]
        net.backward()
        for blob, update in zip(blobs, history):
            update[...] = MOMENTUM * update + LEARNING_RATE * blob.diff
            blob.data[...] -= update
        if iteration % 20 == 0 or iteration == N_ITERATIONS - 1:
            print(f"iteration {iteration:3d}, loss = {float(loss):.4f}")
    return net


def test(weights, images, labels):
    """Give the share of digits that a saved net gets right."""
    net = caffe.Net(NETWORK, caffe.TEST, weights=weights)
    net.blobs["data"].reshape(*images.shape)
    net.blobs["label"].reshape(*labels.shape)
    return float(net.forward(data=images, label=labels)["accuracy"])


def main():
    """Train, save, load, test."""
    images, labels = load()
    net = train(images[:N_TRAIN], labels[:N_TRAIN])
    with tempfile.TemporaryDirectory() as folder:
        weights = str(Path(folder) / "lenet_digits.caffemodel")
        net.save(weights)
        size = Path(weights).stat().st_size / 1e6
        accuracy = test(weights, images[N_TRAIN:], labels[N_TRAIN:])
    print(f"saved and loaded again: {size:.1f} MB; {accuracy:.1%} of {len(images) - N_TRAIN} unseen digits are right")


if __name__ == "__main__":
    main()
