"""The class that snapshots of other people give to every tenth test image, in real Caffe.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_zoo.py

Writes tests/recorded/nets/zoo.npz: one array of 1000 classes for each snapshot, by its path below CNNVIS_ZOO_DIR.
Needs CNNVIS_DATA_DIR (MNIST, CIFAR-10) and CNNVIS_ZOO_DIR.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tempfile
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "2")
import caffe  # noqa: E402
import numpy as np  # noqa: E402
from caffe.proto import caffe_pb2  # noqa: E402
from google.protobuf import text_format  # noqa: E402
from PIL import Image  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
ZOO = Path(os.environ["CNNVIS_ZOO_DIR"])
DATA = Path(os.environ["CNNVIS_DATA_DIR"])
EVERY = 10
BATCH = 250
LENET = (
    "lenet/lenet_iter_10000.caffemodel",
    "lenet/lenet_rmsprop_iter_10000.caffemodel",
    "lenet_other_data/lenet_iter_5000.caffemodel",
    "lenet_other_data/lenet_iter_10000.caffemodel",
)
CIFAR10_QUICK = [f"cifar10_quick_v1/cifar10_quick_iter_{n}.caffemodel" for n in (4000, 5000)]
CIFAR10_FULL = [
    f"cifar10_full_h5/cifar10_full_iter_{n}.caffemodel.h5"
    for n in (10000, 20000, 30000, 40000, 50000, 60000, 65000, 70000)
]


def mnist():
    """Every tenth test image, as LeNet takes it."""
    content = gzip.decompress((DATA / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    pixels = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return pixels[::EVERY] * np.float32(0.00390625)


def cifar10():
    """Every tenth test image in the archive's order, RGB, less the mean."""
    blob = caffe_pb2.BlobProto.FromString((ZOO / "cifar10_mean.binaryproto").read_bytes())
    images = []
    with tarfile.open(DATA / "cifar10" / "cifar10-jpeg.tar.xz") as archive:
        members = [member for member in archive if member.isfile() and member.name.startswith("test/")]
        for member in members[::EVERY]:
            with Image.open(io.BytesIO(archive.extractfile(member).read())) as image:
                images.append(np.asarray(image).transpose(2, 0, 1))
    return np.stack(images) - caffe.io.blobproto_to_array(blob)[0].astype(np.float32)


def own_network(weights, shape):
    """The text of the network that a snapshot carries, from its data to the scores."""
    network = caffe_pb2.NetParameter.FromString(weights.read_bytes())
    layers = network.layer if len(network.layer) else network.layers
    del layers[-1], layers[0]  # the loss, the data
    for layer in layers:
        layer.ClearField("blobs")
        if hasattr(layer, "phase"):
            layer.ClearField("phase")
    network.input.append("data")
    network.input_dim.extend(shape)
    return text_format.MessageToString(network)


def classes(network, weights, images):
    """The class of the largest score of each image."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(network)
        file.flush()
        net = caffe.Net(file.name, str(weights), caffe.TEST)
    net.blobs["data"].reshape(BATCH, *images.shape[1:])
    found = []
    for first in range(0, len(images), BATCH):
        net.blobs["data"].data[...] = images[first : first + BATCH]
        (scores,) = net.forward().values()
        found.append(scores.argmax(1))
    return np.concatenate(found).astype(np.uint8)


def main():
    recorded = {}
    for names, images in ((LENET, mnist()), (CIFAR10_QUICK, cifar10()), (CIFAR10_FULL, cifar10())):
        deploy = (REPOSITORY / "prototxt" / "cifar10_full" / "deploy.prototxt").read_text()
        for name in names:
            network = deploy if names is CIFAR10_FULL else own_network(ZOO / name, (BATCH, *images.shape[1:]))
            recorded[name] = classes(network, ZOO / name, images)
            print(name, np.bincount(recorded[name], minlength=10))
    np.savez_compressed(REPOSITORY / "tests" / "recorded" / "nets" / "zoo.npz", **recorded)


if __name__ == "__main__":
    main()
