"""The public face: engines, looking into files, loading nets."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cnnvis_caffe import api
from cnnvis_caffe.errors import EngineError


def test_our_engine():
    caffe = api.engine("torch")
    assert caffe.__name__ == "cnnvis_caffe.pycaffe"
    assert api.engine() is caffe


def test_an_engine_that_nobody_knows():
    with pytest.raises(EngineError, match="'torch' and 'caffe' are known"):
        api.engine("theano")


def in_new_process(script, **environment):
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


ASK = """
from cnnvis_caffe.api import engine
from cnnvis_caffe.errors import EngineError
try:
    print(engine("caffe").__file__)
except EngineError as error:
    print("EngineError:", error)
"""


@pytest.mark.parametrize(
    ("files", "before", "answer"),
    [
        ({}, "", "EngineError: there is no real Caffe here; install it"),
        ({"caffe/__init__.py": "TRAIN, TEST, Net = 0, 1, object"}, "", "__init__.py"),
        ({"caffe/readme.txt": ""}, "", "which is not pycaffe"),
        ({"caffe.py": "import caffe_that_is_missing"}, "", "the module 'caffe_that_is_missing' is missing"),
        ({"caffe.py": "raise ImportError('libcaffe.so.1')"}, "", "cannot be imported: libcaffe.so.1"),
        (
            {"caffe/__init__.py": "TRAIN, TEST, Net = 0, 1, object"},
            "from cnnvis_caffe.pycaffe import install_as_caffe; install_as_caffe()",
            "EngineError: in this process 'caffe' is cnnvis_caffe itself",
        ),
    ],
)
def test_the_real_caffe(tmp_path, repository, files, before, answer):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert answer in in_new_process(before + ASK, PYTHONPATH=f"{tmp_path}:{repository}")


def test_inspect(repository):
    report = api.inspect(repository / "prototxt/lenet/deploy.prototxt", input_shapes={"data": (1, 1, 28, 28)})
    assert report["network"]["multiply_adds"] == 2_293_000


def test_load_net(repository, tmp_path):
    path = repository / "prototxt/lenet/deploy.prototxt"
    net = api.load_net(path)
    net.params["ip2"][1].data[:] = range(10)
    net.save(str(tmp_path / "a.caffemodel"))
    again = api.load_net(path, tmp_path / "a.caffemodel")
    assert np.array_equal(again.params["ip2"][1].data, np.arange(10))
