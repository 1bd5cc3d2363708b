"""Write docs/api.md, docs/commands.md and docs/modules.md from docstrings and the commands' help.

python tools/write_api_reference.py            # write
python tools/write_api_reference.py --check    # exit 1 if they are not current
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NOTE = "Written by `python tools/write_api_reference.py` from the {}; do not edit."
SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Notes")
WIDTH = 100


def records() -> list[tuple[str, object]]:
    """The records that can be reached from what the API returns."""
    from cnnvis_caffe.network.deploy import Deployed
    from cnnvis_caffe.records import analysis, finding
    from cnnvis_caffe.records.view import View

    of_analysis = ("Node", "DataSummary", "Snapshot", "LayerFeatures", "Connections", "LayerDebug", "Curve")
    found = [(name, getattr(analysis, name)) for name in of_analysis]
    found += [(name, getattr(finding, name)) for name in ("Place", "Evidence")]
    return [*found, ("View", View), ("Deployed", Deployed)]


def api() -> str:
    """The reference of `cnnvis_caffe.api`."""
    from cnnvis_caffe import api as module

    functions, classes = [], []
    for name in module.__all__:
        thing = getattr(module, name)
        (classes if inspect.isclass(thing) else functions if callable(thing) else []).append((name, thing))
    classes += records()
    lines = ["# Python reference: `cnnvis_caffe.api`", "", NOTE.format("docstrings"), "", *prose(module.__doc__), ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| [`{name}`](#{name.lower()}) | {summary(thing)} |" for name, thing in functions]
    lines += [f"| [`{name}`](#class-{name.lower()}) | {summary(thing)} |" for name, thing in classes]
    for name, thing in functions:
        lines += ["", f"## {name}", "", *entry(name, thing)]
    for name, thing in classes:
        lines += ["", f"## class {name}", "", *docstring(thing)]
        for other, method in vars(thing).items():
            if inspect.isfunction(method) and not other.startswith("_"):
                lines += ["", f"### {name}.{other}", "", *entry(other, method)]
    return "\n".join(lines) + "\n"


def entry(name: str, function: object) -> list[str]:
    """Signature and docstring of a function."""
    return ["```text", *signature(name, function), "```", "", *docstring(function)]


def signature(name: str, function: object) -> list[str]:
    """How it is called; the parameters each on a line where one line would be too long."""
    found = inspect.signature(function)  # type: ignore[arg-type]
    parameters = [
        p.replace(
            annotation=Plain(p.annotation),
            default=Plain("SILENT") if "_Silent" in repr(p.default) else p.default,
        )
        for p in found.parameters.values()
        if p.name != "self"
    ]
    text = f"{name}{found.replace(parameters=parameters, return_annotation=Plain(found.return_annotation))}"
    if len(text) <= WIDTH:
        return [text]
    inner, _, result = text[len(name) + 1 :].rpartition(") -> ")
    words = re.split(r", (?![^\[(]*[\])])", inner)
    return [f"{name}(", *(f"    {word}," for word in words), f") -> {result}"]


class Plain:
    """Shows itself without quotes."""

    def __init__(self, text: object) -> None:
        self.text = text

    def __repr__(self) -> str:
        return str(self.text)


def summary(thing: object) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def prose(text: str | None) -> list[str]:
    """Paragraphs, with single backquotes for numpydoc's double ones."""
    return inspect.cleandoc(text or "").replace("``", "`").split("\n")


def docstring(thing: object) -> list[str]:
    """A numpydoc docstring as Markdown."""
    lines = prose(inspect.getdoc(thing))
    found: list[str] = []
    section = ""
    number = 0
    while number < len(lines):
        line = lines[number]
        if line in SECTIONS and number + 1 < len(lines) and set(lines[number + 1]) == {"-"}:
            section = line
            found += [f"**{line}**", ""]
            number += 2
            continue
        if section and section != "Notes" and line and not line.startswith(" "):
            term, colon, kind = line.partition(" : ")
            term = term if section == "Raises" or section in ("Returns", "Yields") else f"`{term}`"
            found.append(f"- {term}" + (f" : {kind}" if colon else ""))
        elif section and section != "Notes" and line:
            found.append(f"  {line.strip()}")
        else:
            found.append(line)
        number += 1
    return found


def commands() -> str:
    """The help of every command."""
    import click

    from cnnvis_caffe.cli.main import COMMANDS, group

    lines = ["# Commands", "", NOTE.format("commands' help"), ""]
    top = click.Context(group, info_name="cnnvis-caffe", terminal_width=WIDTH, **group.context_settings)
    for context in walk(top):
        lines += [f"## {context.command_path}", "", "```text", context.get_help(), "```", ""]
    assert len(lines) > len(COMMANDS)
    return "\n".join(line.rstrip() for line in "\n".join(lines).split("\n"))


def walk(context: click.Context) -> Iterator[click.Context]:
    """The context of a command, and of those below it."""
    import click

    yield context
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(click.Context(below, parent=context, info_name=name, terminal_width=WIDTH))


def modules() -> str:
    """Every module with its first sentence, folder by folder."""
    package = ROOT / "cnnvis_caffe"
    lines = ["# Modules", "", NOTE.format("modules' first lines"), ""]
    lines += ["[architecture.md](architecture.md) says how they belong together."]
    for folder in sorted({path.parent for path in package.rglob("*.py")}):
        about = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
        name = folder.relative_to(ROOT).as_posix()
        lines += ["", f"## {name}", "", *([about.split("\n\n")[0].replace("\n", " "), ""] if about else [])]
        rows = []
        for path in sorted(folder.glob("*.py")):
            if path.name != "__init__.py":
                text = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n\n")[0]
                rows.append(f"| [`{path.name}`](../{path.relative_to(ROOT).as_posix()}) | {text} |".replace("\n", " "))
        if rows:
            lines += ["| | |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


PAGES = {"api.md": api, "commands.md": commands, "modules.md": modules}


def stale() -> list[str]:
    """Names of the pages that are not current."""
    return [name for name, make in PAGES.items() if (DOCS / name).read_text("utf-8") != make()]


def main() -> None:
    if "--check" in sys.argv[1:]:
        sys.exit(f"run python tools/write_api_reference.py: {', '.join(stale())} changed" if stale() else 0)
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), "utf-8")


if __name__ == "__main__":
    main()
