"""The code that a network's Python layers name runs with consent only, whatever command or function makes the net."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from cnnvis_caffe import api, pycaffe
from cnnvis_caffe.analysis.model import python_layers
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.errors import ConsentError
from cnnvis_caffe.formats.python_code import find_module

FLAG = "--allow-python-layers"
#: Doubles, and says that it was imported. `import caffe` is how such modules begin.
MODULE = """
with open({mark!r}, 'a') as mark:
    mark.write('x')
import caffe
class Double(caffe.Layer):
    def setup(self, bottom, top):
        pass
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)
    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data
    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 2 * top[0].diff
"""
HEAD = """name: "n"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 7 } } }
"""
TWICE = 'layer { name: "twice" type: "Python" bottom: "data" top: "twice"\n'
TAIL = """  python_param { module: "codes.twofold" layer: "Double" } }
layer { name: "ip" type: "InnerProduct" bottom: "twice" top: "ip"
        inner_product_param { num_output: 2 weight_filler { type: "constant" value: 1 } } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A network with a layer of its own, whose module lies in a package on the import path."""
    package = tmp_path / "path" / "codes"
    package.mkdir(parents=True)
    mark = str(tmp_path / "ran")
    (package / "__init__.py").write_text(f"with open({mark!r}, 'a') as mark:\n    mark.write('package ')\n")
    (package / "twofold.py").write_text(MODULE.format(mark=mark))
    (tmp_path / "net.prototxt").write_text(HEAD + TWICE + TAIL)
    (tmp_path / "solver.prototxt").write_text(
        f"net: {str(tmp_path / 'train.prototxt')!r} base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 "
        f"snapshot_prefix: {str(tmp_path / 'snap')!r}"
    )
    loss = 'layer { name: "loss" type: "Reduction" bottom: "prob" top: "loss" loss_weight: 1 }\n'
    (tmp_path / "train.prototxt").write_text(HEAD + TWICE + TAIL + loss)
    for index in range(4):
        place = tmp_path / "images" / "ab"[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{index}.png"), np.full((8, 7, 3), 40 * index, np.uint8))
    monkeypatch.syspath_prepend(str(package.parent))
    modules = {*sys.modules}
    paths = [*sys.path]
    yield tmp_path
    for name in {*sys.modules} - modules:
        if name.split(".")[0] in ("caffe", "codes"):
            del sys.modules[name]
    sys.path[:] = paths
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "_OtherNames"]


@pytest.fixture
def weights(folder):
    """Weights of its network, whose Python layer has none."""
    plain = (HEAD + TWICE + TAIL).replace('"Python"', '"Power"').replace(TAIL.splitlines()[0], "}")
    (folder / "plain.prototxt").write_text(plain)
    pycaffe.Net(str(folder / "plain.prototxt"), pycaffe.TEST).save(str(folder / "w.caffemodel"))
    return folder / "w.caffemodel"


def refused(line: str, folder, file: str = "net.prototxt") -> None:
    """Check that one line says everything, and that nothing was run."""
    assert f"{folder / file}:3: layer 'twice' (Python)" in line
    assert f"module 'codes.twofold' would be taken from {folder / 'path' / 'codes' / 'twofold.py'}" in line
    assert FLAG in line
    assert "allow_python_layers=True" in line
    assert len(line.strip().splitlines()) == 1
    assert not (folder / "ran").exists()


def commands(folder, weights):
    """Every command that makes a net, and what it is to have written."""
    net, images = folder / "net.prototxt", folder / "images"
    analysed = ["analyze", "--model", net, "--random-weights", "--data", images, "--scale", "1"]
    return {
        "train": (["train", "--solver", folder / "solver.prototxt"], "snap_iter_1.caffemodel"),
        "test": (["test", "--model", net, "--weights", weights, "--iterations", "1"], None),
        "time": (["time", "--model", net, "--iterations", "1"], None),
        "analyze": ([*analysed, "--out", folder / "a.cnnvis.h5"], "a.cnnvis.h5"),
    }


@pytest.mark.parametrize("name", ["train", "test", "time", "analyze"])
def test_a_command_runs_the_code_with_the_flag_only(name, folder, weights, call):
    arguments, written = commands(folder, weights)[name]
    refused(call(*arguments, code=1).stderr, folder, "train.prototxt" if name == "train" else "net.prototxt")
    call(*arguments, FLAG)
    assert (folder / "ran").read_text() == "package x"
    assert written is None or (folder / written).exists()


def test_an_analysis_has_what_the_layer_computes(folder, call):
    arguments, _ = commands(folder, folder / "w.caffemodel")["analyze"]
    call(*arguments, FLAG)
    analysis = api.open_analysis(folder / "a.cnnvis.h5")
    # All pixels of image i are 40 i, doubled; images 0 and 2 are of the first class.
    assert analysis.snapshots[0].features["ip"].mean[0] == pytest.approx([2 * 3 * 8 * 7 * 40, 2 * 3 * 8 * 7 * 80])
    assert "python" not in " ".join(name for name in analysis.provenance if name.startswith("option"))


def test_shards_are_merged_with_the_flag_only(folder, call):
    arguments, _ = commands(folder, folder / "w.caffemodel")["analyze"]
    shards = []
    for number in (1, 2):
        shards.append(folder / f"{number}.shard")
        call(*arguments[:-1], shards[-1], "--shard", f"{number}/2", FLAG)
    (folder / "ran").unlink()
    merge = ["merge", *shards, "--out", folder / "m.cnnvis.h5"]
    refused(call(*merge, code=1).stderr, folder)
    call(*merge, FLAG)
    assert (folder / "m.cnnvis.h5").exists()


def test_no_file_gives_consent():
    stored = Request("m", (), "d", allow_python_layers=True).to_json()
    assert "allow_python_layers" not in stored
    assert not Request.from_json({**stored, "allow_python_layers": True}).allow_python_layers


def test_caffes_own_tools_take_the_flag_as_well(folder, weights):
    from click.testing import CliRunner

    from cnnvis_caffe.cli.caffe_tools import group

    words = ["caffe", "time", "-model", str(folder / "net.prototxt"), "-iterations", "1"]
    assert CliRunner().invoke(group, words).exit_code == 1
    assert not (folder / "ran").exists()
    assert CliRunner().invoke(group, [*words, "-allow-python-layers"]).exit_code == 0
    features = ["extract_features", str(weights), str(folder / "net.prototxt"), "ip", str(folder / "db"), "1", "lmdb"]
    assert CliRunner().invoke(group, features).exit_code == 1
    assert not (folder / "db").exists()


def test_functions_take_an_argument(folder):
    with pytest.raises(ConsentError) as refusal:
        api.load_net(folder / "net.prototxt")
    refused(str(refusal.value), folder)
    with pytest.raises(ConsentError):
        api.train(folder / "solver.prototxt")
    with pytest.raises(ConsentError):
        api.analyze(folder / "net.prototxt", None, folder / "images", folder / "a.cnnvis.h5", scale=1.0)
    assert not (folder / "ran").exists()
    net = api.load_net(folder / "net.prototxt", allow_python_layers=True)
    net.blobs["data"].data[...] = 3
    net.forward()
    assert (net.blobs["twice"].data == 6).all()


def test_scripts_of_pycaffe_run_them_as_ever(folder):
    from cnnvis_caffe.pycaffe import install_as_caffe

    install_as_caffe()
    assert pycaffe.Net(str(folder / "net.prototxt"), pycaffe.TEST).blobs["twice"].data.shape == (2, 3, 8, 7)
    pycaffe.get_solver(str(folder / "solver.prototxt"))


def test_looking_runs_nothing(folder, call):
    assert "codes.twofold" in call("inspect", folder / "net.prototxt").stdout
    call("deploy", folder / "net.prototxt", "--out", folder / "deploy.prototxt")
    (code,) = python_layers(folder / "net.prototxt")
    assert code.place == str(folder / "path" / "codes" / "twofold.py")
    assert not (folder / "ran").exists()


def test_layers_of_another_phase_need_no_consent(folder, call):
    only_training = HEAD + TWICE.replace('top: "twice"', 'top: "twice" include { phase: TRAIN }') + TAIL
    at_testing = only_training + 'layer { name: "p" type: "Power" bottom: "data" top: "twice" include { phase: TEST } }'
    lines = at_testing.splitlines()
    lines.insert(4, lines.pop())
    (folder / "net.prototxt").write_text("\n".join(lines))
    call("time", "--model", folder / "net.prototxt", "--iterations", "1", "--phase", "TEST")
    refused(call("time", "--model", folder / "net.prototxt", code=1).stderr, folder)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("codes", "path/codes/__init__.py"), ("codes.no", ""), ("nowhere.at.all", ""), ("./rowsum", ""), ("..", "")],
)
def test_where_a_module_would_be_taken_from(name, expected, folder):
    assert find_module(name) == (str(folder / expected) if expected else "")
    assert not (folder / "ran").exists()


def test_a_module_that_nobody_finds_is_said_to_be_so(folder):
    text = (folder / "net.prototxt").read_text().replace("codes.twofold", "../elsewhere")
    (folder / "net.prototxt").write_text(text)
    with pytest.raises(ConsentError, match=r"'\.\./elsewhere' cannot be found on the import path"):
        api.load_net(folder / "net.prototxt")
