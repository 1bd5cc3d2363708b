"""Who may import whom, inside functions too; `docs/architecture.md` gives the reasons."""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 cannot list its own modules")

PACKAGE = "cnnvis_caffe"
ROOT = Path(__file__).resolve().parents[2] / PACKAGE

# What each part of the package imports of the rest, itself aside. Exactly so: what is not used is not allowed.
OURS: dict[str, set[str]] = {
    "": set(),
    "errors": set(),
    "progress": set(),
    "processes": set(),
    "files": {"processes"},
    "records": {"errors"},
    "formats": {"errors", "files", "records"},
    "runtime": {"errors", "files", "formats", "processes", "records"},
    "pycaffe": {"errors", "files", "formats", "runtime"},
    "real_caffe": {"errors", "processes", "runtime.devices"},
    "engines": {"errors", "pycaffe", "real_caffe"},
    "network": {"errors", "formats", "records", "runtime"},
    "datasets": {"errors", "files", "formats", "progress", "records"},
    "features": {"errors", "network", "progress", "records"},
    "store": {"errors", "files", "progress", "records"},
    "preparation": {"datasets", "errors", "formats", "network", "records"},
    "analysis": {"aggregation", "datasets", "engines", "errors", "features", "files", "formats", "network"}
    | {"preparation", "progress", "records", "store"},
    "prediction": {"analysis", "datasets", "errors", "formats", "network", "preparation", "progress", "records"},
    "explanation": {"analysis", "datasets", "errors", "features", "files", "formats", "network", "progress", "records"}
    | {"runtime"},
    "text": {"records"},
    "readings": {"errors", "network.facts", "records", "text"},
    "aggregation": {"readings", "records"},
    "edits": {"aggregation", "errors", "files", "records"},
    "layout": set(),
    "scene": {"errors", "layout", "network.facts", "readings", "records", "text"},
    "findings": {"network.facts", "readings", "records", "text"},
    "drawing": {"aggregation", "readings", "records", "scene"},
    "render": {"errors", "files", "scene", "text"},
    "pipeline": {"analysis", "drawing", "progress", "records", "render", "scene", "store"},
    "demo": {"datasets", "files", "formats", "pipeline", "progress", "runtime"},
    # viewer.model.pictures asks for one picture at a time, each from what the last ones left.
    "viewer": {"aggregation", "analysis", "datasets", "drawing", "edits", "errors", "explanation", "files", "findings"}
    | {"pipeline", "processes"}
    | {"progress", "readings", "records", "render", "scene", "store", "text"},
    "api": {"aggregation", "analysis", "datasets", "edits", "engines", "errors", "explanation", "findings", "formats"}
    | {"network", "pipeline", "prediction", "progress", "pycaffe", "readings", "records", "render", "runtime"}
    | {"scene", "text"},
    "cli": {"aggregation", "analysis", "datasets", "demo", "edits", "engines", "errors", "explanation", "files"}
    | {"findings", "formats", "network", "pipeline", "prediction", "processes", "progress", "readings", "records"}
    | {"render", "runtime", "scene", "store", "text", "viewer"},
    "__main__": {"cli", "processes"},
    "tools": {"cli", "processes"},
}

# Which modules may import a library from elsewhere. A library that is missing here may be imported by nobody.
LIBRARIES: dict[str, tuple[str, ...] | None] = {
    "numpy": None,
    "scipy": None,
    "networkx": ("aggregation",),
    "torch": ("runtime.backend",),
    "google": ("formats",),
    "h5py": ("files.plain_hdf5", "formats", "store"),
    "lmdb": ("formats",),
    "distributed": ("analysis.cluster", "analysis.cluster_passes", "analysis.cluster_task"),
    "plyvel": ("formats",),
    # formats.images decodes for the data layers too, so that Caffe's ways of reading an image are in one place.
    # store.pictures packs the images of an analysis as PNG and JPEG.
    "cv2": ("formats.images", "datasets.camera", "features.patches", "store.pictures", "pycaffe.io"),
    "cairocffi": ("render",),
    "sklearn": ("aggregation", "datasets.digits", "explanation.transfer"),
    "pooch": ("datasets",),
    "pydot": ("pycaffe.draw",),
    "pydotplus": ("pycaffe.draw",),  # the older fork, which pycaffe takes as well
    "pandas": ("api.frame",),  # who has it gets its tables
    "PyQt5": ("viewer",),
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


def imports_of(source: str, module: str, *, is_package: bool = False) -> list[tuple[int, str]]:
    """Every import of a module (named without the leading `cnnvis_caffe.`), as line and dotted name."""
    full = f"{PACKAGE}.{module}".rstrip(".")
    return list(imported_names(ast.parse(source), full if is_package else full.rpartition(".")[0]))


def violations(imports: list[tuple[int, str]], module: str) -> list[str]:
    """Everything that a module imports against the rules."""
    part = module.split(".")[0]
    if part not in OURS:
        return [f"{module}: {part!r} has no rule; add it to the table"]
    allowed = OURS[part]
    found = []
    for line, name in imports:
        top, _, rest = name.partition(".")
        if top == PACKAGE:
            # Importing the package itself, for its version, is always fine.
            if rest in ("", "__version__") or within(rest, {part} | allowed):
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


def needs_of_the_model(imports: list[tuple[int, str]]) -> list[str]:
    """Everything that a module of the viewer's model imports of the window and of Qt, where it must run without."""
    viewer = [name for _, name in imports if within(name, (f"{PACKAGE}.viewer",))]
    found = [name for name in viewer if not within(name, (f"{PACKAGE}.viewer.model",))]
    return found + [name for _, name in imports if within(name, ("PyQt5",))]


@functools.cache
def package_imports() -> dict[str, list[tuple[int, str]]]:
    """The imports of every module of the package, by its name without the leading `cnnvis_caffe.`."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        found[module] = imports_of(path.read_text("utf-8"), module, is_package=is_package)
    return found


def test_the_package_keeps_the_rules():
    found = [problem for module, imports in package_imports().items() for problem in violations(imports, module)]
    assert not found, "\n" + "\n".join(found)


def test_the_rules_allow_nothing_that_nobody_uses():
    users: dict[str, set[str]] = {library: set() for library in LIBRARIES}
    imported: dict[str, set[str]] = {part: set() for part in OURS}
    for module, imports in package_imports().items():
        for _, name in imports:
            top, _, rest = name.partition(".")
            if top == PACKAGE:
                imported[module.split(".")[0]].add(rest)
            elif top in users:
                users[top].add(module)
    for part, allowed in OURS.items():
        unused = [one for one in sorted(allowed) if not any(within(name, (one,)) for name in imported[part])]
        assert not unused, f"{part} may import {', '.join(unused)} and does not"
    for library, parts in LIBRARIES.items():
        idle = [part for part in parts or () if not any(within(module, (part,)) for module in users[library])]
        assert users[library] and not idle, f"{library} is imported by nobody in {', '.join(idle) or 'the package'}"


def test_the_viewers_model_runs_without_qt():
    model = {name: imports for name, imports in package_imports().items() if within(name, ("viewer.model",))}
    assert len(model) > 10
    found = {name: needs_of_the_model(imports) for name, imports in model.items()}
    assert not any(found.values()), found


@pytest.mark.parametrize(
    "source",
    ["from PyQt5 import QtCore", "from ..qt import QObject", "from cnnvis_caffe.viewer.canvas.display import Display"],
)
def test_qt_in_the_viewers_model_is_found(source):
    assert len(needs_of_the_model(imports_of(source, "viewer.model.session"))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("formats.caffemodel", "from cnnvis_caffe.runtime.net import Net"),
        ("formats.caffemodel", "from cnnvis_caffe import runtime"),
        ("formats.caffemodel", "from ..runtime import net"),
        ("formats.caffemodel", "import cnnvis_caffe.runtime.net as net"),
        ("records.weights", "def f():\n    from cnnvis_caffe.formats import wire"),
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
        ("api", "from cnnvis_caffe.viewer import app"),
        ("findings.find", "from cnnvis_caffe.errors import CnnvisError"),
        ("viewer.window", "import cairocffi"),
        ("runtime.net", "import tqdm"),
        ("formats.prototxt", "import yaml"),
        ("nobody_knows", "import os"),
        ("", "from cnnvis_caffe.api import engine"),
    ],
)
def test_a_violation_is_found(module, source):
    assert len(violations(imports_of(source, module), module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("formats.caffemodel", "from __future__ import annotations\nimport os.path, numpy as np, h5py"),
        ("formats.caffemodel", "from . import schema\nfrom .schema import NetParameter"),
        ("formats.caffemodel", "from ..records import weights"),
        ("runtime.layers.relu", "from cnnvis_caffe.runtime.backend import torch"),
        ("runtime.backend", "import torch"),
        ("cli.inspect", "import click\ndef f():\n    from cnnvis_caffe.network import dag"),
        ("viewer.pane", "from cnnvis_caffe.edits.kinds import MoveNeuron"),
        ("store.writer", "from cnnvis_caffe import __version__"),
        ("viewer.chart.line_chart", "import PyQt5.QtGui"),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert violations(imports_of(source, module), module) == []


def test_the_table_in_the_docs_is_that_of_the_rules():
    text = (ROOT.parent / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)(?:/|\.py)` \| .* \| (.*) \|$", text, re.MULTILINE)
    told = {part: set() if users == "nothing" else set(users.split(", ")) for part, users in rows}
    assert told == {part: allowed for part, allowed in OURS.items() if part not in ("", "__main__")}


def test_relative_imports_of_a_package_start_at_itself():
    for source, n_problems in (("from .net import Net", 0), ("from ..pycaffe import io", 1)):
        assert len(violations(imports_of(source, "runtime", is_package=True), "runtime")) == n_problems


def test_no_two_test_files_share_a_name():
    # pytest imports them by their bare names, where no __init__.py lies beside them.
    names = Counter(path.name for path in Path(__file__).resolve().parents[1].rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
