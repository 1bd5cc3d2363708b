"""Layers that write: left out where nobody asked for their files, and never in place of anything but HDF5."""

from __future__ import annotations

import logging

import h5py
import numpy as np
import pytest

from cnnvis_caffe import api
from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.formats.writing_layers import without_writing

NETWORK = """name: "n"
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 2 dim: 3 dim: 8 dim: 7 }} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param {{ num_output: 2 weight_filler {{ type: "constant" value: 1 }} }} }}
layer {{ name: "w" type: "HDF5Output" bottom: "data" bottom: "ip" hdf5_output_param {{ file_name: "{}" }} }}
layer {{ name: "prob" type: "Softmax" bottom: "ip" top: "prob" }}
"""


@pytest.fixture
def model(tmp_path):
    (tmp_path / "net.prototxt").write_text(NETWORK.format(tmp_path / "victim"))
    return tmp_path / "net.prototxt"


@pytest.mark.parametrize("there", [False, True])
def test_analyses_and_timings_leave_them_out(there, model, tmp_path, call):
    cv2 = pytest.importorskip("cv2")
    if there:
        (tmp_path / "victim").write_text("mine")
    for index in range(2):
        (tmp_path / "images" / str(index)).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "images" / str(index) / "i.png"), np.full((8, 7, 3), 40 * index, np.uint8))
    said = call("time", "--model", model, "--iterations", "1")
    assert f"layer 'w' (HDF5Output), which would write {tmp_path / 'victim'}, is left out" in said.stderr
    assert "w\tforward" not in said.stdout
    out = tmp_path / "a.cnnvis.h5"
    said = call(
        "analyze", "--model", model, "--random-weights", "--data", tmp_path / "images", "--out", out, "--scale", "1"
    )
    assert "is left out" in said.stderr
    assert out.exists()
    assert (tmp_path / "victim").exists() == there
    assert not there or (tmp_path / "victim").read_text() == "mine"


@pytest.mark.parametrize("content", [b"mine", b"", b"\x89HDF\r\n\x1a", b"SQLite format 3\x00"])
def test_what_is_no_hdf5_file_is_never_replaced(content, model, tmp_path):
    (tmp_path / "victim").write_bytes(content)
    with pytest.raises(LayerError, match=r"net\.prototxt:5: .*victim' is there and is not an HDF5 file; it is not"):
        api.load_net(model)
    assert (tmp_path / "victim").read_bytes() == content


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_nor_is_what_is_no_file(kind, model, tmp_path):
    import os

    victim = tmp_path / "victim"
    if kind == "folder":
        victim.mkdir()
    elif kind == "pipe":
        os.mkfifo(victim)
    else:
        victim.symlink_to(tmp_path / "not there yet")
    with pytest.raises(LayerError):
        api.load_net(model)
    assert not (tmp_path / "not there yet").exists()


def test_what_came_in_between_is_not_replaced_either(model, tmp_path):
    net = api.load_net(model)
    (tmp_path / "victim").write_text("mine")
    with pytest.raises(LayerError, match="is not an HDF5 file"):
        net.forward()
    assert (tmp_path / "victim").read_text() == "mine"


def test_what_will_be_written_is_said_first(model, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        net = api.load_net(model)
    assert f"layer 'w' (HDF5Output): will write {tmp_path / 'victim'}" in caplog.text
    assert "in place of" not in caplog.text
    assert not (tmp_path / "victim").exists()
    net.forward()
    with h5py.File(tmp_path / "victim", "r") as file:
        assert file["data"].shape == (2, 3, 8, 7)
    with caplog.at_level(logging.WARNING):
        api.load_net(model).forward()
    assert "in place of the HDF5 file that is there" in caplog.text


def test_training_says_where_snapshots_go(tmp_path, call):
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "d" type: "DummyData" top: "d" dummy_data_param { shape { dim: 2 dim: 3 } } }'
        'layer { name: "l" type: "Reduction" bottom: "d" top: "l" loss_weight: 1 }'
    )
    (tmp_path / "solver.prototxt").write_text(
        f"net: '{tmp_path}/net.prototxt' base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 "
        f"snapshot_prefix: '{tmp_path}/below/snap'"
    )
    said = call("train", "--solver", tmp_path / "solver.prototxt").stderr
    announced = said.index(f"Snapshots will be written to {tmp_path}/below/snap_iter_N")
    assert announced < said.index("Creating training net")


def test_what_detections_would_be_saved_to_is_taken_out():
    text = """
    layer { name: "d" type: "DetectionOutput" bottom: "a" bottom: "b" bottom: "c" top: "e"
            detection_output_param { num_classes: 3 save_output_param { output_directory: "/a/path" } } }
    """
    (layer,) = without_writing(network_from_text(text, "n")).message.layer
    assert layer.detection_output_param.num_classes == 3
    assert not layer.detection_output_param.HasField("save_output_param")
