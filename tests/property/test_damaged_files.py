"""Damaged files give a result or one error of ours: no other exception, no crash, no hang, little memory.

`python -m benchmarks.fuzzing` does the same at length, and writes docs/reliability.md.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

from benchmarks.fuzzing.readers import NO_READERS, READERS
from benchmarks.fuzzing.run import fuzz, shares

PACKAGE = Path(__file__).resolve().parents[2] / "cnnvis_caffe"
OPENS = {
    "open", "read_text", "read_bytes", "MappedFile", "open_plain", "OpenFile", "imdecode", "ZipFile", "DB",
    "open_file", "read_file", "memmap", "fromfile", "loadtxt", "genfromtxt", "read_csv",
}  # fmt: skip
#: What unpickles, and why it may: never a file that somebody hands us.
UNPICKLES = {
    "viewer.work.child": "messages of a process that we started",
    "pycaffe.python2.old_library": "what a script that is run asks for itself",
}
#: Little time: where a case takes long, few cases.
QUICK = [name for name, reader in READERS.items() if reader.weight >= 0.2 and name != "network, run"]


@pytest.mark.parametrize("name", QUICK)
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    figures = fuzz(name, 60, tmp_path, seed=3)
    assert not figures.failures
    assert figures.outcomes["read"] + figures.outcomes["refused"] == 60


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", READERS)
def test_many_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    n = shares(100_000)[name]
    figures = fuzz(name, n, tmp_path, seed=11)
    assert not figures.failures
    # Both must happen, or the damage was not of an interesting kind.
    assert figures.outcomes["refused"] > n // 100
    assert figures.outcomes["read"] > n // 100


@functools.cache
def package() -> dict[str, list[ast.AST]]:
    """Every module of the package by its name, as the nodes of its tree."""
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): [*ast.walk(ast.parse(path.read_text("utf-8")))]
        for path in PACKAGE.rglob("*.py")
    }


def called(nodes: list[ast.AST]) -> set[str]:
    """Names of functions and methods that are called."""
    functions = (node.func for node in nodes if isinstance(node, ast.Call))
    return {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in functions}


def test_every_module_that_opens_files_is_in_the_table() -> None:
    rows = {module for reader in READERS.values() for module in reader.modules}
    found = {name for name, nodes in package().items() if called(nodes) & OPENS}
    windows = {name for name in found if name.startswith("viewer.") and name not in NO_READERS}  # dialogs are opened
    assert found - windows - rows - set(NO_READERS) == set(), "add a row to benchmarks/fuzzing/readers.py"
    assert not rows & set(NO_READERS)


def test_nothing_unpickles_a_file() -> None:
    found = set()
    for module, nodes in package().items():
        for node in nodes:
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib"} & {name.split(".")[0] for name in names}:
                found.add(module)
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                found.add(module)
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("torch.load", "np.load", "numpy.load"):
                found.add(module)
    assert found == set(UNPICKLES)
