"""No module of the package makes code or objects of what a file holds, but for those named here, with the reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "cnnvis_caffe"
#: Their files hold objects that run code when they are read.
MODULES = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle", "code"}
#: Run what they are given.
CALLS = {"eval", "exec", "compile", "execfile"}
ALLOWED = {
    # Messages between the window and the process that it has started itself.
    "viewer/work/child.py": {"pickle"},
    # What a user's own Python 2 script calls by these names, and running that script.
    "pycaffe/python2/names.py": {"eval", "exec", "compile"},
    "pycaffe/python2/translate.py": {"compile"},
    "pycaffe/python2/old_library.py": {"pickle", "yaml.load"},
    "pycaffe/python2/run.py": {"exec", "compile"},
}


def dangers(source: str) -> Iterator[str]:
    """What a module uses that may run what it reads."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in MODULES:
                yield str(node.module)
        elif isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[str]:
    """The same of one call."""
    called = ast.unparse(node.func)
    owner, _, name = called.rpartition(".")
    if called in CALLS or (owner == "builtins" and name in CALLS):
        yield name
    if name == "load" and owner.split(".")[-1] in ("torch", "jit", "yaml", "joblib"):
        yield f"{owner.split('.')[-1]}.load"
    if name in ("full_load", "unsafe_load"):
        yield "yaml.load"
    for keyword in node.keywords:
        if keyword.arg == "allow_pickle" and not (
            isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        ):
            yield "allow_pickle"
    if name in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
        yield from {str(node.args[0].value).split(".")[0]} & MODULES


def test_nothing_but_what_is_allowed():
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        wrong = set(dangers(path.read_text("utf-8"))) - ALLOWED.get(name, set())
        if wrong:
            found[name] = wrong
    assert not found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pickle as p", ["pickle"]),
        ("from marshal import loads", ["marshal"]),
        ("import numpy as np\nnp.load(path, allow_pickle=True)", ["allow_pickle"]),
        ("np.load(path, allow_pickle=wanted)", ["allow_pickle"]),
        ("np.load(path, allow_pickle=False)", []),
        ("backend.torch.load(path)", ["torch.load"]),
        ("def f(x):\n    return eval(x)", ["eval"]),
        ("builtins.exec(x)", ["exec"]),
        ("importlib.import_module('pickle')", ["pickle"]),
        ("ast.literal_eval(x); re.compile(x); model.eval()", []),
    ],
)
def test_the_test_sees_each_kind(source, expected):
    assert list(dangers(source)) == expected
