"""What is installed: the wheel's files and metadata, completion, and clear words where an extra is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from helpers import programs

import cnnvis_caffe
from cnnvis_caffe.cli import view

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cnnvis_caffe"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy so that nothing is left in the checkout."""
    for name in ("pip", "setuptools"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"there is no {name} here")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(PACKAGE, source / "cnnvis_caffe", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "MANIFEST.in"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "-w", str(out), "."]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        yield file


def test_the_wheel_has_every_file_of_the_package(wheel):
    files = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == files


def test_the_wheel_s_metadata(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    said = Parser().parsestr(wheel.read(name).decode("utf-8"))
    assert (said["Name"], said["Version"]) == ("cnnvis-caffe", cnnvis_caffe.__version__)
    assert said["Requires-Python"] == ">=3.9"
    assert said["Description-Content-Type"] == "text/markdown"
    assert said.get_payload().startswith("# cnnvis_caffe")
    page = (ROOT / "docs/guides/install.md").read_text("utf-8")
    extras = set(said.get_all("Provides-Extra"))
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", page)) == extras - {"all"}
    classifiers = said.get_all("Classifier")
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in range(9, 14)} <= set(classifiers)
    assert said["License"] == "BSD-3-Clause"
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in wheel.namelist()}


def test_the_source_archive_names_what_a_checkout_has():
    """Every folder of the repository that a test or a page needs is in MANIFEST.in."""
    manifest = (ROOT / "MANIFEST.in").read_text("utf-8")
    for name in ("benchmarks", "case_studies", "docker", "docs", "examples", "prototxt", "tests", "tools"):
        assert f"recursive-include {name} " in manifest
    suffixes = {path.suffix for path in (ROOT / "docs").rglob("*") if path.is_file()}
    (docs,) = re.findall(r"(?m)^recursive-include docs (.*)$", manifest)
    assert suffixes <= {word.lstrip("*") for word in docs.split()}


# -- completion ------------------------------------------------------------------------------------------------------


def completions(shell, words, position):
    """What a shell is told when it asks as its own completion does."""
    environment = {
        **os.environ,
        "_CNNVIS_CAFFE_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": words.split(" ")[-1] if shell == "fish" else str(position),
    }
    script = "from cnnvis_caffe.cli.main import main; main()"
    done = programs.run([sys.executable, "-c", script], modules=programs.LIGHT, env=environment)
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_commands_and_options(shell):
    assert "findings" in completions(shell, "cnnvis-caffe fin", 1)
    assert "--neuron" in completions(shell, "cnnvis-caffe render --ne", 2)
    if shell == "fish" and importlib.metadata.version("click").startswith("7."):
        return  # click 7 finds values in fish only before their first letter is typed
    assert "contributions" in completions(shell, "cnnvis-caffe render --facet con", 3)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_s_own_words_for_completion(shell):
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("there is no bash here, whose version click asks for")
    environment = {**os.environ, "_CNNVIS_CAFFE_COMPLETE": f"{shell}_source"}
    script = "from cnnvis_caffe.cli.main import main; main()"
    done = programs.run([sys.executable, "-c", script], modules=programs.LIGHT, env=environment)
    # In click 7 the words stand the other way round, and those for bash leave out its name.
    newer, older = f"{shell}_complete", r"\"?complete" + {"bash": " ", "zsh": r"_zsh\"", "fish": "_fish "}[shell]
    assert re.search(f"_CNNVIS_CAFFE_COMPLETE=({newer}|{older})", done.stdout)
    assert "cnnvis-caffe" in done.stdout


# -- without extras --------------------------------------------------------------------------------------------------

WITHOUT = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {names!r} or name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from cnnvis_caffe.cli.main import main
sys.argv[1:] = {arguments!r}
main()
"""


OPTIONAL = (
    "torch",
    "PyQt5",
    "cv2",
    "lmdb",
    "plyvel",
    "pooch",
    "cairo",
    "cairocffi",
    "matplotlib",
    "pydot",
)


def run_without(names, arguments, folder):
    """Exit code, standard output and errors of a command where some libraries are not installed."""
    script = WITHOUT.format(names=tuple(names), arguments=[str(argument) for argument in arguments])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    done = programs.run([sys.executable, "-c", script], modules=programs.LIGHT, cwd=folder, env=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        (["torch"], ["time", "--model", "DEMO/train_val.prototxt", "--iterations", "1"], "torch"),
        (["torch"], ["demo", "--folder", "new", "--out", "a.svg"], "torch"),
        (["lmdb"], ["demo", "--folder", "new", "--out", "a.svg"], "lmdb"),
        (["cv2"], ["demo", "--folder", "new", "--out", "a.svg"], "data"),
        (["lmdb"], ["data", "digits", "out"], "lmdb"),
        (["cv2"], ["data", "images", "list.txt", "out"], "data"),
        (["cv2"], ["render", "DEMO/lenet_digits.cnnvis.h5", "--out", "a.svg"], "data"),
        (["PyQt5"], ["view", "DEMO/lenet_digits.cnnvis.h5"], "viewer"),
        (["cairo", "cairocffi"], ["render", "DEMO/lenet_digits.cnnvis.h5", "--out", "a.png"], "render"),
    ],
)
def test_a_missing_library_is_one_line_that_names_the_extra(demo_folder, tmp_path, missing, arguments, extra):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "list.txt").write_text("a.png 0\n")
    code, _, said = run_without(missing, [word.replace("DEMO", str(demo_folder)) for word in arguments], tmp_path)
    assert code == 1, said
    assert "Traceback" not in said
    assert said.count("Error: ") == 1
    assert f'pip install ".[{extra}]"' in said.strip().splitlines()[-1]


def test_a_missing_part_of_qt_is_named_with_its_package(tmp_path):
    pytest.importorskip("PyQt5")
    (tmp_path / "a.cnnvis.h5").write_bytes(b"")
    code, _, said = run_without(["PyQt5.QtWidgets"], ["view", "a.cnnvis.h5"], tmp_path)
    assert code == 1, said
    (line,) = said.strip().splitlines()
    assert line.startswith("Error: the window needs a part of PyQt5 that cannot be loaded: ")
    assert "'QtWidgets'" in line and line.endswith("(Debian: python3-pyqt5)")
    other = ImportError("cannot import name 'QtSvg' from 'PyQt5'", name="PyQt5")
    assert str(view._explained(other)).endswith("(Debian: python3-pyqt5.qtsvg)")


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--solver", "DEMO/solver.prototxt"],
        ["test", "--model", "DEMO/train_val.prototxt", "--weights", "DEMO/snapshots/lenet_iter_600.caffemodel"],
    ],
)
def test_what_is_missing_is_said_before_any_other_line(demo_folder, arguments):
    code, _, said = run_without(["lmdb"], [word.replace("DEMO", str(demo_folder)) for word in arguments], demo_folder)
    assert code == 1
    (line,) = said.splitlines()
    assert 'pip install ".[lmdb]"' in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "DEMO/train_val.prototxt", "--weights", "WEIGHTS"],
        ["findings", "DEMO/lenet_digits.cnnvis.h5"],
        ["compare", "DEMO/lenet_digits.cnnvis.h5"],
        ["export", "DEMO/lenet_digits.cnnvis.h5", "mean", "--out", "mean.csv"],
        ["upgrade", "DEMO/train_val.prototxt", "new.prototxt"],
    ],
)
def test_what_works_without_any_extra(demo_folder, tmp_path, arguments):
    names = {"DEMO": str(demo_folder), "WEIGHTS": str(demo_folder / "snapshots/lenet_iter_600.caffemodel")}
    arguments = [re.sub("DEMO|WEIGHTS", lambda found: names[found.group()], word) for word in arguments]
    code, _, said = run_without(OPTIONAL, arguments, tmp_path)
    assert code == 0, said
