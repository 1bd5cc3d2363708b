"""README and docs: commands do what is written below them, links lead somewhere, generated pages are current."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnnvis_caffe import api
from cnnvis_caffe.store import schema

ROOT = Path(__file__).resolve().parents[2]


def tool(name):
    """A script of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


run_docs = tool("run_docs")
DOCUMENTS = [path.relative_to(ROOT).as_posix() for path in run_docs.documents()]
GENERATED = ("docs/api.md", "docs/commands.md", "docs/modules.md")
LINKED = [*DOCUMENTS, *run_docs.NOT_OURS, "CONTRIBUTING.md", "CHANGELOG.md", "prototxt/README.md", "docker/README.md"]


@pytest.fixture(autouse=True)
def no_foreign_caffe():
    """Examples call install_as_caffe()."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "caffe":
            del sys.modules[name]


def with_blocks(slow):
    for name in DOCUMENTS:
        found = run_docs.blocks((ROOT / name).read_text("utf-8"))
        if any(run_docs.is_run(block, slow=slow) for block in found if not slow or "slow" in block.options):
            yield name


@pytest.mark.parametrize("name", list(with_blocks(slow=False)))
def test_commands_do_what_is_written(name, demo_folder, tmp_path):
    pytest.importorskip("cv2")
    place = run_docs.make_place(tmp_path / "you", demo_folder)
    found = run_docs.problems(ROOT / name, place)
    assert not found, "\n\n".join([*found, "where this is right: make docs"])


@pytest.mark.slow  # trains networks
@pytest.mark.parametrize("name", list(with_blocks(slow=True)))
def test_slow_commands_do_what_is_written(name, demo_folder, tmp_path):
    place = run_docs.make_place(tmp_path / "you", demo_folder)
    found = run_docs.problems(ROOT / name, place, slow=True)
    assert not found, "\n\n".join(found)


def test_every_block_says_what_it_is():
    for name in [name for name in DOCUMENTS if name not in GENERATED]:
        text = (ROOT / name).read_text("utf-8")
        for block in run_docs.blocks(text):
            assert block.language in (*run_docs.RUN, *run_docs.SHOWN), f"{name}, {block.where}"
            if block.language == "console":
                assert block.lines[0].startswith("$ "), f"{name}, {block.where}"
        comments = re.findall(r"<!-- test:.*", text)
        assert len(comments) == sum(bool(block.options) for block in run_docs.blocks(text)), name


def test_what_is_left_out_is_little():
    """A command that nobody runs goes stale; the reasons of the few that are left out are in the documents."""
    found = [
        block for name in DOCUMENTS for block in run_docs.blocks((ROOT / name).read_text("utf-8"))
        if block.language in run_docs.RUN and "skip" in block.options
    ]  # fmt: skip
    assert len(found) <= 12
    assert all(len(block.options["skip"]) > 8 for block in found)


@pytest.mark.parametrize(
    ("written", "printed", "same"),
    [
        ("loss 0.12", "loss  3e-07", True),
        ("loss 0.12", "cost 0.12", False),
        ("conv1 3", "conv2 3", False),
        ("I1121 06:22:43.718178  5922 a.py:9] Use", "I0101 16:00:00.000001 1 a.py:12] Use", True),
        ("in 1 min 5 s", "in 7.5 s", True),
        ("a\n...\nz", "a\nb\nz\n", True),
        ("a\n...", "a\nb", True),
        ("...\nz", "a\nz", True),
        ("a\n...\nz", "a\nb", False),
        ("", "anything", False),
        ("at conv1: 3, 4; conv1: 5", "at conv1: 3; conv1: 9, 7; conv1: 1\n", True),
        ("[1, 2]", "(1, 2)", False),
    ],
)
def test_comparison(written, printed, same):
    assert run_docs.agrees(written.split("\n") if written else [], printed) is same


def test_a_command_that_fails_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ cnnvis-caffe inspect nothing.prototxt\n```\n\n```python\nprint(1)\n```\n\n```text\nno\n```\n"
    )
    found = run_docs.problems(page, run_docs.Place(tmp_path, tmp_path))
    assert len(found) == 2
    assert "exit code 1" in found[0]


# -- links -----------------------------------------------------------------------------------------------------------


def anchor(heading):
    """What GitHub makes of a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def anchors(path):
    """All anchors of a page; the second of a name is name-1."""
    found: dict[str, int] = {}
    result = set()
    outside = re.sub(r"(?ms)^```.*?^```$", "", path.read_text("utf-8"))
    for heading in re.findall(r"(?m)^#+ (.+)$", outside):
        name = anchor(heading)
        result.add(name if name not in found else f"{name}-{found[name]}")
        found[name] = found.get(name, 0) + 1
    return result


@pytest.mark.parametrize("name", LINKED)
def test_links_lead_somewhere(name):
    path = ROOT / name
    text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        file, _, fragment = target.partition("#")
        to = (path.parent / file).resolve() if file else path
        assert to.exists(), f"{name}: {target}"
        assert to.is_relative_to(ROOT), f"{name}: {target}"
        if fragment:
            assert fragment in anchors(to), f"{name}: {target}"


def test_every_page_is_in_the_index():
    index = (ROOT / "docs/README.md").read_text("utf-8")
    for path in (ROOT / "docs").rglob("*"):
        if path.suffix in (".md", ".ipynb") and path.name != "README.md" and "gallery" not in path.parts:
            assert f"({path.relative_to(ROOT / 'docs').as_posix()})" in index, path


def test_every_picture_is_shown():
    texts = "".join((ROOT / name).read_text("utf-8") for name in DOCUMENTS)
    for path in (ROOT / "docs/pictures").iterdir():
        assert f"pictures/{path.name}" in texts, path.name
        assert path.stat().st_size < 400_000, path.name
    draw_docs = tool("draw_docs")
    drawn = {f"{name}.png" for name in (*draw_docs.PICTURES, *draw_docs.ELEMENTS, *draw_docs.WINDOWS)}
    assert drawn == {path.name for path in (ROOT / "docs/pictures").iterdir()}


# -- pages that are written by programs ------------------------------------------------------------------------------


def test_the_reference_is_current():
    if tuple(map(int, importlib.metadata.version("click").split(".")[:2])) < (8, 2):
        pytest.skip("this click words its help differently")
    # In a process of its own: click keeps the help option that a command got when it was first asked on its own.
    words = [sys.executable, str(ROOT / "tools/write_api_reference.py"), "--check"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr


def test_the_reference_has_everything():
    text = (ROOT / "docs/api.md").read_text("utf-8")
    for name in api.__all__:
        assert re.search(rf"(?m)^## (class )?{name}$", text) or not callable(getattr(api, name)), name
    commands = (ROOT / "docs/commands.md").read_text("utf-8")
    from cnnvis_caffe.cli.main import COMMANDS

    for name in COMMANDS:
        assert f"\n## cnnvis-caffe {name}\n" in commands


def test_the_readme_s_figures_are_those_of_the_measurements():
    readme = (ROOT / "README.md").read_text("utf-8")
    table = re.search(r"(?s)\| AMD EPYC, two cores .*?\n\n", readme).group(0)
    measured = "".join((ROOT / name).read_text("utf-8") for name in run_docs.NOT_OURS)
    rows = [line.split("|")[2:4] for line in table.strip().split("\n")[2:]]
    assert len(rows) == 6
    for ours, caffe in rows:
        for figure in (ours.strip(), caffe.strip()):
            assert re.search(rf"\| {re.escape(figure)} (s )?\|", measured), f"{figure}: the measurements say otherwise"


def test_the_guide_tells_the_results_of_the_case_study_as_they_are():
    study = ROOT / "case_studies/network_architecture"
    results = (study / "RESULTS.md").read_text("utf-8")
    guide = (ROOT / "docs/guides/reproduce.md").read_text("utf-8")
    told = guide.partition("### What came out")[2].partition("To run it yourself")[0]
    figures = re.findall(r"\d[\d.]*(?=%)", told)
    assert len(figures) >= 10
    for figure in figures:
        assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.]*\d)", results), figure
    rows = re.findall(r"(?m)^\| (?:Deep)?LeNet \| \d \| ([\d.]+) \| ([\d.]+) .*\| ([\w ]+) \|$", results)
    assert len(rows) == 2
    for paper, ours, verdict in rows:
        assert re.search(rf"(?m)^\| .*{paper}% \| \*\*{verdict}\*\*: {ours}%", told), verdict
    assert "**contradicted**" in told.lower() and "**Contradicted**" in results
    minutes = re.search(r"Training took (\d+) minutes", results).group(1)
    for page in (guide, (study / "README.md").read_text("utf-8")):
        assert f"{minutes} minutes of one core" in page


def strings(tree):
    """All texts in a program; what is put in stands as {}."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_messages_that_the_page_for_trouble_explains_are_there():
    page = (ROOT / "docs/guides/trouble.md").read_text("utf-8")
    tables = re.findall(r"(?m)^\| (?:message|what you see) \|.*\n\|---.*\n((?:\|.*\n)+)", page)
    messages = re.findall(r"(?m)^\| `([^`]+)` \|", "".join(tables)) + [" on the GPU, where "]
    assert len(messages) >= 11 and all(message in page for message in messages)
    programs = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "cnnvis_caffe").rglob("*.py")]
    known = {text for program in programs for text in strings(program)}
    missing = [message for message in messages if not any(message in text for text in known)]
    assert not missing


@pytest.mark.skipif(int(importlib.metadata.version("protobuf").split(".")[0]) < 4, reason="this protobuf takes them")
def test_an_old_generated_file_fails_as_the_page_for_trouble_says():
    from google.protobuf import descriptor

    with pytest.raises(TypeError) as caught:  # what protoc before 3.19 wrote for each field
        descriptor.FieldDescriptor(
            name="name", full_name="caffe.NetParameter.name", index=0, number=1, type=9, cpp_type=9, label=1,
            has_default_value=False, default_value=b"", message_type=None, enum_type=None, containing_type=None,
            is_extension=False, extension_scope=None,
        )  # fmt: skip
    said = str(caught.value).split(".")[0]
    assert f"`TypeError: {said}`" in (ROOT / "docs/guides/trouble.md").read_text("utf-8")


# -- what the docs say of files --------------------------------------------------------------------------------------


def test_the_page_of_the_analysis_file_names_everything_in_one(demo_folder):
    h5py = pytest.importorskip("h5py")
    page = (ROOT / "docs/analysis_file.md").read_text("utf-8")
    seen = set()
    with h5py.File(demo_folder / "lenet_digits.cnnvis.h5") as file:

        def visit(name, item):
            seen.update(item.attrs)
            # Names of snapshots, layers, connections and curves are the network's own.
            if not re.search(r"(^|/)(snapshots|layers|connections|curves)/[^/]+$", name):
                seen.add(name.split("/")[-1])

        file.visititems(visit)
        seen.update(file.attrs)
    assert {"similarity", "offsets", "schema_version", "relative_change"} <= seen
    missing = {name for name in seen if not re.search(rf"[`/]{re.escape(name)}[`,/]", page)}
    assert not missing
    assert f"| {schema.VERSION};" in page


def test_the_table_of_parts_is_that_of_the_import_rules():
    spec = importlib.util.spec_from_file_location("import_rules", ROOT / "tests/unit/test_import_rules.py")
    rules = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rules)
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| `(\w+)(?:/|\.py)` \| [^|]+ \| ([^|]+) \|$", page)
    written = {}
    for part, names in rows:
        written[part] = {"nothing": set(), "everything": None}.get(names, set(names.split(", ")))
    assert written == {part: names for part, names in rules.OURS.items() if part not in ("", "__main__")}


# -- the notebook ----------------------------------------------------------------------------------------------------


def notebook():
    return json.loads((ROOT / "docs/notebook.ipynb").read_text("utf-8"))


def test_the_notebook_is_that_of_the_example():
    cells = tool("write_notebook").cells((ROOT / "examples/notebook.py").read_text("utf-8"))
    kinds = {"md": "markdown", "py": "code"}
    written = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook()["cells"]]
    assert written == [(kinds[kind], text) for kind, text in cells], "run: python tools/write_notebook.py"


def test_the_notebook_was_run():
    book = notebook()
    assert book["nbformat"] == 4
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5
    shown = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in shown if output["output_type"] in ("error", "stream")]
    kinds = {kind for output in shown for kind in output["data"]}
    assert {"image/svg+xml", "text/html", "text/plain"} <= kinds
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert str(ROOT) not in json.dumps(book)
    assert (ROOT / "docs/notebook.ipynb").stat().st_size < 600_000


def test_the_notebook_s_cells_run(demo_folder, tmp_path):
    pytest.importorskip("cv2")
    place = run_docs.make_place(tmp_path / "you", demo_folder)
    for cell in notebook()["cells"]:
        if cell["cell_type"] == "code":
            code, printed = place.run_python("".join(cell["source"]))
            assert code == 0, printed


# -- make ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_demo_runs_the_demo():
    done = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert "cnnvis-caffe demo" in done.stdout


@pytest.mark.slow  # installs everything
@pytest.mark.network
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_demo_from_nothing(tmp_path):
    leave = shutil.ignore_patterns(".*", "build", "tests", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, tmp_path / "new", ignore=leave)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        ["make", "demo", "DEMO_ARGS=--out picture.png"], cwd=tmp_path / "new", env=environment, capture_output=True,
        text=True, timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new/picture.png").stat().st_size > 100_000
    assert "of unseen digits are right" in done.stdout
