"""Real Caffe builds every solver of the case studies from our files and our databases."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

from cnnvis_caffe.datasets.databases import mean_image, write_image_set
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.records.image_set import ImageSet

pytestmark = pytest.mark.pycaffe

NETS = ("lenet*", "deep_lenet", "cifar10_*", "base_cnn*")
BUILD = """
import os, sys, caffe
os.chdir(sys.argv[1])
for name in sys.argv[2:]:
    solver = caffe.get_solver("prototxt/%s/solver.prototxt" % name)
    caffe.Net("prototxt/%s/deploy.prototxt" % name, caffe.TEST)
    data = [tuple(net.blobs["data"].shape) for net in (solver.net, solver.test_nets[0])]
    print(name, *data, flush=True)
"""


@pytest.fixture
def folder(repository):
    """A folder that real Caffe can see, with prototxt, data and snapshots in it."""
    (repository / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository / "build") as name:
        path = Path(name)
        (path / "prototxt").symlink_to(repository / "prototxt")
        (path / "data").mkdir()
        (path / "snapshots").mkdir()
        random = np.random.default_rng(1)
        for data_set, shape, order in (("mnist", (1, 28, 28), "grey"), ("cifar10", (3, 32, 32), "RGB")):
            for split in ("train", "test"):
                images = random.integers(0, 256, (20, *shape), np.uint8)
                part = ImageSet(data_set, split, images, np.arange(20) % 10, tuple("0123456789"), order)
                write_image_set(part, path / "data" / f"{data_set}_{split}_lmdb")
        write_mean(path / "data" / "cifar10_mean.binaryproto", mean_image(path / "data" / "cifar10_train_lmdb"))
        yield path


def test_real_caffe_builds_every_solver(folder, repository, real_caffe):
    names = sorted(path.name for pattern in NETS for path in (repository / "prototxt").glob(pattern))
    assert len(names) == 5 + 1 + 2 + 9
    command = [*real_caffe, "python3", "-c", BUILD, str(folder), *names]
    result = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == names
    for line in lines:
        expected = "(100, 3, 32, 32)" if line.startswith(("cifar", "base")) else "(100, 1, 28, 28)"
        assert line.endswith(expected)
