"""`import caffe` serving our modules: in this process, and in scripts that our command line runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from google.protobuf import text_format
from helpers import programs

from cnnvis_caffe import pycaffe
from cnnvis_caffe.errors import EngineError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.pycaffe.install import install_as_caffe
from cnnvis_caffe.pycaffe.proto import caffe_pb2

REPOSITORY = Path(__file__).resolve().parents[3]

MODULES = [
    "caffe",
    "caffe._caffe",
    "caffe.classifier",
    "caffe.coord_map",
    "caffe.detector",
    "caffe.draw",
    "caffe.io",
    "caffe.net_spec",
    "caffe.proto",
    "caffe.proto.caffe_pb2",
    "caffe.pycaffe",
]


@pytest.fixture
def no_caffe(monkeypatch):
    """A process without any module `caffe`, before and after the test."""
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]


# -- install_as_caffe ----------------------------------------------------------------------


def test_imports_give_the_same_modules(no_caffe):
    install_as_caffe()
    install_as_caffe()
    import caffe
    import caffe.coord_map
    import caffe.draw
    import caffe.io
    from caffe import layers, params
    from caffe.proto import caffe_pb2 as messages

    assert caffe is pycaffe
    assert caffe.io is pycaffe.io is sys.modules["cnnvis_caffe.pycaffe.io"]
    assert (layers, params, messages) == (pycaffe.layers, pycaffe.params, caffe_pb2)
    for name in MODULES:
        assert sys.modules[name] is sys.modules[name.replace("caffe", "cnnvis_caffe.pycaffe", 1)]


def test_real_caffe_that_is_imported_already(no_caffe, monkeypatch):
    real = types.ModuleType("caffe")
    real.__file__ = "/usr/lib/caffe/__init__.py"
    monkeypatch.setitem(sys.modules, "caffe", real)
    with pytest.raises(EngineError, match="already, from /usr/lib/caffe/__init__.py; call install_as_caffe"):
        install_as_caffe()
    assert sys.modules["caffe"] is real
    assert "caffe.io" not in sys.modules


# -- caffe_pb2 ----------------------------------------------------------------------


def test_names_are_those_of_generated_code(recordings):
    names = json.loads((recordings / "caffe_pb2.json").read_text(encoding="utf-8"))
    assert len(names) > 150
    assert set(names) <= set(dir(caffe_pb2))
    assert {"LayerParameter", "_LAYERPARAMETER", "_V1LAYERPARAMETER_LAYERTYPE", "Phase", "TEST"} <= set(names)


def test_messages_are_those_of_the_schema():
    for name in caffe_pb2.DESCRIPTOR.message_types_by_name:
        assert getattr(caffe_pb2, name) is getattr(schema, name)
        assert getattr(caffe_pb2, "_" + name.upper()) is getattr(caffe_pb2, name).DESCRIPTOR


def test_enums():
    assert (caffe_pb2.TRAIN, caffe_pb2.TEST) == (0, 1)
    assert caffe_pb2.Phase.Name(1) == "TEST"
    assert caffe_pb2._PHASE.values_by_name["TEST"].number == 1
    assert caffe_pb2._POOLINGPARAMETER_POOLMETHOD.values_by_name["AVE"].number == 1
    assert caffe_pb2._V1LAYERPARAMETER_LAYERTYPE is caffe_pb2.V1LayerParameter.LayerType.DESCRIPTOR
    assert caffe_pb2.V1LayerParameter.CONVOLUTION == 4
    assert caffe_pb2.SolverParameter.SolverMode.Value("GPU") == 1


def test_star_import():
    names: dict = {}
    exec("from cnnvis_caffe.pycaffe.proto.caffe_pb2 import *", names)
    assert names["NetParameter"] is schema.NetParameter
    assert names["TEST"] == 1


def test_text_format(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text('name: "n" layer { name: "c" type: "Convolution" convolution_param { pad: 1 pad: 2 } }')
    net = caffe_pb2.NetParameter()
    with open(path) as file:
        text_format.Merge(file.read(), net)
    assert list(net.layer[0].convolution_param.pad) == [1, 2]
    assert text_format.Parse(text_format.MessageToString(net), caffe_pb2.NetParameter()) == net


# -- python -m cnnvis_caffe.pycaffe ----------------------------------------------------------------------

REPORT = """
import json, sys, caffe, caffe.io
print(json.dumps([__name__, sys.argv, sys.path[0], caffe.__name__, caffe.io.__name__]))
"""


def run(*arguments, cwd, options=()):
    """Run the command line in a folder of its own."""
    command = [sys.executable, *options, "-m", "cnnvis_caffe.pycaffe", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    if options:  # of Python itself
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)
    return programs.run(command, cwd=cwd, env=environment)


def python_itself(*arguments, cwd):
    """Run plain Python, with a module `caffe` that only has the names that `REPORT` needs."""
    stand_in = Path(cwd) / "stand_in" / "caffe"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").write_text("from . import io\n__name__ = 'cnnvis_caffe.pycaffe'")
    (stand_in / "io.py").write_text("__name__ = 'cnnvis_caffe.pycaffe.io'")
    environment = {**os.environ, "PYTHONPATH": str(stand_in.parent)}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def script(tmp_path):
    """A script in a folder of its own, reached by a link."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "report.py").write_text(REPORT)
    (tmp_path / "link.py").symlink_to(tmp_path / "scripts" / "report.py")
    return tmp_path / "link.py"


def test_script_sees_what_python_would_show_it(script, tmp_path):
    ours, expected = (call("link.py", "-x", "--flag=1", "-m", cwd=tmp_path) for call in (run, python_itself))
    assert ours.returncode == 0, ours.stderr
    assert ours.stdout == expected.stdout
    assert str(tmp_path / "scripts") in ours.stdout


def test_module_sees_what_python_would_show_it(script, tmp_path):
    ours, expected = (call("-m", "scripts.report", "-x", cwd=tmp_path) for call in (run, python_itself))
    assert ours.returncode == 0, ours.stderr
    assert ours.stdout == expected.stdout


def test_exit_status_and_traceback_pass_through(tmp_path):
    (tmp_path / "leaves.py").write_text("import sys; sys.exit(7)")
    (tmp_path / "fails.py").write_text("import caffe\n\ndef deep():\n    raise KeyError('lost')\n\ndeep()\n")
    assert run("leaves.py", cwd=tmp_path).returncode == 7
    failed = run("fails.py", cwd=tmp_path)
    assert failed.returncode == 1
    assert failed.stderr.endswith("KeyError: 'lost'\n")
    assert 'fails.py", line 4, in deep' in failed.stderr


@pytest.mark.parametrize("arguments", [(), ("-m",), ("-x", "script.py")])
def test_usage_error(arguments, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("usage: python -m cnnvis_caffe.pycaffe SCRIPT")


def test_missing_script(tmp_path):
    result = run("nowhere.py", cwd=tmp_path)
    assert result.returncode == 2
    assert "can't open file 'nowhere.py'" in result.stderr
