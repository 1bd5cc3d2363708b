"""Real Caffe runs the deploy networks that we write, and they say what the trained network says."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from helpers.each import check_each

from cnnvis_caffe.datasets.databases import mean_image, write_image_set
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.network.deploy import deploy
from cnnvis_caffe.records.image_set import ImageSet

pytestmark = pytest.mark.pycaffe

# Networks as they were trained read their databases; the deploy networks get the same input by hand. Without weights
# of old, those that the fillers draw are saved first.
RUN = """
import json, os, sys, caffe, numpy as np
os.chdir(sys.argv[1])
for number, (train_val, weights, deploy, score, answer) in enumerate(json.loads(sys.argv[2])):
    net = caffe.Net(train_val, caffe.TEST)
    if weights == "none":
        weights = "drawn.caffemodel"
        net.save(weights)
    net.copy_from(weights)
    net.forward()
    new = caffe.Net(deploy, caffe.TEST)
    new.copy_from(weights)
    source = next(iter(new.inputs))
    new.blobs[source].data[...] = net.blobs[source].data
    new.forward()
    np.savez("result%d.npz" % number, score=net.blobs[score].data, answer=new.blobs[answer].data,
             inputs=list(new.inputs), outputs=list(new.outputs))
"""
QUICK = "cifar10_quick_v1/cifar10_quick_iter_5000.caffemodel"
FULL = "cifar10_full_h5/cifar10_full_iter_70000.caffemodel.h5"


@pytest.fixture
def folder(repository):
    """A folder that real Caffe can see, with networks and random images in databases."""
    (repository / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository / "build") as name:
        path = Path(name)
        (path / "prototxt").symlink_to(repository / "prototxt")
        (path / "data").mkdir()
        random = np.random.default_rng(5)
        for data_set, shape, order in (("mnist", (1, 28, 28), "grey"), ("cifar10", (3, 32, 32), "RGB")):
            images = random.integers(0, 256, (100, *shape), np.uint8)
            part = ImageSet(data_set, "test", images, np.arange(100) % 10, tuple("0123456789"), order)
            write_image_set(part, path / "data" / f"{data_set}_test_lmdb")
        write_mean(path / "data" / "cifar10_mean.binaryproto", mean_image(path / "data" / "cifar10_test_lmdb"))
        yield path


#: Network, weights, what the deploy network is made of, the blob of scores and that of the answer.
CASES = [
    ("lenet", "lenet/lenet_iter_10000.caffemodel", "weights", "ip2", "prob"),
    ("lenet", "lenet_other_data/lenet_iter_5000.caffemodel", "weights", "ip2", "loss"),
    ("cifar10_quick", QUICK, "weights", "ip2", "prob"),
    ("cifar10_quick", QUICK, "prototxt", "ip2", "prob"),
    ("cifar10_full", FULL, "prototxt", "ip1", "prob"),
    ("base_cnn", "none", "prototxt", "fc6", "prob"),
]


def test_the_deploy_networks_say_what_the_trained_ones_say(folder, repository, zoo_dir, real_caffe):
    made, asked = [], []
    for number, (net, weights, of, score, answer) in enumerate(CASES):
        train_val = repository / "prototxt" / net / "train_val.prototxt"
        own = folder / str(number)  # what lies beside weights is looked at
        own.mkdir()
        if weights != "none":
            copied = own / f"weights.caffemodel{'.h5' if weights.endswith('.h5') else ''}"
            copied.write_bytes((zoo_dir / weights).read_bytes())
            weights = str(copied)
        made.append(deploy(weights) if of == "weights" else deploy(train_val))
        # A snapshot's batch is that of its training.
        again = deploy(weights, batch=100) if of == "weights" else made[-1]
        again.write(own / "deploy.prototxt")
        asked.append([f"prototxt/{net}/train_val.prototxt", weights, str(own / "deploy.prototxt"), score, answer])
    (folder / "run.py").write_text(RUN)
    words = [*real_caffe, "python3", str(folder / "run.py"), str(folder), json.dumps(asked)]
    subprocess.run(words, cwd=repository, check=True, timeout=240)

    def check(number):
        result, answer = np.load(folder / f"result{number}.npz"), CASES[number][-1]
        assert result["inputs"].tolist() == list(made[number].inputs)
        assert result["outputs"].tolist() == list(made[number].outputs) == [answer]
        powers = np.exp(result["score"] - result["score"].max(1, keepdims=True))
        np.testing.assert_allclose(result["answer"], powers / powers.sum(1, keepdims=True), rtol=1e-5, atol=1e-7)
        assert np.ptp(result["answer"], 0).max() > 1e-3

    check_each(check, range(len(CASES)), lambda number: " ".join(CASES[number]))
