"""How `train` and `test` tell what they build, beside the log of real Caffe; everybody else stays quiet."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from helpers.command_line import runner
from helpers.recordings import SETUP_LOG

from cnnvis_caffe.cli import main
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.runtime.net import Net

PREFIX = re.compile(r"^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ \S+:\d+\] ", re.MULTILINE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a solver and its net, in which the test runs."""
    for name in ("net.prototxt", "solver.prototxt"):
        shutil.copy(SETUP_LOG / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger("cnnvis_caffe")
    handlers, level = [*logger.handlers], logger.level
    yield tmp_path
    logger.handlers[:] = handlers
    logger.setLevel(level)


def setup_lines(log):
    """What a log says of setting up, without prefixes and the stage "" that Caffe's tool asks for."""
    lines = PREFIX.sub("", log).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Initializing"))
    end = next(i for i, line in enumerate(lines) if line in ("Solver scaffolding done.", "Running for 1 iterations."))
    # protobuf before 4 writes whole numbers as 1.0, later ones and Caffe as 1.
    lines = [re.sub(r"^( +\w+: -?\d+)\.0$", r"\1", line) for line in lines[start : end + 1]]
    return [line for line in lines if line != '  stage: ""']


def run(*arguments):
    """Run the command line and return its log."""
    result = runner().invoke(main.group, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_train_tells_what_caffe_tells(folder):
    lines = setup_lines(run("train", "-solver", "solver.prototxt"))
    assert lines == (SETUP_LOG / "train.txt").read_text().splitlines()
    assert {"relu -> conv (in-place)", "Top shape: 4 2 4 4 (128)", "Top shape: (1)", "scale -> scale"} <= {*lines}


def test_test_tells_what_caffe_tells(folder):
    run("train", "-solver", "solver.prototxt")
    Path("all.prototxt").write_text(Path("solver.prototxt").read_text().replace("_after_train: false", ": 1"))
    run("train", "-solver", "all.prototxt")
    lines = setup_lines(run("test", "-model", "net.prototxt", "-weights", "s_iter_1.caffemodel", "-iterations", "1"))
    expected = (SETUP_LOG / "train.txt").read_text().splitlines()
    expected = expected[next(i for i, line in enumerate(expected) if line.startswith("Creating test net")) :]
    start = next(i for i, line in enumerate(expected) if line.startswith("Initializing net"))
    assert [line for line in lines if line != "  level: 0"] == [*expected[start:-1], "Running for 1 iterations."]


def test_database_and_mean_are_named(folder):
    import numpy as np

    from cnnvis_caffe.datasets.databases import mean_image, write_image_set
    from cnnvis_caffe.formats.mean import write_mean
    from cnnvis_caffe.records.image_set import ImageSet

    images = np.arange(4 * 3 * 5 * 5, dtype=np.uint8).reshape(4, 3, 5, 5)
    write_image_set(ImageSet("x", "train", images, np.arange(4) % 2, ("0", "1"), "RGB"), folder / "db")
    write_mean(folder / "mean.binaryproto", mean_image(folder / "db"))
    layer = 'layer { name: "d" type: "Data" top: "data" top: "label" transform_param { mean_file: "mean.binaryproto" } '
    layer += 'data_param { source: "db" batch_size: 2 backend: LMDB } }'
    text = (SETUP_LOG / "net.prototxt").read_text()
    Path("net.prototxt").write_text(re.sub(r'layer \{ name: "data".*?\} \}\n(?=layer)', layer, text, flags=re.DOTALL))
    lines = setup_lines(run("train", "-solver", "solver.prototxt"))
    found = [line for line in lines if line.startswith(("Loading mean", "Opened", "output data"))]
    assert found == ["Loading mean file from: mean.binaryproto", "Opened lmdb db", "output data size: 2,3,5,5"] * 2


def test_others_stay_quiet(folder, caplog, capfd):
    caplog.set_level(logging.INFO)
    Net(read_network("net.prototxt"), schema.TEST)
    assert caplog.text == ""
    assert run("-q", "train", "-solver", "solver.prototxt") == ""
    Net(read_network("net.prototxt"), schema.TEST)
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


@pytest.mark.pycaffe
def test_real_caffe_tells_it_so(repository, real_caffe):
    (repository / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository / "build") as name:
        for file in ("net.prototxt", "solver.prototxt"):
            shutil.copy(SETUP_LOG / file, name)
        command = [*real_caffe, "sh", "-c", 'cd "$0" && exec caffe train -solver solver.prototxt', name]
        environment = {**os.environ, "GLOG_minloglevel": "0"}
        log = subprocess.run(
            command, cwd=repository, check=True, capture_output=True, text=True, env=environment
        ).stderr
    assert setup_lines(log) == (SETUP_LOG / "train.txt").read_text().splitlines()
