"""docs/extending.md: what it shows is put in place and taken away again, and names few files, which exist.

That its examples do what is written below them is held by `test_docs.py`, as for every page.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest
from test_docs import run_docs

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
EXTENSIONS = ["\n".join(block.lines) for block in run_docs.blocks(PAGE) if block.language == "python"]
EXTENSIONS = [source for source in EXTENSIONS if run_docs.extensions.is_extension(source)]
SECTIONS = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)


def test_every_section_is_in_the_table_and_touches_three_files_at_most():
    rows = re.findall(r"^\| \[(.*)\]\(#.*\) \| (.*) \| `(.*)` \|$", PAGE, re.MULTILINE)
    assert [what.capitalize() for what, *_ in rows] == SECTIONS
    for what, files, tests in rows:
        assert "<name>" in tests or (ROOT / "tests" / "unit" / tests).is_file(), tests
        paths = re.findall(r"`([\w/<>]+\.py)`", files)
        assert 1 <= len(paths) <= 3, what
        for path in paths:
            assert "<name>" in path or (ROOT / "cnnvis_caffe" / path).is_file(), path


def test_the_layer_says_whose_it_is_as_every_layer_does():
    (layer,) = [source for source in EXTENSIONS if "runtime/layers/" in source and "new file" in source]
    assert "    fork = " in layer and "    Follows " in layer


def test_every_section_has_an_example():
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        assert any(source in section for source in EXTENSIONS), title
        assert len(re.findall(r"^```(?:console|text)$", section, re.MULTILINE)) >= 1, f"{title} shows no result"


@pytest.mark.parametrize("source", EXTENSIONS, ids=[source.partition("\n")[0].strip("# :") for source in EXTENSIONS])
def test_a_file_that_an_example_adds_is_new_and_a_table_is_there(source):
    new, table, fields, line = (form.match(source) for form in run_docs.extensions.FORMS)
    path, *names = (new or table or fields or line).groups()
    assert (ROOT / f"{path}.py").exists() == (new is None)
    if not new:
        text = (ROOT / f"{path}.py").read_text("utf-8")
        wanted = rf"^{names[0]}\b.* = [{{(]" if table else rf"^class {names[0]}\b" if fields else re.escape(names[0])
        assert len(re.findall(wanted, text, re.MULTILINE)) == 1


def test_an_extension_is_gone_afterwards():
    from cnnvis_caffe.findings.thresholds import DEFAULT

    find = importlib.import_module("cnnvis_caffe.findings.find")
    before, names = find.RULES, set(vars(find))
    new, row = "# new file: cnnvis_caffe/findings/none.py\ndef none(look):\n    return iter(())\n", "none,"
    row = f"# cnnvis_caffe/findings/find.py, in RULES:\nfrom cnnvis_caffe.findings.none import none\n    {row}"
    with run_docs.extensions.in_place(new), run_docs.extensions.in_place(row):
        assert find.RULES[:-1] == before and list(find.RULES[-1](DEFAULT)) == []
    assert find.RULES is before and set(vars(find)) == names
    assert "cnnvis_caffe.findings.none" not in sys.modules


def test_a_changed_module_is_as_before_afterwards():
    from cnnvis_caffe.analysis import analyze, request

    before = {module: dict(vars(module)) for module in (analyze, request)}
    head = "# cnnvis_caffe/analysis/request.py, in class "
    kind, row = f"{head}AnalysisOptions:\n    title: str\n", f"{head}Request:\n    title: str = option('', 'title')\n"
    with run_docs.extensions.in_place(kind), run_docs.extensions.in_place(row):
        made = analyze.make_request("a.prototxt", None, "digits:test", "", {"title": "My digits"})
        assert (made.title, analyze.OPTIONS["title"].flag) == ("My digits", "--title")
    assert {module: dict(vars(module)) for module in (analyze, request)} == before
    assert "title" not in analyze.OPTIONS


def test_an_example_cannot_stand_for_a_file_that_is_there():
    extension = run_docs.extensions.in_place("# new file: cnnvis_caffe/findings/dead.py\n")
    with pytest.raises(ValueError, match="dead is there already"):
        extension.__enter__()
