"""What can be seen here of Windows and macOS: nothing is used that only Linux has, and no locale is relied on."""

from __future__ import annotations

import ast
import importlib.metadata
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "cnnvis_caffe"
#: Not there on Windows.
MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
NAMES = {
    "os": {"fork", "forkpty", "getpgid", "getuid", "geteuid", "kill", "killpg", "mkfifo", "nice", "sched_getaffinity",
           "setsid", "sysconf", "uname", "wait"},
    "signal": {"SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "SIGUSR2", "alarm", "pause", "setitimer"},
    "mmap": {"MADV_DONTNEED", "MAP_PRIVATE", "MAP_SHARED", "PROT_READ"},
}  # fmt: skip
#: Each is asked for only where it is there.
GUARDED = {
    ("files/temporary.py", "os.kill"),
    ("files/plain_hdf5/copy_by_library.py", "resource"),
    ("formats/mapped.py", "mmap.MADV_DONTNEED"),
}
TEXT = {"read_text": 1, "write_text": 2}  # encoding is their argument with this number


def uses(tree):
    """What a module imports, and which names of the modules above it uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def opens_text_without_encoding(node):
    """Whether a call reads or writes text in whatever encoding the system has."""
    if not isinstance(node, ast.Call) or any(keyword.arg == "encoding" for keyword in node.keywords):
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr in TEXT and isinstance(node.func.value, ast.expr):
        return len(node.args) < TEXT[node.func.attr]
    if isinstance(node.func, ast.Name) and node.func.id == "open":
        mode = next((keyword.value for keyword in node.keywords if keyword.arg == "mode"), None)
        mode = node.args[1] if len(node.args) > 1 else mode
        return not (isinstance(mode, ast.Constant) and "b" in mode.value)
    return False


def test_nothing_is_used_that_windows_has_not():
    forbidden = MODULES | {f"{module}.{name}" for module, names in NAMES.items() for name in names}
    found = {
        (path.relative_to(PACKAGE).as_posix(), used)
        for path in PACKAGE.rglob("*.py")
        for used in uses(ast.parse(path.read_text("utf-8")))
        if used in forbidden
    }
    assert found == GUARDED


def test_text_is_utf_8_whatever_the_locale():
    own = {"formats/prototxt.py", "cli/upgrade.py", "analysis/model.py"}  # their `write_text` writes messages
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if opens_text_without_encoding(node)
    ]
    assert [place for place in found if place.partition(":")[0] not in own] == []


HIDE = f"import sys; sys.modules.update(dict.fromkeys({sorted(MODULES - {'posix', 'pwd', 'grp'})}))\n"


def test_inspect_and_train_without_such_modules_and_without_a_locale(tmp_path, repository):
    without_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    if importlib.metadata.version("click").startswith("7."):
        without_locale = {}  # click 7 itself refuses to run without one
    (tmp_path / "net.prototxt").write_text(
        "name: 'Größe' layer { name: 'x' type: 'DummyData' top: 'x' dummy_data_param { shape { dim: 5 dim: 3 } } }"
        "layer { name: 'ä' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 2 } }"
        "layer { name: 'l' type: 'EuclideanLoss' bottom: 'y' bottom: 'y' top: 'l' }",
        encoding="utf-8",
    )
    (tmp_path / "solver.prototxt").write_text("net: 'net.prototxt' base_lr: 0.1 lr_policy: 'fixed' max_iter: 2")
    code = HIDE + "from cnnvis_caffe.cli.main import main; main()"
    environment = {**os.environ, **without_locale, "PYTHONPATH": str(repository)}
    for words in (["inspect", "net.prototxt"], ["train", "--solver", "solver.prototxt"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=tmp_path, env=environment, capture_output=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "solver_iter_2.caffemodel").exists()


def product(prototxt):
    """The top of a net that a new process builds."""
    from cnnvis_caffe import pycaffe

    net = pycaffe.Net(prototxt, pycaffe.TEST)
    net.params["y"][0].data[...] = np.arange(6).reshape(2, 3)
    net.blobs["x"].data[...] = 1
    net.forward()
    return net.blobs["y"].data.copy()


def test_a_process_that_is_spawned_runs_nets(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "net.prototxt"
    path.write_text(
        "layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 5 dim: 3 } } }"
        "layer { name: 'y' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 2 } }"
    )
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply(product, (str(path),))
    np.testing.assert_array_equal(there, np.tile(np.float32([3, 12]), (5, 1)))
