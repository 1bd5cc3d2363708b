"""Docstrings name the parameters that exist, in their order; a module's begins with what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "cnnvis_caffe"

# What people import: here every parameter must be documented.
COMPLETE = {"api/functions.py", "api/shown.py"}


def section_names(docstring: str, title: str) -> list[str] | None:
    """The names in a section of a numpydoc docstring; None without such a section."""
    lines = docstring.expandtabs().splitlines()
    for number, line in enumerate(lines[:-1]):
        if line.strip() == title and set(lines[number + 1].strip()) == {"-"}:
            break
    else:
        return None
    indent = len(line) - len(line.lstrip())
    body = lines[number + 2 :]
    names: list[str] = []
    for offset, entry in enumerate(body):
        if offset + 1 < len(body) and body[offset + 1].strip() and set(body[offset + 1].strip()) == {"-"}:
            break  # the next section's title
        if entry.strip() and len(entry) - len(entry.lstrip()) == indent:
            # Not ": " alone: a default may hold a colon, a name cannot.
            names += [name.strip().lstrip("*") for name in entry.split(" : ")[0].split(",")]
    return names


def parameter_names(function: ast.FunctionDef, *, bound: bool) -> list[str]:
    """The names in a signature, without self or cls and without private ones."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    named = [
        *positional[bound:],
        *([arguments.vararg] if arguments.vararg else []),
        *arguments.kwonlyargs,
        *([arguments.kwarg] if arguments.kwarg else []),
    ]
    return [argument.arg for argument in named if not argument.arg.startswith("_")]


def decorators(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    """The last part of the name of every decorator."""
    called = [item.func if isinstance(item, ast.Call) else item for item in node.decorator_list]
    return {item.attr if isinstance(item, ast.Attribute) else getattr(item, "id", "") for item in called}


def function_problems(function: ast.FunctionDef, where: str, *, bound: bool, complete: bool) -> Iterator[str]:
    """What is wrong with the parameters of a public function's docstring."""
    docstring = ast.get_docstring(function)
    wanted = parameter_names(function, bound=bound)
    documented = section_names(docstring, "Parameters") if docstring else None
    if documented is None:
        if complete and wanted:
            yield f"{where}: documents none of {wanted}"
    elif documented != wanted:
        yield f"{where}: documents {documented}, takes {wanted}"


def class_problems(node: ast.ClassDef, where: str) -> Iterator[str]:
    """What is wrong with the parameters, or fields of a dataclass, in a public class's docstring."""
    docstring = ast.get_docstring(node) or ""
    documented = section_names(docstring, "Parameters")
    methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    if "dataclass" in decorators(node):
        fields = [item.target.id for item in node.body if isinstance(item, ast.AnnAssign)]
        fields = [name for name in fields if not name.startswith("_")]
        names = (documented or []) + (section_names(docstring, "Attributes") or [])
        if not names:
            return
        known = [name for name in names if name not in methods]
        if known != fields:
            yield f"{where}: documents the fields {known}, has {fields}"
    elif documented is not None and "__init__" in methods:
        wanted = parameter_names(methods["__init__"], bound=True)
        if documented != wanted:
            yield f"{where}: documents {documented}, takes {wanted}"


def problems(source: str, where: str, *, complete: bool = False) -> tuple[int, list[str]]:
    """How many public functions and classes a module has, and what is wrong with them."""
    found: list[str] = []
    count = 0
    for node in ast.parse(source).body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        count += 1
        name = f"{where}:{node.lineno} {node.name}"
        if isinstance(node, ast.FunctionDef):
            found += function_problems(node, name, bound=False, complete=complete)
            continue
        found += class_problems(node, name)
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                bound = "staticmethod" not in decorators(method)
                found += function_problems(method, f"{name}.{method.name}", bound=bound, complete=complete)
    return count, found


def test_documented_parameters_are_the_real_ones():
    total, found = 0, []
    for path in sorted(ROOT.rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        count, wrong = problems(path.read_text("utf-8"), where, complete=where in COMPLETE)
        total += count
        found += wrong
    assert total > 50
    assert not found, "\n" + "\n".join(found)


def test_a_module_says_what_it_does():
    questions = {"What", "How", "Which", "Where", "When", "Who", "Why"}
    docstrings = {path: ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "" for path in ROOT.rglob("*.py")}
    assert not [str(path) for path, said in docstrings.items() if said.partition(" ")[0] in questions]


GOOD = '''
def f(net, images, n=9, *, progress=None):
    """Find.

    Parameters
    ----------
    net, images : object
        Things.
    n : int, default=9
        Count : of patches.
    progress : Progress

    Returns
    -------
    int
    """
'''


def test_a_good_docstring_passes():
    assert problems(GOOD, "m", complete=True) == (1, [])


@pytest.mark.parametrize(
    "change",
    [
        ("n=9", "n_patches=9"),
        ("net, images", "images, net"),
        ("n=9, *,", "n=9, more=1, *,"),
        (", *, progress=None", ""),
    ],
)
def test_a_signature_that_moved_on_is_found(change):
    # The first occurrence is in the signature.
    assert len(problems(GOOD.replace(*change, 1), "m")[1]) == 1


def test_an_undocumented_parameter_is_found_where_all_must_be():
    source = 'def f(a):\n    """Do it."""\n'
    assert problems(source, "m")[1] == []
    assert len(problems(source, "m", complete=True)[1]) == 1


def test_fields_of_a_dataclass_are_compared():
    source = '''
@dataclass(frozen=True)
class Record:
    """A record.

    Attributes
    ----------
    shape : tuple of int
    count : int
        Property.
    """

    shape: tuple
    data: object

    @property
    def count(self):
        return 1
'''
    assert len(problems(source, "m")[1]) == 1
    assert problems(source.replace("    shape : tuple of int", "    shape, data : object"), "m")[1] == []
