"""No two classes of the package share a name, but for those whose names are Caffe's or the api's."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "cnnvis_caffe"

#: What pycaffe calls so is another class than the one behind it: Caffe has two of each, too.
OF_CAFFE = {"Blob", "Net", "Solver"}
#: The api's names stay as they are.
OF_API = {"Table"}


def test_no_two_classes_share_a_name():
    places = defaultdict(list)
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path.relative_to(ROOT).as_posix())
    shared = {name: found for name, found in places.items() if len(found) > 1 and name not in OF_CAFFE | OF_API}
    solvers = {name for name, found in shared.items() if found[0] == "pycaffe/solver.py"}
    assert len(places) > 300
    assert not {name: found for name, found in shared.items() if name not in solvers}
