"""What messages and pages tell people to type can be typed: commands, options, extras, targets of make, scripts.

Commands are parsed as they would be, with their options and arguments, but not run: what they need is the user's. Those
on pages that need nothing of the kind are run by `test_docs.py`.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import click
import pytest
from helpers.each import check_each

from cnnvis_caffe.cli.main import COMMANDS, group

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*sorted((ROOT / "cnnvis_caffe").rglob("*.py")), *sorted((ROOT / "case_studies").rglob("*.py"))]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "prototxt/README.md", "docker/README.md")),
    # Adding something runs its commands after its examples have added them (test_docs).
    *sorted(set(ROOT.glob("docs/**/*.md")) - {ROOT / "docs" / "extending.md"}),
    *sorted(ROOT.glob("case_studies/**/*.md")),
]
#: Ends a command in a sentence.
END = re.compile(r"[;)`\n|]|, |(?<!\.)\. |: | then | && |$")


def messages(path: Path, word: str) -> list[str]:
    """All texts of a module but its docstrings, if a word is in it at all; what is put in for {...} is WORD."""
    return all_messages(path) if word in source(path) else []


@functools.cache
def source(path: Path) -> str:
    return path.read_text("utf-8")


@functools.cache
def all_messages(path: Path) -> list[str]:
    found, left_out = [], set()
    for node in ast.walk(ast.parse(source(path))):  # from outside to inside
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            if node.body and isinstance(node.body[0], ast.Expr):
                left_out.add(id(node.body[0].value))
        elif isinstance(node, ast.JoinedStr):
            left_out.update(map(id, node.values))
            found.append("".join(v.value if isinstance(v, ast.Constant) else "WORD" for v in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            found.append(node.value)
    return found


def commands_in(text: str) -> list[str]:
    """Commands of ours in a text, each to its end."""
    text = text.replace("\\\n", " ")
    found = []
    for match in re.finditer(r"(?<![\w./-])cnnvis-caffe (?=[a-z])", text):
        rest = text[match.end() :]
        found.append(rest[: END.search(rest).start()].strip())
    return found


@functools.cache
def advised() -> list[tuple[str, str]]:
    """Each module and command of a message."""
    return sorted(
        {
            (path.relative_to(ROOT).as_posix(), command)
            for path in SOURCES
            for text in messages(path, "cnnvis-caffe")
            for command in commands_in(text)
        }
    )


def code_on(page: Path) -> list[str]:
    """What stands as code on a page, and so is meant to be typed: fenced blocks and words in a line."""
    return re.findall(r"(?s)```.*?```|`[^`\n]+`", page.read_text("utf-8"))


@functools.cache
def printed() -> list[tuple[str, str, bool]]:
    """Each page and command on it, and whether it stands in a block."""
    return sorted(
        {
            (path.relative_to(ROOT).as_posix(), command, code.startswith("```"))
            for path in PAGES
            for code in code_on(path)
            for line in code.strip("`").split("\n")
            for command in commands_in(line.split("  #")[0].lstrip("$ "))
            if not line.startswith(("Usage:", "  "))
        }
    )


@pytest.fixture(autouse=True)
def any_file(monkeypatch):
    """The files that are named are the user's."""
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)


def parse(command: str) -> None:
    """Parse a command as it would be when it is typed; a bare name of a command must exist."""
    words = [word for word in shlex.split(command) if word not in ("[OPTIONS]",)]
    context = click.Context(group, info_name="cnnvis-caffe")
    found: click.Command = group
    while words and isinstance(found, click.Group):
        below = found.get_command(context, words[0])
        assert below is not None, f"there is no command {words[0]!r}"
        found, words = below, words[1:]
    if words and not isinstance(found, click.Group):
        with contextlib.suppress(click.exceptions.Exit):  # of options that print something and stop
            found.make_context(found.name, words, parent=context).close()


def test_every_command_in_a_message():
    def check(case):
        # What a message cannot know is a number where a number is asked for.
        parse(case[1].replace("WORD", "1"))

    check_each(check, advised())


def test_every_command_on_a_page():
    def check(case):
        _, command, is_whole = case
        # In a sentence, `inspect --json` names an option of a command.
        with contextlib.nullcontext() if is_whole else contextlib.suppress(click.MissingParameter):
            parse(command)

    check_each(check, printed())


def test_something_was_found():
    assert {"deploy", "analyze", "inspect", "merge", "view", "data"} <= {command.split()[0] for _, command in advised()}
    assert {command.split()[0] for _, command, _ in printed()} >= set(COMMANDS) - {"merge"}
    assert commands_in("do it with: cnnvis-caffe merge a b --out c; or not") == ["merge a b --out c"]
    with pytest.raises(click.UsageError):
        parse("inspect MODEL WEIGHTS")
    with pytest.raises(AssertionError):
        parse("inspekt MODEL")


def options(command: click.Command) -> set[str]:
    """Every option of a command and of those below it."""
    found = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found |= options(command.get_command(context, name))
    return found | {"--help"}


def test_every_option_in_a_message_exists():
    known = options(group) | {"--python2", "--nthreads"}  # of python -m cnnvis_caffe.pycaffe; of dask worker
    found = {}
    for path in sorted((ROOT / "cnnvis_caffe").rglob("*.py")):
        for text in messages(path, "--"):
            if " " in text:  # a sentence
                found.update({name: (path.name, text) for name in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text)})
    assert {name: found[name] for name in set(found) - known} == {}


def extras() -> set[str]:
    """The extras of setup.py."""
    tree = ast.parse((ROOT / "setup.py").read_text("utf-8"))
    (found,) = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "extras_require"]
    return {key.value for key in found.keys}


def test_every_pip_install_names_a_checkout_and_extras_that_exist():
    texts = [(path.name, text) for path in SOURCES for text in messages(path, "pip install")]
    texts += [(path.name, path.read_text("utf-8")) for path in PAGES]
    found = [(name, what) for name, text in texts for what in re.findall(r"pip install ([^\n`|;]+)", text)]
    assert len(found) > 5
    for name, what in found:
        assert "cnnvis-caffe[" not in what, f"{name}: the package is on no index: pip install {what}"
        for inside in re.findall(r'"\.\[([^]"]+)\]"', what):
            missing = set(inside.split(",")) - extras() - {"WORD"}
            assert not missing, f"{name}: pip install {what}"
    for path in SOURCES:
        for extra in re.findall(r'MissingDependencyError\(\s*(?:"[^"]+"|[^,]+), "(\w+)"', source(path)):
            assert extra in extras(), path


def test_every_target_of_make_exists():
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8")))
    code = [text for path in PAGES for text in code_on(path)]
    named = {name for text in code for name in re.findall(r"(?m)^(?:`|\$ )?make ([a-z-]+)", text)}
    assert named - targets == set()
    assert {"demo", "test"} <= named


def test_every_script_that_is_named_exists(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    texts = [text for path in SOURCES for text in messages(path, "python")]
    texts += [path.read_text("utf-8") for path in PAGES]
    for text in texts:
        for module in re.findall(r"python3? -m ((?:cnnvis_caffe|case_studies)[\w.]*\w)", text):
            assert importlib.util.find_spec(module) is not None, module
        for script in re.findall(r"python3? ((?:tools|benchmarks|examples)/[\w/]+\.py)", text):
            assert (ROOT / script).is_file(), script
