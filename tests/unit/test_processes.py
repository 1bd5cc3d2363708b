"""What is started imports nothing from the folder that one works in, whatever lies there."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cnnvis_caffe.processes import (
    environment,
    find_program,
    import_path,
    leave_current_folder,
    python_code,
    python_words,
)

ROOT = Path(__file__).resolve().parents[2]
#: What may lie beside a model under the name of something that we or Python itself import.
STRANGERS = ("torch", "numpy", "PyQt5", "click", "h5py", "runpy", "pickle", "subprocess", "sitecustomize", "json")


@pytest.fixture
def strangers(tmp_path, monkeypatch):
    """A folder, the current one, whose modules say that they were imported."""
    folder = tmp_path / "model"
    folder.mkdir()
    mark = tmp_path / "imported"
    for name in STRANGERS:
        place = folder / name / "__init__.py" if name == "PyQt5" else folder / f"{name}.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"with open({str(mark)!r}, 'a') as mark:\n    mark.write({name!r} + ' ')\n")
    monkeypatch.chdir(folder)
    # An empty entry is what PYTHONPATH=$PYTHONPATH:/more leaves; Python takes it for the current folder.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(ROOT), ""]))
    return mark


def run(words: list[str]) -> str:
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_python_that_is_started_passes_the_current_folder_over(strangers, monkeypatch):
    monkeypatch.setattr(sys, "path", ["", os.getcwd(), *sys.path])
    code = "import click, importlib.util as util; print(*(util.find_spec(name).origin for name in sys.argv[1:]))"
    said = run(python_code(code, ["torch", "numpy", "PyQt5"]))
    assert not strangers.exists()
    assert [os.getcwd() in place for place in said.split()] == [False] * 3


def test_so_does_a_module_that_is_run(strangers):
    assert "cnnvis-caffe, version" in run(python_words("cnnvis_caffe", "--version", "--verbose"))
    assert not strangers.exists()


def test_without_the_option_of_newer_pythons_as_well(strangers, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    words = python_words("cnnvis_caffe", "--version")
    assert "-P" not in words
    run(words)
    assert not strangers.exists()


def test_the_module_run_by_hand_leaves_the_current_folder_before_it_imports(strangers):
    # What Python itself imports to find the module cannot be helped; hence no stranger of that kind.
    for name in ("runpy", "sitecustomize"):
        Path(f"{name}.py").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "cnnvis_caffe", "--version", "--verbose"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not strangers.exists()


def test_the_viewers_worker_is_started_so(strangers, monkeypatch):
    pytest.importorskip("PyQt5")
    from cnnvis_caffe.progress import SILENT
    from cnnvis_caffe.viewer.work.child import run_in_child

    monkeypatch.setattr(sys, "path", ["", *sys.path])
    with pytest.raises(AttributeError, match="no_such_function"):
        run_in_child("cnnvis_caffe.pipeline", "no_such_function", {}, SILENT)
    assert not strangers.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="closes the window by a signal")
def test_view_of_a_model_from_its_folder_runs_nothing_of_it(strangers):
    pytest.importorskip("PyQt5")
    for name in ("runpy", "sitecustomize"):  # what Python itself imports
        Path(f"{name}.py").unlink()
    layers = 'layer {{ name: "{0}" type: "{1}" {2} top: "{0}" {3} }}\n'.format
    Path("net.prototxt").write_text(
        layers("data", "Input", "", "input_param { shape { dim: 2 dim: 1 dim: 4 dim: 3 } }")
        + layers("ip", "InnerProduct", 'bottom: "data"', "inner_product_param { num_output: 3 }")
        + layers("prob", "Softmax", 'bottom: "ip"', "")
    )
    np.savez("data.npz", images=np.arange(24, dtype=np.uint8).reshape(2, 4, 3), labels=np.array([0, 2]))
    words = [sys.executable, "-m", "cnnvis_caffe", "view", "net.prototxt", "--data", "data.npz", "--out", "a.cnnvis.h5"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen(words, env=variables, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(1200):
            if os.path.exists("a.cnnvis.h5") or process.poll() is not None:
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)  # closes the window
        assert process.wait(60) == 0, process.stderr.read()
    assert os.path.exists("a.cnnvis.h5")
    assert not strangers.exists()


def test_what_pythonpath_names_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "own", str(tmp_path)]))
    monkeypatch.setattr(sys, "path", ["", str(tmp_path / "own"), str(tmp_path), "/elsewhere"])
    assert import_path([tmp_path / "more"]) == [
        str(tmp_path / "own"), str(tmp_path), "/elsewhere", str(ROOT), str(tmp_path / "more")
    ]  # fmt: skip
    assert environment(A="b")["PYTHONPATH"] == os.pathsep.join([str(tmp_path / "own"), str(tmp_path)])
    monkeypatch.delenv("PYTHONPATH")
    assert import_path() == [str(tmp_path / "own"), "/elsewhere", str(ROOT)]
    assert "PYTHONPATH" not in environment()


def test_a_command_leaves_what_empty_entries_put_on_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "/own"]))
    monkeypatch.setattr(sys, "path", ["/bin", os.getcwd(), "/own"])
    leave_current_folder()
    assert sys.path == ["/bin", "/own"]


@pytest.mark.skipif(sys.platform == "win32", reason="programs are marked otherwise there")
def test_programs_are_looked_for_where_path_names_folders(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", "/nowhere"]))
    assert find_program("nvidia-smi") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("nvidia-smi") == str(tmp_path / "nvidia-smi")


@pytest.mark.parametrize("part", ["cnnvis_caffe", "case_studies", "benchmarks"])
def test_nobody_starts_a_python_another_way(part):
    wrong = []
    for path in sorted((ROOT / part).rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "executable" in text else ():
            if isinstance(node, ast.List) and any(
                isinstance(item, ast.Attribute) and item.attr == "executable" for item in node.elts
            ):
                wrong.append(path.relative_to(ROOT).as_posix())
    # A script by its path: its own folder comes first, not the current one.
    allowed = {"cnnvis_caffe": ["cnnvis_caffe/processes.py"], "benchmarks": ["benchmarks/opening.py"]}
    assert wrong == allowed.get(part, [])
