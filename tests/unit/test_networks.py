"""The networks under prototxt/: as their script writes them, and of Caffe's size."""

from __future__ import annotations

import importlib.util
import math

import pytest

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.runtime.net import Net

# Table 3 of the paper.
LEAKY_SLOPES = ("0.01", "0.05", "0.1", "0.15", "0.2", "0.24", "0.25", "0.3")

# Counted in real Caffe.
N_PARAMETERS = {
    "lenet": 431_080,
    "lenet_x4": 2_007_790,
    "lenet_x2": 906_650,
    "lenet_x0.5": 212_045,
    "lenet_x0.25": 103_152,
    "deep_lenet": 1_473_790,
    **{f"base_cnn{leaky}": 8_773_354 for leaky in ("", *(f"_leaky{slope}" for slope in LEAKY_SLOPES))},
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


@pytest.mark.parametrize("slope", LEAKY_SLOPES)
def test_leaky_variants_differ_from_base_cnn_in_their_slope_alone(written, slope):
    for file in ("train_val", "deploy"):
        leaky = written[f"base_cnn_leaky{slope}/{file}.prototxt"]
        line = f"  relu_param {{ negative_slope: {slope} }}\n"
        assert leaky.count(line) == 11
        plain = leaky.replace(line, "").replace(f"BaseCNN_leaky{slope}", "BaseCNN")
        assert plain == written[f"base_cnn/{file}.prototxt"]


WIDTHS = [("lenet_x4", (80, 200)), ("lenet_x2", (40, 100)), ("lenet_x0.5", (10, 25)), ("lenet_x0.25", (5, 12))]


@pytest.mark.parametrize(("name", "widths"), WIDTHS)
def test_widths_are_rounded_halves_down(repository, name, widths):
    net = Net(read_network(repository / "prototxt" / name / "deploy.prototxt"), schema.TEST, run=False)
    blobs = dict(zip(net.blob_names, net.blobs))
    assert (blobs["conv1"].shape[1], blobs["conv2"].shape[1]) == widths


@pytest.mark.parametrize("name", N_PARAMETERS)
def test_train_val_without_its_data_can_be_looked_at(repository, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = Net(read_network(repository / "prototxt" / name / "train_val.prototxt"), schema.TRAIN, run=False)
    assert len(net.problems) == 1
    assert "there is no such database" in net.problems[0]
