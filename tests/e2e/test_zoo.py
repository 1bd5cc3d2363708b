"""Snapshots that other people's Caffe wrote between 2014 and 2019 err as often here as in real Caffe."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the images are JPEG files, which OpenCV reads")

import image_files
from helpers.once import once

from cnnvis_caffe import pycaffe as caffe
from cnnvis_caffe.formats.caffemodel import read_caffemodel
from cnnvis_caffe.formats.mean import read_mean
from cnnvis_caffe.formats.prototxt import write_text

BATCH = 500

# Percent of the 10,000 test images, measured with real Caffe 1.0.
MNIST = {
    "lenet/lenet_iter_10000.caffemodel": 0.94,
    "lenet/lenet_rmsprop_iter_10000.caffemodel": 3.02,
    "lenet_other_data/lenet_iter_5000.caffemodel": 93.67,
    "lenet_other_data/lenet_iter_10000.caffemodel": 93.67,
}
CIFAR10_QUICK = {
    "cifar10_quick_v1/cifar10_quick_iter_4000.caffemodel": 32.66,
    "cifar10_quick_v1/cifar10_quick_iter_5000.caffemodel": 26.53,
}
CIFAR10_FULL = {
    f"cifar10_full_h5/cifar10_full_iter_{iteration}.caffemodel.h5": error
    for iteration, error in (
        (10000, 90.00), (20000, 47.44), (30000, 43.45), (40000, 40.80),
        (50000, 39.79), (60000, 39.32), (65000, 33.93), (70000, 34.05),
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def mnist(data_dir):
    """What LeNet takes, and labels."""
    pixels, labels = image_files.read_mnist_test(data_dir)
    return pixels * np.float32(0.00390625), labels


@pytest.fixture(scope="module")
def cifar10(data_dir, zoo_dir, tmp_path_factory):
    """What the CIFAR-10 nets take (JPEG copies of the images), and labels."""

    def unpack(folder):
        for name, array in zip(("pixels", "labels"), image_files.read_cifar10_test(data_dir)):
            np.save(folder / f"{name}.npy", array)

    folder = once(tmp_path_factory, "cifar10_test", unpack)
    pixels, labels = (np.load(folder / f"{name}.npy") for name in ("pixels", "labels"))
    return pixels - read_mean(zoo_dir / "cifar10_mean.binaryproto"), labels


def own_network(weights, shape, path):
    """Write the network that a snapshot carries, from an Input in place of its Data layer to the scores."""
    network = read_caffemodel(weights).network
    data, loss = network.layer[0], network.layer[-1]
    assert data.type == "Data" and loss.type in ("Softmax", "SoftmaxWithLoss")
    data.Clear()
    data.name = data.type = "Input"
    data.top.append("data")
    data.input_param.shape.add().dim.extend(shape)
    del network.layer[-1]
    for layer in network.layer:
        layer.ClearField("phase")  # a snapshot is of the TRAIN phase
    write_text(path, network)
    return path


def error_rate(prototxt, weights, samples):
    """Percent of the images whose largest score is not that of their class."""
    images, labels = samples
    assert len(images) == len(labels) == 10_000
    net = caffe.Net(str(prototxt), str(weights), caffe.TEST)
    net.blobs["data"].reshape(BATCH, *images.shape[1:])
    wrong = 0
    for first in range(0, len(images), BATCH):
        net.blobs["data"].data[...] = images[first : first + BATCH]
        (scores,) = net.forward().values()
        assert scores.shape == (BATCH, 10)
        wrong += np.count_nonzero(scores.argmax(1) != labels[first : first + BATCH])
    return 100 * wrong / len(images)


@pytest.mark.parametrize("snapshot", MNIST)
def test_lenet(snapshot, mnist, zoo_dir, tmp_path):
    prototxt = own_network(zoo_dir / snapshot, (BATCH, 1, 28, 28), tmp_path / "net.prototxt")
    assert error_rate(prototxt, zoo_dir / snapshot, mnist) == pytest.approx(MNIST[snapshot], abs=0.02)


@pytest.mark.parametrize("snapshot", CIFAR10_QUICK)
def test_cifar10_quick(snapshot, cifar10, zoo_dir, tmp_path):
    prototxt = own_network(zoo_dir / snapshot, (BATCH, 3, 32, 32), tmp_path / "net.prototxt")
    assert error_rate(prototxt, zoo_dir / snapshot, cifar10) == pytest.approx(CIFAR10_QUICK[snapshot], abs=0.02)


@pytest.mark.parametrize("snapshot", CIFAR10_FULL)
def test_cifar10_full(snapshot, cifar10, zoo_dir, repository):
    prototxt = repository / "prototxt" / "cifar10_full" / "deploy.prototxt"
    assert error_rate(prototxt, zoo_dir / snapshot, cifar10) == pytest.approx(CIFAR10_FULL[snapshot], abs=0.02)
