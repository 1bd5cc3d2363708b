"""`python -m cnnvis_caffe.tools`: the arguments, flags and results of Caffe's own tools."""

from __future__ import annotations

import os
import shlex
import subprocess

import numpy as np
import pytest
from helpers.command_line import runner

from cnnvis_caffe.cli.caffe_tools import TOOLS, group
from cnnvis_caffe.formats.database import open_database
from cnnvis_caffe.formats.datum import parse_datum
from cnnvis_caffe.formats.mean import read_mean, write_mean

cv2 = pytest.importorskip("cv2")
pytest.importorskip("lmdb")

NET = """
name: "net"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 4 dim: 5 } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { pool: AVE global_pooling: true } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip" inner_product_param { num_output: 6 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""
DATA = 'layer { name: "data" type: "Data" top: "data" data_param { source: "db" backend: LMDB batch_size: 2 } }'
LABELS = ["red fox, a fox", "cat", "dog", "cow", "hen", "pig"]


def tool(*words, code=0):
    """Run a tool, as its command line has it."""
    result = runner().invoke(group, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.output


def records_of(path):
    """All records of a database."""
    database = open_database(path)
    return list(database)


@pytest.fixture(autouse=True)
def _undone(call):
    """What tools do to logging and warnings is undone."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of pictures with a list, networks and weights, in which we are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "root").mkdir()
    rng = np.random.default_rng(0)
    for index in range(4):
        cv2.imwrite(f"root/{index}.png", rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    (tmp_path / "list.txt").write_text("".join(f"{index}.png {index * 3}\n" for index in range(4)))
    (tmp_path / "labels.txt").write_text("\n".join(LABELS) + "\n")
    (tmp_path / "deploy.prototxt").write_text(NET)
    (tmp_path / "extract.prototxt").write_text("\n".join([DATA, *NET.splitlines()[3:]]))
    write_mean("mean.binaryproto", np.stack([np.full((4, 5), value, np.float32) for value in (100, 110, 120)]))
    from cnnvis_caffe import pycaffe

    net = pycaffe.Net("deploy.prototxt", pycaffe.TEST)
    net.params["ip"][0].data[...] = rng.normal(size=(6, 3)) * 0.03
    net.params["ip"][1].data[...] = 0
    net.save("w.caffemodel")
    np.save("weights.npy", net.params["ip"][0].data)
    return tmp_path


def probabilities(*indices):
    """Softmax of the inner product of the mean pixels, in plain numpy; None takes no mean off."""
    mean = np.array([100.0, 110.0, 120.0])
    pixels = np.stack([cv2.imread(f"root/{index}.png").mean((0, 1)) for index in indices])
    scores = np.exp((pixels - mean) @ np.load("weights.npy").T)
    return scores / scores.sum(1, keepdims=True)


@pytest.mark.parametrize(
    "flags",
    [
        ["--gray=true", "--resize_height=3", "--resize_width=2"],
        ["-gray", "-resize_height", "3", "-resize_width=2"],
        ["-gray=1", "-backend=lmdb", "-shuffle=false", "--noencoded", "--resize_height=3", "--resize_width=2"],
    ],
)
def test_convert_imageset(flags, folder):
    tool("convert_imageset", *flags, "root/", "list.txt", "db")
    records = records_of("db")
    assert [bytes(key) for key, _ in records] == [f"{index:08d}_{index}.png".encode() for index in range(4)]
    datum = parse_datum(records[2][1])
    gray = cv2.resize(cv2.imread("root/2.png", cv2.IMREAD_GRAYSCALE), (2, 3))
    assert datum.label == 6
    np.testing.assert_array_equal(datum.pixels(), gray[None])


def test_convert_imageset_says_what_is_wrong(folder):
    assert "expected [ROOT] LIST OUT, got 1" in tool("convert_imageset", "list.txt", code=2)
    assert "write an LMDB" in tool("convert_imageset", "--backend=leveldb", "root/", "list.txt", "db", code=2)
    assert "'maybe' is neither true nor false" in tool("convert_imageset", "-gray=maybe", "list.txt", "db", code=2)
    assert "no such option" in tool("convert_imageset", "-colour", "list.txt", "db", code=2).lower()


def test_compute_image_mean(folder):
    tool("convert_imageset", "root/", "list.txt", "db")
    tool("compute_image_mean", "-backend=lmdb", "db", "out.binaryproto")
    expected = np.mean([cv2.imread(f"root/{index}.png").astype(float) for index in range(4)], axis=0)
    np.testing.assert_allclose(read_mean("out.binaryproto"), expected.transpose(2, 0, 1), rtol=1e-6)


def test_classification(folder):
    lines = tool("classification", "deploy.prototxt", "w.caffemodel", "mean.binaryproto", "labels.txt", "root/3.png")
    expected = probabilities(3)[0]
    best = sorted(range(6), key=lambda index: -expected[index])[:5]
    assert lines.splitlines() == [
        "---------- Prediction for root/3.png ----------",
        *(f'{expected[index]:.4f} - "{LABELS[index]}"' for index in best),
    ]


def test_classification_of_a_grey_image(folder):
    cv2.imwrite("grey.png", np.full((4, 5), 115, np.uint8))
    lines = tool("classification", "deploy.prototxt", "w.caffemodel", "mean.binaryproto", "labels.txt", "grey.png")
    scores = np.exp(np.load("weights.npy") @ [15, 5, -5])
    assert lines.splitlines()[1].startswith(f"{(scores / scores.sum()).max():.4f} - ")


def test_classification_says_what_does_not_fit(folder):
    (folder / "few.txt").write_text("a\nb\n")
    words = ["classification", "deploy.prototxt", "w.caffemodel", "mean.binaryproto"]
    assert "few.txt: has 2 labels, but deploy.prototxt tells 6 classes apart" in tool(
        *words, "few.txt", "root/0.png", code=1
    )
    write_mean("grey.binaryproto", np.ones((1, 4, 5), np.float32))
    words[3] = "grey.binaryproto"
    assert "has 1 channels, but the network's input has 3" in tool(*words, "labels.txt", "root/0.png", code=1)


def test_extract_features(folder):
    tool("convert_imageset", "root/", "list.txt", "db")
    tool("extract_features", "w.caffemodel", "extract.prototxt", "pool,prob", "pools,probs", 2, "lmdb", "CPU")
    records = records_of("pools")
    assert [bytes(key) for key, _ in records] == [f"{index:010d}".encode() for index in range(4)]
    datum = parse_datum(records[1][1])
    assert (datum.channels, datum.height, datum.width) == (3, 1, 1)
    np.testing.assert_allclose(datum.float_data, cv2.imread("root/1.png").mean((0, 1)), rtol=1e-5)
    values = np.stack([parse_datum(value).float_data for _, value in records_of("probs")])
    assert values.shape == (4, 6)
    np.testing.assert_allclose(values.sum(1), 1, rtol=1e-5)


def test_extract_features_says_what_is_wrong(folder):
    tool("convert_imageset", "root/", "list.txt", "db")
    words = ["extract_features", "w.caffemodel", "extract.prototxt"]
    assert "2 blobs and 1 databases" in tool(*words, "pool,prob", "a", 1, "lmdb", code=2)
    assert "nowhere" in tool(*words, "nowhere", "a", 1, "lmdb", code=1)
    assert not (folder / "a").exists()


def test_upgrades(folder):
    old = 'layers { name: "r" type: RELU bottom: "x" top: "y" } input: "x" input_shape { dim: 1 dim: 2 }'
    (folder / "old.prototxt").write_text(old)
    tool("upgrade_net_proto_text", "old.prototxt", "new.prototxt")
    assert 'type: "ReLU"' in (folder / "new.prototxt").read_text()
    (folder / "old_solver.prototxt").write_text('net: "n.prototxt" base_lr: 1 lr_policy: "fixed" solver_type: ADAM')
    tool("upgrade_solver_proto_text", "old_solver.prototxt", "solver.prototxt")
    assert 'type: "Adam"' in (folder / "solver.prototxt").read_text()


def test_caffe(folder):
    lines = tool("caffe", "time", "-model=deploy.prototxt", "-iterations", 1).splitlines()
    assert lines[-1] == "*** Benchmark ends ***"
    assert tool("caffe", "device_query", "-gpu", "0")
    assert "there is no such file" in tool("caffe", "train", "-solver=nowhere.prototxt", code=1)


def test_help_names_every_tool():
    text = tool("--help")
    assert all(f"\n  {name} " in text for name in TOOLS)


@pytest.mark.pycaffe
def test_the_same_as_real_caffe(folder):
    real = shlex.split(os.environ["CNNVIS_REAL_CAFFE"])
    words = ["-resize_height=3", "--resize_width", "7", "--gray=false", "-shuffle=false", "root/", "list.txt"]
    subprocess.run([*real, "convert_imageset", *words, "real_db"], check=True, capture_output=True)
    tool("convert_imageset", *words, "db")
    ours, theirs = ([(bytes(key), bytes(value)) for key, value in records_of(path)] for path in ("db", "real_db"))
    assert ours == theirs
    subprocess.run([*real, "compute_image_mean", "real_db", "real_mean"], check=True, capture_output=True)
    tool("compute_image_mean", "db", "our_mean")
    assert (folder / "real_mean").read_bytes() == (folder / "our_mean").read_bytes()
    words = ["classification", "deploy.prototxt", "w.caffemodel", "mean.binaryproto", "labels.txt", "root/3.png"]
    said = subprocess.run([*real, *words], check=True, capture_output=True, text=True).stdout
    assert said == tool(*words)
