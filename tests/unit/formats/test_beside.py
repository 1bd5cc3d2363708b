"""Where paths in a prototxt lead: the current folder first, as in Caffe, then the folder of the file."""

from __future__ import annotations

import os

import pytest

from cnnvis_caffe.formats import beside, schema
from cnnvis_caffe.formats.prototxt import network_from_text


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to run in, and one below with the files."""
    (tmp_path / "net").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_current_folder_comes_first(place):
    for path in ("data.txt", "net/data.txt"):
        (place / path).touch()
    assert beside.find("data.txt", "net/net.prototxt") == "data.txt"
    os.remove("data.txt")
    assert beside.find("data.txt", "net/net.prototxt") == "net/data.txt"
    assert beside.find("data.txt", place / "net" / "net.prototxt") == str(place / "net" / "data.txt")
    os.remove("net/data.txt")
    assert beside.find("data.txt", "net/net.prototxt") == "data.txt"
    assert beside.find("", "net/net.prototxt") == ""


def test_whatever_a_layer_reads(place):
    (place / "net" / "x").touch()
    network = network_from_text(
        "layer { name: 'a' type: 'Data' top: 'a' data_param { source: 'x' } transform_param { mean_file: 'x' } }"
        "layer { name: 'b' type: 'HDF5Data' top: 'b' hdf5_data_param { source: 'x' } }"
        "layer { name: 'c' type: 'ImageData' top: 'c' image_data_param { source: 'x' root_folder: 'none/' } }"
        "layer { name: 'd' type: 'WindowData' top: 'd' window_data_param { source: 'x' } }"
        "layer { name: 'e' type: 'InfogainLoss' bottom: 'a' infogain_loss_param { source: 'x' } }"
        "layer { name: 'f' type: 'HDF5Output' bottom: 'a' hdf5_output_param { file_name: 'x' } }"
    ).message
    beside.find_in_network(network, "net/net.prototxt")
    a, b, c, d, e, f = network.layer
    assert a.data_param.source == a.transform_param.mean_file == b.hdf5_data_param.source == "net/x"
    assert c.image_data_param.source == d.window_data_param.source == e.infogain_loss_param.source == "net/x"
    assert c.image_data_param.root_folder == "none/"
    assert f.hdf5_output_param.file_name == "x", "what is written goes to where Caffe writes it"
    assert not d.HasField("transform_param")


def solver(**fields):
    return schema.SolverParameter(**fields)


def test_snapshots_follow_the_network(place):
    (place / "net" / "net.prototxt").touch()
    found = solver(net="net.prototxt", snapshot_prefix="snapshots/a", weights=["w, v"])
    beside.find_in_solver(found, "net/solver.prototxt")
    assert (found.net, found.snapshot_prefix, list(found.weights)) == ("net/net.prototxt", "net/snapshots/a", ["w, v"])
    beside.find_in_solver(found, "net/solver.prototxt")
    assert (found.net, found.snapshot_prefix) == ("net/net.prototxt", "net/snapshots/a"), "a second time"


def test_a_solver_that_caffe_understands_stays_as_it_is(place):
    (place / "net" / "net.prototxt").touch()
    (place / "net" / "snapshots").mkdir()
    given = solver(net="net/net.prototxt", snapshot_prefix="snapshots/a", test_net=["net/net.prototxt"])
    found = solver()
    found.CopyFrom(given)
    beside.find_in_solver(found, "net/solver.prototxt")
    assert found == given


def test_a_prefix_that_was_not_given_is_beside_the_solver_already(place):
    (place / "net" / "net.prototxt").touch()
    found = solver(train_net="net.prototxt", snapshot_prefix="net/solver")  # as set_snapshot_prefix gives it
    beside.find_in_solver(found, "net/solver.prototxt")
    assert (found.train_net, found.snapshot_prefix) == ("net/net.prototxt", "net/solver")
