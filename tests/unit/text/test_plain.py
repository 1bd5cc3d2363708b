"""Names from files do nothing where they are shown."""

from __future__ import annotations

import ast
import csv
import io
import logging
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cnnvis_caffe.cli.plain_formatter import PlainFormatter
from cnnvis_caffe.render.html import scene_html
from cnnvis_caffe.render.svg import scene_svg
from cnnvis_caffe.scene.shapes import Rectangle, Scene, Style, Target, Text
from cnnvis_caffe.text.plain import csv_cell, visible
from cnnvis_caffe.text.table_files import as_csv

PACKAGE = Path(__file__).resolve().parents[3] / "cnnvis_caffe"
#: What a terminal, an XML reader or a reader's eye would follow.
ACTING = {
    "\x1b[2J": r"\x1b[2J",
    "\x1b]0;title\x07": r"\x1b]0;title\x07",
    "a\nb\rc\td": r"a\nb\rc\td",
    "\x00\x08\x0b\x0c\x7f": r"\x00\x08\x0b\x0c\x7f",
    "\x9b31m\x85": r"\x9b31m\x85",
    "abc\u202etxt.exe": r"abc\u202etxt.exe",
    "\u2066x\u2069\u200e\u200f\u061c": r"\u2066x\u2069\u200e\u200f\u061c",
    "\u2028\u2029\ufeff\u200b\xad": r"\u2028\u2029\ufeff\u200b\xad",
    "\udc80\ufffe\uffff\U0001ffff": r"\udc80\ufffe\uffff\U0001ffff",
    "\U000e0041": r"\U000e0041",
}
PLAIN = ["conv1/relu_7x7", "été", "Größe 3×3", "日本　語", "می‌خواهم", "👩‍🚀", "a b", "\\x1b", "", "�"]


@pytest.mark.parametrize(("text", "expected"), ACTING.items())
def test_what_acts_is_written_out(text, expected):
    assert visible(text) == expected
    assert visible(visible(text)) == expected


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_seen_stays(text):
    assert visible(text) == text


def test_line_feeds_and_tabs_stay_where_they_are_layout():
    assert visible("a\n\tb\x1b\r", has_lines=True) == "a\n\tb\\x1b\\r"


FORMULAS = ["=1+1", "=cmd|' /C calc'!A0", "+1+2", "-1+2", "@SUM(A1)", "＝1", "-", "+", "-1e", "-x"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text):
    assert csv_cell(text) == f"'{text}"


def test_cells_that_begin_with_a_control_are_none_either():
    assert csv_cell("\t=1") == r"\t=1"
    assert csv_cell("\r=1") == r"\r=1"


@pytest.mark.parametrize("text", ["-1", "+2.5", "-.5", "-3e-7", "a=b", "conv1", "", "1", "a-b"])
def test_other_cells_stay(text):
    assert csv_cell(text) == text


def test_a_table_of_evil_names(tmp_path):
    import numpy as np

    name = "=HYPERLINK(\"http://x\",\"y\")"
    rows = list(csv.reader(io.StringIO(as_csv([(name, ["neuron", "@a\nb"], np.array([[0, -1.5]]))]).decode())))
    assert rows == [["layer", "neuron", "'@a\\nb"], ["'" + name, "0", "-1.5"]]


@pytest.mark.parametrize("name", [*ACTING, "<script>alert(1)</script>", "]]>", "\" onload=\"x"])
def test_pictures_and_pages_can_be_read(name):
    shapes = (
        Text(name, 1, 2, name, 12, "#000000"),
        Rectangle(name, 0, 0, 4, 3, Style(fill="#ffffff"), target=Target("column", name)),
    )
    scene = Scene(30, 20, "#ffffff", shapes, title=name, description=name, notes=(name,))
    svg = scene_svg(scene, embed_font=False)
    svg.encode("utf-8")
    tree = ElementTree.fromstring(svg.encode("utf-8"))
    texts = [element.text for element in tree.iter() if element.tag.endswith("}text")]
    assert texts == [visible(name)]
    page = scene_html(scene)
    assert "<script>alert" not in page
    assert visible(page, has_lines=True) == page


def test_a_line_of_the_log_stays_one():
    formatter = PlainFormatter("%(levelname)s: %(message)s")

    def line(message, *values):
        return formatter.format(logging.LogRecord("n", logging.WARNING, "p", 1, message, values, None))

    assert line("layer %r is left out", "a\nERROR: b") == r"WARNING: layer 'a\\nERROR: b' is left out"
    assert line("Creating Layer %s", "a\nERROR: \x1b[2J") == r"WARNING: Creating Layer a\nERROR: \x1b[2J"
    assert line("from parameters: \n%s", "a: 1\nb: 2\x1b") == "WARNING: from parameters: \na: 1\nb: 2\\x1b"
    assert line("%d of %g", 3, 0.5) == "WARNING: 3 of 0.5"


def test_commands_write_by_one_function():
    wrong = []
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("echo", "secho") and path.name != "say.py":
                wrong.append(f"{path.name}:{node.lineno}")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                wrong.append(f"{path.name}:{node.lineno}")
    assert not wrong
