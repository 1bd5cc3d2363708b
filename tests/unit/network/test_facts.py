"""The table of layer types: a row for each, and no other list of types in the package."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.facts.layer_facts import LayerFacts
from cnnvis_caffe.network.facts.table import FACTS, facts_of
from cnnvis_caffe.runtime.layers import FORK_MODULES, LAYER_MODULES, fork_type_list, layer_type_list

PACKAGE = Path(__file__).resolve().parents[3] / "cnnvis_caffe"
TYPES = {*FACTS, *layer_type_list(), *fork_type_list()}
QUOTED_TYPE = re.compile(f"[\"']({'|'.join(sorted(TYPES))})[\"']")
#: Files and folders that may list layer types, and why.
MAY_LIST = {
    "network/facts": "the table",
    "runtime/layers": "each type's own code, and where it is",
    "runtime/setup_log.py": "which of Caffe's layers log two lines",
    "pycaffe": "what pycaffe's own modules list, type by type",
    "formats/upgrade": "names of Caffe's old generations",
    "formats/fork_binary.py": "names of settings in the binary files of forks",
    "formats/fork_choice.py": "types that two forks have, each its own",
    "formats/writing_layers.py": "the two types whose settings name a file that is written",
}


def lists_of_types(source: str) -> Iterator[tuple[int, list[str]]]:
    """Lines where a tuple, list, set or dictionary names two or more layer types, and these."""
    if len(set(QUOTED_TYPE.findall(source))) < 2:  # most files: no need to parse them
        return
    for node in ast.walk(ast.parse(source)):
        for items in (node.keys, node.values) if isinstance(node, ast.Dict) else (getattr(node, "elts", []),):
            named = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            found = [name for name in named if name in TYPES]
            if len(found) > 1 and 2 * len(found) > len(named):
                yield node.lineno, found


def test_every_layer_type_has_a_row():
    assert {*layer_type_list(), *fork_type_list()} <= set(FACTS)


def test_rows_of_other_types_are_data_and_losses_of_forks():
    others = set(FACTS) - {*layer_type_list(), *fork_type_list()}
    rows = [FACTS[name] for name in others]
    assert all(row.labels in ("boxes", "masks") or row.task or row.handles_boxes for row in rows)


def test_losses_are_those_of_the_runtime():
    for name, module in {**LAYER_MODULES, **FORK_MODULES}.items():
        runtime = getattr(importlib.import_module(f"cnnvis_caffe.runtime.layers.{module}"), name)
        assert FACTS[name].is_loss == runtime.is_loss, name


def test_settings_that_a_row_names_exist():
    for name, facts in FACTS.items():
        layer = schema.LayerParameter(name="x", type=name)
        assert isinstance(facts.describe(layer), str), name
        if facts.source_settings:
            assert hasattr(getattr(layer, facts.source_settings), "source"), name


@pytest.mark.parametrize(("name", "is_loss"), [("Wavelet", False), ("WaveletLoss", True)])
def test_a_type_that_nobody_knows_gets_the_cautious_defaults(name, is_loss):
    facts = facts_of(name)
    assert name not in FACTS
    assert (facts.is_loss, facts.role, facts.is_analysed, facts.is_deployed) == (is_loss, "other", True, True)
    assert facts.describe(schema.LayerParameter(type=name)) == ""
    assert facts.source == facts.second_bottom == facts.answer == ""
    (seen,) = facts.receptive_field(None, [(2, 3, 9, 8)], [(2, 5)])
    assert (seen.channels.kind, seen.axes, seen.is_known) == ("all", (None, None), False)


def test_a_row_is_all_that_a_new_type_needs_here(monkeypatch):
    text = """
        layer { name: "in" type: "Input" top: "in" input_param { shape { dim: 2 dim: 3 dim: 9 dim: 8 } } }
        layer { name: "new" type: "Wavelet" bottom: "in" top: "new" }
    """
    shapes = {"new": (2, 3, 9, 8)}
    before = build_dag(network_from_text(text), input_shapes=shapes).layers[1]
    monkeypatch.setitem(FACTS, "Wavelet", LayerFacts(FACTS["ReLU"].receptive_field, lambda layer: ["a", "", "b"]))
    after = build_dag(network_from_text(text), input_shapes=shapes).layers[1]
    assert (before.settings, before.fields[0].is_known) == ("", False)
    assert (after.settings, after.fields[0].is_known) == ("a b", True)


def test_nobody_else_lists_layer_types():
    found, used = [], set()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        rule = next((part for part in MAY_LIST if name == part or name.startswith(f"{part}/")), None)
        for line, types in lists_of_types(path.read_text("utf-8")):
            if rule is None:
                found.append(f"{name}:{line}: {', '.join(types)}: give the rows in network/facts/table.py a column")
            used.add(rule)
    assert not found, "\n" + "\n".join(found)
    assert used == set(MAY_LIST)


@pytest.mark.parametrize(
    ("source", "n_found"),
    [
        ("X = ('ReLU', 'PReLU')", 1),
        ("if kind in {'ReLU', 'Data'}: pass", 1),
        ("X = {'Convolution': 1, 'Pooling': 2}", 1),
        ("X = [('ReLU', 1), ('PReLU', 2)]", 0),
        ("if kind == 'ReLU': pass", 0),
        ("X = ('Data', 'images', 'labels')", 0),
    ],
)
def test_a_list_of_types_is_found(source, n_found):
    assert len(list(lists_of_types(source))) == n_found
