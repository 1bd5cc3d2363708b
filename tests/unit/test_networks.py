"""The networks under prototxt/: as their script writes them, and of Caffe's size."""

from __future__ import annotations

import importlib.util
import math

import pytest

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.runtime.net import Net

# Counted in real Caffe.
N_PARAMETERS = {
    "lenet": 431_080,
    "cifar10_quick": 145_578,
    "cifar10_full": 89_578,
    "mnist_siamese": 431_102,
    "mnist_autoencoder": 2_837_314,
    "bvlc_alexnet": 60_965_224,
    "bvlc_reference_caffenet": 60_965_224,
    "bvlc_googlenet": 6_998_552,
}


@pytest.fixture(scope="module")
def written(repository):
    """What the script would write: text by path."""
    path = repository / "tools" / "write_networks.py"
    spec = importlib.util.spec_from_file_location("write_networks", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.all_files()


def test_files_are_what_the_script_writes(repository, written):
    folder = repository / "prototxt"
    files = sorted(folder.rglob("*.prototxt"))
    found = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}
    assert found == written
    assert {name.split("/")[0] for name in found} == set(N_PARAMETERS)


@pytest.mark.parametrize("name", N_PARAMETERS)
def test_deploy_has_as_many_parameters_as_in_caffe(repository, name):
    network = read_network(repository / "prototxt" / name / "deploy.prototxt")
    assert (network.generation, network.upgrades, network.unknown) == ("V2", (), ())
    net = Net(network, schema.TEST, run=False)
    assert net.problems == []
    assert sum(math.prod(blob.shape) for layer in net.layers for blob in layer.blobs) == N_PARAMETERS[name]


@pytest.mark.parametrize(("name", "n_layers"), [("bvlc_googlenet", 152), ("lenet", 9), ("bvlc_alexnet", 24)])
def test_deploy_has_as_many_layers_as_in_caffe(repository, name, n_layers):
    net = Net(read_network(repository / "prototxt" / name / "deploy.prototxt"), schema.TEST, run=False)
    assert len(net.layers) == n_layers


@pytest.mark.parametrize("name", N_PARAMETERS)
def test_train_val_and_solver_are_read_whole(repository, name):
    folder = repository / "prototxt" / name
    network = read_network(folder / "train_val.prototxt")
    assert (network.upgrades, network.unknown) == ((), ())
    solver = read_solver(folder / "solver.prototxt")
    assert solver.unknown == ()
    assert repository / solver.message.net == folder / "train_val.prototxt"
