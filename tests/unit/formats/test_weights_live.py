"""Real Caffe loads what we write, and then holds the arrays that we hold."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.caffemodel import write_caffemodel
from cnnvis_caffe.formats.hdf5 import write_weights_hdf5
from cnnvis_caffe.formats.prototxt import write_text
from cnnvis_caffe.formats.weights import read_weights

pytestmark = pytest.mark.pycaffe

LOAD = """
import sys, caffe, numpy as np
for weights in sys.argv[2:]:
    net = caffe.Net(sys.argv[1], weights, caffe.TEST)
    arrays = {"%s:%d" % (n, i): b.data for n, bs in net.params.items() for i, b in enumerate(bs)}
    np.savez(weights + ".npz", **arrays)
"""
SNAPSHOTS = [
    "lenet/lenet_iter_10000.caffemodel",
    "lenet/lenet_rmsprop_iter_10000.caffemodel",
    "lenet_other_data/lenet_iter_5000.caffemodel",
    "lenet_other_data/lenet_iter_10000.caffemodel",
    "cifar10_quick_v1/cifar10_quick_iter_4000.caffemodel",
    "cifar10_quick_v1/cifar10_quick_iter_5000.caffemodel",
]
FORMATS = ("original", "binary", "hdf5")


@pytest.fixture
def folder(repository: Path) -> Iterator[Path]:
    """A folder that real Caffe can see, below the checkout."""
    (repository / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository / "build") as name:
        yield Path(name)


@pytest.mark.parametrize("snapshot", SNAPSHOTS)
def test_real_caffe_holds_our_arrays(
    snapshot: str, zoo_dir: Path, folder: Path, repository: Path, real_caffe: list[str]
) -> None:
    weights = read_weights(zoo_dir / snapshot)
    kept = [layer for layer in weights.network.layer if layer.type not in ("Data", "Accuracy", "SoftmaxWithLoss")]
    network = schema.NetParameter(name="net", layer=kept)
    size = (3, 32, 32) if "cifar" in snapshot else (1, 28, 28)
    network.layer[0].bottom[:] = ["data"]
    data = schema.LayerParameter(name="input", type="Input", top=["data"])
    data.input_param.shape.add(dim=(1, *size))
    network = schema.NetParameter(layer=[data, *network.layer])
    write_text(folder / "net.prototxt", network)
    arrays = {layer.name: layer.blobs for layer in weights.layers if layer.blobs}
    (folder / "original").write_bytes((zoo_dir / snapshot).read_bytes())
    write_caffemodel(folder / "binary", weights.network, arrays)
    # In HDF5 a shape must be the net's: drop the leading ones of a legacy shape.
    plain = {name: [exact(name, index, blob) for index, blob in enumerate(blobs)] for name, blobs in arrays.items()}
    write_weights_hdf5(folder / "hdf5", plain)
    (folder / "load.py").write_text(LOAD)
    names = [folder / name for name in ("load.py", "net.prototxt", *FORMATS)]
    subprocess.run([*real_caffe, "python3", *map(str, names)], cwd=repository, check=True, timeout=120)
    for format in FORMATS:
        result = np.load(folder / f"{format}.npz")
        assert len(result.files) == sum(map(len, arrays.values())) >= 8, format
        for name, blobs in arrays.items():
            for index, blob in enumerate(blobs):
                array = result[f"{name}:{index}"].ravel()
                np.testing.assert_array_equal(blob.data.ravel(), array, err_msg=f"{format}, {name}")


def exact(name: str, index: int, blob) -> np.ndarray:
    if not blob.legacy or name.startswith("conv") and index == 0:
        return blob.data
    return blob.data.reshape(blob.shape[-1:] if index else blob.shape[-2:])
