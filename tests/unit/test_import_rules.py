"""Who may import whom, inside functions too; `docs/architecture.md` gives the reasons."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 cannot list its own modules")

PACKAGE = "cnnvis_caffe"
ROOT = Path(__file__).resolve().parents[2] / PACKAGE

# What a part of the package may import of the rest; itself always. None: everything.
EVERYBODY_MAY = {"errors", "records", "progress"}
OURS: dict[str, set[str] | None] = {
    "": set(),
    "records": set(),
    "errors": set(),
    "progress": set(),
    "files": {"processes"},
    "text": set(),
    "processes": set(),
    "formats": {"files"} | EVERYBODY_MAY,
    "runtime": {"files", "formats", "processes"} | EVERYBODY_MAY,
    "pycaffe": {"runtime", "files", "formats"} | EVERYBODY_MAY,
    "datasets": {"files", "formats"} | EVERYBODY_MAY,
    "network": {"runtime", "formats"} | EVERYBODY_MAY,
    "features": {"network"} | EVERYBODY_MAY,
    "aggregation": {"files"} | EVERYBODY_MAY,
    "layout": {"errors"},
    "findings": EVERYBODY_MAY,
    "scene": {"layout", "text"} | EVERYBODY_MAY,
    "pictures": {"aggregation", "layout", "scene"} | EVERYBODY_MAY,
    "store": {"files"} | EVERYBODY_MAY,
    "real_caffe": {"runtime.devices", "processes"} | EVERYBODY_MAY,
    "engines": {"pycaffe", "real_caffe"} | EVERYBODY_MAY,
    "analysis": {"files", "formats", "network", "datasets", "features", "engines", "store"} | EVERYBODY_MAY,
    "pipeline": {"files", "formats", "network", "datasets", "features", "engines", "analysis"}
    | {"aggregation", "layout", "scene", "pictures", "store", "findings"}
    | EVERYBODY_MAY,
    "demo": {"pipeline", "datasets", "runtime", "files", "formats"} | EVERYBODY_MAY,
    "render": {"files", "text", "scene", "store", "aggregation.edits", "pictures", "pipeline"} | EVERYBODY_MAY,
    # viewer.stages asks aggregation and findings for one picture at a time; the way by pipeline would only be longer.
    "viewer": {"files", "processes", "text", "scene", "store", "aggregation", "pictures", "findings"}
    | {"pipeline", "render"}
    | EVERYBODY_MAY,
    "api": None,
    "cli": None,
    "__main__": {"cli", "processes"},
    "tools": {"cli", "processes"},
}

# Which modules may import a library from elsewhere. A library that is missing here may be imported by nobody.
LIBRARIES: dict[str, tuple[str, ...] | None] = {
    "numpy": None,
    "scipy": None,
    "networkx": ("network", "features", "aggregation"),
    "torch": ("runtime.backend",),
    "google": ("formats",),
    "h5py": ("files.plain_hdf5", "formats", "store"),
    "lmdb": ("formats",),
    "plyvel": ("formats",),
    # formats.images decodes for the data layers too, so that Caffe's ways of reading an image are in one place.
    # store.pictures packs the images of an analysis as PNG and JPEG.
    "cv2": ("formats.images", "features.patches", "datasets", "store.pictures", "render", "pycaffe.io"),
    "cairo": ("render",),
    "cairocffi": ("render",),  # whichever of the two is there
    "sklearn": ("aggregation", "datasets.digits"),
    "pooch": ("datasets",),
    "pydot": ("pycaffe.draw",),
    "pydotplus": ("pycaffe.draw",),  # the older fork, which pycaffe takes as well
    "PyQt5": ("viewer",),
    "pyqtgraph": ("viewer.chart",),
    "fissix": ("pycaffe.python2.translate",),
    "PIL": ("pycaffe.python2.old_pictures",),
    "yaml": ("pycaffe.python2.old_library",),
    "selective_search_ijcv_with_python": ("pycaffe.detector",),  # pycaffe's own: who has it, has it
    "click": ("cli",),
    "tqdm": ("cli",),
}


def imported_names(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Every import statement, `import_module("...")` and `backend.torch`, as line and dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"
        elif isinstance(node, ast.Attribute) and node.attr == "torch" and isinstance(node.value, ast.Name):
            if node.value.id == "backend":
                yield node.lineno, f"{PACKAGE}.runtime.backend.torch"
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def within(name: str, parts: tuple[str, ...] | set[str]) -> bool:
    """Whether a dotted name is one of the parts or lies in one."""
    return any(name == part or name.startswith(part + ".") for part in parts)


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Everything that a module (named without the leading `cnnvis_caffe.`) imports against the rules."""
    part = module.split(".")[0]
    full = f"{PACKAGE}.{module}".rstrip(".")
    package = full if is_package else full.rpartition(".")[0]
    if part not in OURS:
        return [f"{module}: {part!r} has no rule; add it to the table"]
    allowed = OURS[part]
    found = []
    for line, name in imported_names(ast.parse(source), package):
        top, _, rest = name.partition(".")
        if top == PACKAGE:
            # Importing the package itself, for its version, is always fine.
            if rest in ("", "__version__") or allowed is None or within(rest, {part} | allowed):
                problem = ""
            else:
                problem = f"{part or 'the package'} may import only {sorted({part} | allowed)} of ours"
            if not problem and rest == "runtime.backend.torch" and part != "runtime":
                problem = "only runtime uses torch"
        elif top in sys.stdlib_module_names or top == "__future__":
            continue
        elif top not in LIBRARIES:
            problem = f"{top} is in no table; add it there and to setup.py"
        else:
            users = LIBRARIES[top]
            fine = users is None or within(module, users)
            problem = "" if fine else f"only {', '.join(users)} may import {top}"
        if problem:
            found.append(f"{module}:{line}: imports {name}, but {problem}")
    return found


def test_the_package_keeps_the_rules():
    files = sorted(path for path in ROOT.rglob("*.py"))
    assert len(files) > 10
    found = []
    for path in files:
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        found += violations(path.read_text("utf-8"), module, is_package=is_package)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("formats.caffemodel", "from cnnvis_caffe.runtime.net import Net"),
        ("formats.caffemodel", "from cnnvis_caffe import runtime"),
        ("formats.caffemodel", "from ..runtime import net"),
        ("formats.caffemodel", "import cnnvis_caffe.runtime.net as net"),
        ("records.weights", "def f():\n    from cnnvis_caffe.errors import ShapeError"),
        ("runtime.net", "if True:\n    import cnnvis_caffe.pycaffe"),
        ("runtime.net", "import torch"),
        ("runtime.net", "import importlib\nimportlib.import_module('torch')"),
        ("runtime.layers.relu", "import torch.nn.functional as F"),
        ("pycaffe.net", "from cnnvis_caffe.runtime.backend import torch"),
        ("pycaffe.net", "from cnnvis_caffe.runtime import backend\nbackend.torch.zeros(3)"),
        ("pycaffe.net", "import h5py"),
        ("network.dag", "from google.protobuf import text_format"),
        ("features.activations", "import cv2"),
        ("pycaffe.classifier", "import cv2"),
        ("layout.columns", "from cnnvis_caffe.scene import shapes"),
        ("layout.columns", "from cnnvis_caffe.records.view import View"),
        ("store.writer", "from cnnvis_caffe.features import patches"),
        ("render.png", "from cnnvis_caffe.aggregation import clusters"),
        ("api", "import PyQt5.QtWidgets"),
        ("viewer.window", "import pyqtgraph"),
        ("runtime.net", "import tqdm"),
        ("formats.prototxt", "import yaml"),
        ("nobody_knows", "import os"),
        ("", "from cnnvis_caffe.api import engine"),
    ],
)
def test_a_violation_is_found(module, source):
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("formats.caffemodel", "from __future__ import annotations\nimport os.path, numpy as np, h5py"),
        ("formats.caffemodel", "from . import schema\nfrom .schema import NetParameter"),
        ("formats.caffemodel", "from ..records import weights"),
        ("runtime.layers.relu", "from cnnvis_caffe.runtime.backend import torch"),
        ("runtime.backend", "import torch"),
        ("cli.inspect", "import click\ndef f():\n    from cnnvis_caffe.network import dag"),
        ("render.png", "from cnnvis_caffe.aggregation.edits import MoveNeuron"),
        ("store.writer", "from cnnvis_caffe import __version__"),
        ("viewer.chart.painter", "import pyqtgraph"),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert violations(source, module) == []


def test_relative_imports_of_a_package_start_at_itself():
    assert violations("from .net import Net", "runtime", is_package=True) == []
    assert violations("from ..pycaffe import io", "runtime", is_package=True)
