"""Snapshots that other people's Caffe wrote between 2014 and 2019 say here what they say in real Caffe."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the images are JPEG files, which OpenCV reads")

from helpers import image_files
from helpers.recordings import ZOO

from cnnvis_caffe import pycaffe as caffe
from cnnvis_caffe.formats.caffemodel import read_caffemodel
from cnnvis_caffe.formats.mean import read_mean
from cnnvis_caffe.formats.prototxt import write_text

BATCH = 250
#: Real Caffe's answers are recorded for every tenth of the 10,000 test images.
EVERY = 10

# Percent of the 10,000 test images that err, measured with real Caffe 1.0.
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
ERRORS = {**MNIST, **CIFAR10_QUICK, **CIFAR10_FULL}


@pytest.fixture(scope="module")
def mnist(data_dir):
    """What LeNet takes, and labels."""
    pixels, labels = image_files.read_mnist_test(data_dir)
    return pixels * np.float32(0.00390625), labels


@pytest.fixture(scope="module")
def cifar10(cifar10_dir, zoo_dir):
    """What the CIFAR-10 nets take (JPEG copies of the images), and labels."""
    path = cifar10_dir / "cifar-10-batches-bin" / "test_batch.bin"
    records = np.fromfile(path, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    pixels, labels = records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]
    return pixels - read_mean(zoo_dir / "cifar10_mean.binaryproto"), labels


@pytest.fixture(scope="module")
def recorded():
    """The classes that real Caffe gives to every tenth image, by snapshot."""
    with np.load(ZOO) as file:
        return dict(file)


@pytest.fixture(params=ERRORS)
def snapshot(request):
    """Each snapshot: its path below the zoo."""
    return request.param


@pytest.fixture
def samples(snapshot, request):
    """The images and labels that it is for."""
    return request.getfixturevalue("mnist" if snapshot in MNIST else "cifar10")


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


@pytest.fixture
def net(snapshot, zoo_dir, repository, tmp_path):
    """The snapshot's net, for a batch."""
    weights = zoo_dir / snapshot
    if snapshot in CIFAR10_FULL:
        prototxt = repository / "prototxt" / "cifar10_full" / "deploy.prototxt"
    else:
        shape = (1, 28, 28) if snapshot in MNIST else (3, 32, 32)
        prototxt = own_network(weights, (BATCH, *shape), tmp_path / "net.prototxt")
    return caffe.Net(str(prototxt), str(weights), caffe.TEST)


def classes(net, images):
    """The class of each image's largest score."""
    net.blobs["data"].reshape(BATCH, *images.shape[1:])
    found = []
    for first in range(0, len(images), BATCH):
        net.blobs["data"].data[...] = images[first : first + BATCH]
        (scores,) = net.forward().values()
        assert scores.shape == (BATCH, 10)
        found.append(scores.argmax(1))
    return np.concatenate(found)


def test_each_image_is_what_it_is_in_real_caffe(snapshot, net, samples, recorded):
    images, labels = (array[::EVERY] for array in samples)
    found = classes(net, images)
    assert found.shape == recorded[snapshot].shape == (1000,)
    assert np.count_nonzero(found != recorded[snapshot]) <= 1  # two scores may be equal but for rounding
    # 1000 of the images err about as often as all of them: within three standard deviations.
    share = ERRORS[snapshot] / 100
    error = np.count_nonzero(found != labels) / len(labels)
    assert error == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / len(labels)))


@pytest.mark.slow
def test_as_many_images_err(snapshot, net, samples):
    images, labels = samples
    assert len(images) == len(labels) == 10_000
    found = 100 * np.count_nonzero(classes(net, images) != labels) / len(labels)
    assert found == pytest.approx(ERRORS[snapshot], abs=0.02)
