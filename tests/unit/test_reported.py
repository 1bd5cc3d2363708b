"""What people reported of Caffe's tools: each fault with several inputs of its kind."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from cnnvis_caffe import pycaffe
from cnnvis_caffe.datasets.annotate import annotate
from cnnvis_caffe.errors import DataFileError, DrawingError, MissingDependencyError, NetError, PrototxtError
from cnnvis_caffe.formats.image_list import read_image_list
from cnnvis_caffe.formats.image_table import read_image_table
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.pycaffe import draw
from cnnvis_caffe.pycaffe.proto import caffe_pb2

NETWORK = 'name: "n" layer { name: "a" type: "ReLU" bottom: "x" top: "y" }'
OLD_NETWORK = 'layers { name: "a" type: RELU bottom: "x" top: "y" } input: "x" input_dim: 1'
SOLVER = 'net: "n.prototxt"\nbase_lr: 0.1\nlr_policy: "fixed"\n'


@pytest.mark.parametrize("text", [SOLVER, 'train_net: "a"\nmax_iter: 3', "max_iter: 3\nsolver_mode: CPU"])
@pytest.mark.parametrize("allow_unknown", [True, False])
def test_solver_given_as_network(text, allow_unknown, tmp_path):
    (tmp_path / "s.prototxt").write_text(text)
    with pytest.raises(PrototxtError, match=r"s\.prototxt: is a solver, where a network is wanted"):
        read_network(tmp_path / "s.prototxt", allow_unknown=allow_unknown)


@pytest.mark.parametrize("text", [NETWORK, OLD_NETWORK])
@pytest.mark.parametrize("allow_unknown", [True, False])
def test_network_given_as_solver(text, allow_unknown, tmp_path):
    (tmp_path / "n.prototxt").write_text(text)
    with pytest.raises(PrototxtError, match=r"n\.prototxt: is a network, where a solver is wanted"):
        read_solver(tmp_path / "n.prototxt", allow_unknown=allow_unknown)


def test_other_mistakes_keep_their_place(tmp_path):
    (tmp_path / "n.prototxt").write_text(NETWORK + "\nlayer { nme: 1 }")
    with pytest.raises(PrototxtError, match=r"n\.prototxt:2:9: "):
        read_network(tmp_path / "n.prototxt", allow_unknown=False)
    (tmp_path / "s.prototxt").write_text(SOLVER + "bas_lr: 1")
    with pytest.raises(PrototxtError, match=r"s\.prototxt:4:1: "):
        read_solver(tmp_path / "s.prototxt", allow_unknown=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0.png 0\n\n1.png\n", r"line 3: '1.png' has no label behind it"),
        ("0.png\n1.png 0\n", r"line 2 has 1 file and 1 value, but line 1 has 1 file and 0 values"),
        ("0.png 1\n1.png dark\n", r"line 1: the label '1' is neither a whole number as others nor a word"),
        ("0.png 3rd\n", r"line 1: the label '3rd' is neither"),
        ("0.png -1\n", r"line 1: has the label -1; labels count from 0"),
        ("0.png 1 bright\n", r"line 1: 'bright' is not a number"),
        ("0.png 1\nreadme\n", r"line 2: 'readme' names no image"),
        ("\n", r"is a list without images"),
    ],
)
def test_lists_with_wrong_labels(text, said, tmp_path):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DataFileError, match=said):
        annotate(read_image_table(tmp_path / "list.txt"))
    assert isinstance(read_image_list(tmp_path / "list.txt"), list), "Caffe reads what the text begins with"


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("0.png\n1.png\n", "none", []),
        ("my photo.png\n", "none", []),
        ("my photo.png 1\r\nb.png 0\nc.png +2 \n", "class", [1, 0, 2]),
        ("0.png bright\n1.png a\n", "none", [1, 0]),
        ("0.png 1\n1.png 0.7\n", "numbers", [[1], [0.7]]),
        ("noending 1\nphotos/x 3\n", "class", [1, 3]),
    ],
)
def test_lists_without_labels_or_with_words_and_fractions(text, kind, values, tmp_path):
    (tmp_path / "list.txt").write_text(text)
    found = annotate(read_image_table(tmp_path / "list.txt"))
    assert found.kind == kind
    np.testing.assert_array_equal(found.groups if found.has_groups else found.values, np.array(values, np.float32))


@pytest.mark.parametrize(("content", "said"), [(None, "is an HDF5 file itself"), (b"PK\3\4\0\0", "is not text")])
def test_data_given_as_the_list_of_hdf5_files(content, said, tmp_path):
    path = tmp_path / "data.h5"
    if content is None:
        with h5py.File(path, "w") as file:
            file["data"] = np.zeros((4, 3), np.float32)
    else:
        path.write_bytes(content)
    net = tmp_path / "n.prototxt"
    param = f'hdf5_data_param {{ source: "{path}" batch_size: 2 }}'
    net.write_text('layer { name: "d" type: "HDF5Data" top: "data" ' + param + " }")
    with pytest.raises(NetError, match=f"n.prototxt:1: layer 'd' .*{said}.* text file that lists HDF5 files"):
        pycaffe.Net(str(net), pycaffe.TEST)


def test_image_given_as_the_list_of_images(tmp_path):
    (tmp_path / "list.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    net = tmp_path / "n.prototxt"
    net.write_text(
        'layer { name: "d" type: "ImageData" top: "data" top: "label" image_data_param { source: "%s" } }'
        % (tmp_path / "list.png")
    )
    with pytest.raises(NetError, match="layer 'd' .*is not text; give a list"):
        pycaffe.Net(str(net), pycaffe.TEST)


@pytest.fixture
def drawn():
    pytest.importorskip("pydot")
    net = caffe_pb2.NetParameter(name="n")
    net.layer.add(name="a", type="ReLU", bottom=["x"], top=["y"])
    return net


def test_a_graph_as_text_needs_no_graphviz(drawn, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert draw.draw_net(drawn, "LR", "raw").startswith(b"digraph")
    draw.draw_net_to_file(drawn, str(tmp_path / "n.raw"))
    assert b"ReLU" in (tmp_path / "n.raw").read_bytes()


@pytest.mark.parametrize("extension", ["png", "svg", "unheard"])
def test_drawing_without_graphviz(extension, drawn, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="graphviz"):
        draw.draw_net(drawn, "LR", extension)


def test_a_format_that_graphviz_does_not_know(drawn, monkeypatch, tmp_path):
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\necho 'Format: not recognized' >&2\nexit 1\n")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(DrawingError, match="cannot write 'unheard'; give png"):
        draw.draw_net(drawn, "LR", "unheard")


@pytest.mark.parametrize("module", ["./reported_rows", "reported_broken"])
def test_python_module_that_cannot_be_imported(module, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "reported_broken.py").write_text("x = 1\ndef f(:\n")
    net = tmp_path / "net.prototxt"
    param = f'python_param {{ module: "{module}" layer: "Rows" }}'
    net.write_text('layer { name: "rows" type: "Python" top: "y" ' + param + " }")
    with pytest.raises(NetError, match=f"net.prototxt:1: layer 'rows' .*{module}"):
        pycaffe.Net(str(net), pycaffe.TEST)
