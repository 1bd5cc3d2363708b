"""Whatever a user or a file names as a source: devices, pipes, sockets and folders are refused at once."""

from __future__ import annotations

import os
import socket
import sys

import numpy as np
import pytest
from helpers.each import check_each

from cnnvis_caffe.analysis.request import sha256
from cnnvis_caffe.datasets.opening import open_source
from cnnvis_caffe.edits.sessions import load_session
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.files.opening import check_file, is_file, open_file, read_file
from cnnvis_caffe.formats.database import open_database
from cnnvis_caffe.formats.hdf5_data import read_arrays, read_file_list
from cnnvis_caffe.formats.image_list import read_image_list
from cnnvis_caffe.formats.images import read_image
from cnnvis_caffe.formats.mean import read_mean
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.formats.resume import read_resume
from cnnvis_caffe.formats.solverstate import read_solverstate
from cnnvis_caffe.formats.training_log import read_training_log
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.formats.window_file import read_window_file
from cnnvis_caffe.network.report import inspect_file
from cnnvis_caffe.store import read_analysis
from cnnvis_caffe.store.state import read_state

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such files")

KINDS = {"folder": "folder", "pipe": "pipe", "socket": "socket", "zero": "device", "tty": "device"}
READERS = {
    "network": read_network,
    "solver": read_solver,
    "weights": read_weights,
    "solver state": read_solverstate,
    "resume": read_resume,
    "mean": read_mean,
    "image list": read_image_list,
    "window file": read_window_file,
    "list of HDF5 files": read_file_list,
    "HDF5 file": lambda path: read_arrays(path, ["data"]),
    "image": read_image,
    "log": read_training_log,
    "session": load_session,
    "analysis": lambda path: read_analysis(str(path)),
    "sums": lambda path: read_state(str(path)),
    "checksum": lambda path: sha256(str(path)),
}


def place(kind: str, folder):
    """A path to something of a kind, by a link, as a file of a model's folder may be one."""
    if kind == "zero":
        return "/dev/zero"
    if kind == "tty":
        return "/dev/ptmx"
    path = folder / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        os.chdir(folder)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(kind)
    (folder / "link").symlink_to(path)
    return folder / "link"


@pytest.fixture(autouse=True)
def where_one_was():
    """Sockets have short names only, so that tests go to them."""
    before = os.getcwd()
    yield
    os.chdir(before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(10)
def test_every_reader_refuses_what_is_no_file(kind, tmp_path):
    path = place(kind, tmp_path)

    def check(reader):
        with pytest.raises(CnnvisError) as error:
            READERS[reader](path)
        assert str(path) in str(error.value)
        assert f"it is a {KINDS[kind]}, not a file" in str(error.value)

    check_each(check, READERS)


@pytest.mark.parametrize("kind", ["pipe", "socket", "zero"])
@pytest.mark.timeout(10)
def test_so_does_what_takes_data_of_many_kinds(kind, tmp_path):
    with pytest.raises(CnnvisError, match=f"it is a {KINDS[kind]}"):
        open_source(str(place(kind, tmp_path)))


@pytest.mark.parametrize("kind", ["pipe", "socket", "zero"])
@pytest.mark.timeout(10)
def test_files_inside_of_databases_too(kind, tmp_path):
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "data.mdb").symlink_to(place(kind, tmp_path))
    with pytest.raises(CnnvisError, match="is not a database"):
        open_database(tmp_path / "db")


def test_a_pipe_that_comes_in_between_holds_nobody_up(tmp_path, monkeypatch):
    from cnnvis_caffe.files import opening

    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(opening, "check_file", lambda path: None)
    with pytest.raises(OSError, match="it is a pipe"):
        open_file(tmp_path / "pipe")


def test_files_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"some bytes")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read_file(tmp_path / "b") == b"some bytes"
    with open_file(tmp_path / "a") as file:
        assert file.read(4) == b"some"
    check_file(tmp_path / "b")
    assert is_file(tmp_path / "a")
    assert not is_file(tmp_path)
    assert not is_file("a\0b")
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "c")


LAYERS = {
    "ImageData": 'image_data_param {{ source: "{}" batch_size: 1 }}',
    "HDF5Data": 'hdf5_data_param {{ source: "{}" batch_size: 1 }}',
    "WindowData": 'window_data_param {{ source: "{}" batch_size: 1 }}',
    "Data": 'data_param {{ source: "{}" batch_size: 1 backend: LMDB }}',
    "MemoryData": "memory_data_param {{ batch_size: 1 channels: 1 height: 2 width: 3 }} "
    'transform_param {{ mean_file: "{}" }}',
}


@pytest.mark.parametrize("kind", ["pipe", "zero"])
@pytest.mark.parametrize("type_", LAYERS)
@pytest.mark.timeout(10)
def test_inspect_says_what_a_network_names(type_, kind, tmp_path):
    text = LAYERS[type_].format(place(kind, tmp_path))
    (tmp_path / "net.prototxt").write_text(f'layer {{ name: "d" type: "{type_}" top: "x" top: "y" {text} }}')
    inspect_file(str(tmp_path / "net.prototxt"))


@pytest.mark.timeout(10)
def test_inspect_passes_over_siblings_that_cannot_be_read(tmp_path):
    net = 'name: "n" layer { name: "d" type: "Data" top: "x" data_param { source: "none" batch_size: 1 } }\n'
    ip = 'layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 2 } }'
    (tmp_path / "net.prototxt").write_text(net + ip)
    (tmp_path / "a.prototxt").symlink_to(tmp_path / "not there")
    os.mkfifo(tmp_path / "b.prototxt")
    (tmp_path / "c.prototxt").symlink_to("/dev/zero")
    (tmp_path / "d.prototxt").mkdir()
    (tmp_path / "e.prototxt").write_bytes(np.random.default_rng(0).bytes(1000))
    (tmp_path / "f.prototxt").write_text("layer { " * 5000)
    (tmp_path / "g.prototxt").symlink_to("g.prototxt")
    with open(tmp_path / "h.prototxt", "wb") as file:
        file.truncate(8 << 30)
    (tmp_path / "z.prototxt").write_text(
        'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 7 } } }' + ip
    )
    report = inspect_file(str(tmp_path / "net.prototxt"))
    assert "z.prototxt" in str(report)
