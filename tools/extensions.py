"""Put what `docs/extending.md` shows into the package that is loaded: new files, and rows of its tables."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import re
import sys
import types
from collections.abc import Iterator

NEW_FILE = re.compile(r"# new file: (cnnvis_caffe/[\w/]+)\.py")
ROWS = re.compile(r"# (cnnvis_caffe/[\w/]+)\.py, in (\w+):")
FIELDS = re.compile(r"# (cnnvis_caffe/[\w/]+)\.py, in class (\w+):")
LINES = re.compile(r"# (cnnvis_caffe/[\w/]+)\.py, instead of `(.*)`:")
FORMS = (NEW_FILE, ROWS, FIELDS, LINES)


def is_extension(source: str) -> bool:
    """Whether a block of Python is a new file, or goes into a file that is there."""
    first = source.partition("\n")[0]
    return any(form.fullmatch(first) for form in FORMS)


@contextlib.contextmanager
def in_place(source: str) -> Iterator[None]:
    """Have the package as if a block had been written into its files."""
    first, _, rest = source.partition("\n")
    new, rows, fields, lines = (form.fullmatch(first) for form in FORMS)
    with contextlib.ExitStack() as undo:
        if new:
            _add_module(_dotted(new.group(1)), source, undo)
        elif rows:
            _add_rows(importlib.import_module(_dotted(rows.group(1))), rows.group(2), rest, undo)
        elif fields:
            module = importlib.import_module(_dotted(fields.group(1)))
            _change(module, _with_field(_source(module), fields.group(2), rest), undo)
        elif lines:
            module = importlib.import_module(_dotted(lines.group(1)))
            _change(module, _source(module).replace(lines.group(2), rest.strip()), undo)
        yield


def _dotted(path: str) -> str:
    """The name of a module: its path without the ending, but with points."""
    return path.replace("/", ".").replace(".__init__", "")


def _add_module(name: str, source: str, undo: contextlib.ExitStack) -> None:
    """Load a module that is in no file."""
    parent, _, last = name.rpartition(".")
    if importlib.util.find_spec(name) is not None:
        raise ValueError(f"{name} is there already")
    module = types.ModuleType(name)
    sys.modules[name] = module
    undo.callback(sys.modules.pop, name)
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    setattr(importlib.import_module(parent), last, module)
    undo.callback(delattr, importlib.import_module(parent), last)


def _add_rows(module: types.ModuleType, table: str, text: str, undo: contextlib.ExitStack) -> None:
    """Run the imports of a block, and add its rows to a dictionary or tuple."""
    lines = text.split("\n")
    imports = "\n".join(line for line in lines if line.startswith(("from ", "import ")))
    rows = "\n".join(line for line in lines if not line.startswith(("from ", "import ")))
    before = set(module.__dict__)
    exec(compile(imports, f"<{module.__name__}>", "exec"), module.__dict__)
    for name in set(module.__dict__) - before:
        undo.callback(delattr, module, name)
    found = getattr(module, table)
    if isinstance(found, dict):
        added = eval(f"{{{rows}}}", module.__dict__)
        found.update(added)
        for key in added:
            undo.callback(found.pop, key)
    else:
        setattr(module, table, (*found, *eval(f"({rows})", module.__dict__)))
        undo.callback(setattr, module, table, found)


#: What modules were made of that are no longer as their file is.
_changed_sources: dict[str, str] = {}


def _source(module: types.ModuleType) -> str:
    """What a module is made of."""
    return _changed_sources.get(module.__name__) or inspect.getsource(module)


def _with_field(source: str, name: str, field: str) -> str:
    """The text of a module with one more field at the end of those of a class."""
    found = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == name)
    end = [node.end_lineno for node in found.body if isinstance(node, ast.AnnAssign)][-1]
    lines = source.split("\n")
    return "\n".join([*lines[:end], field, *lines[end:]])


def _change(module: types.ModuleType, changed: str, undo: contextlib.ExitStack) -> None:
    """Make a module anew of changed text; whoever has imported something from it gets the new thing."""
    source = _source(module)
    if changed == source:
        raise ValueError(f"{module.__name__} has no such line")
    undo.callback(_changed_sources.pop, module.__name__, None)
    if module.__name__ in _changed_sources:
        undo.callback(_changed_sources.__setitem__, module.__name__, source)
    _changed_sources[module.__name__] = changed
    before = dict(vars(module))
    undo.callback(vars(module).update, before)
    exec(compile(_changed_sources[module.__name__], f"<{module.__name__}>", "exec"), vars(module))
    new_of = {id(value): vars(module)[name] for name, value in before.items() if vars(module)[name] is not value}
    for other in [one for name, one in sys.modules.items() if name.startswith("cnnvis_caffe.") and one is not module]:
        for name, value in list(vars(other).items()):
            if id(value) in new_of and not name.startswith("__"):
                setattr(other, name, new_of[id(value)])
                undo.callback(setattr, other, name, value)
    undo.callback(_restore_commands, _forget_commands())


def _forget_commands() -> dict[str, types.ModuleType]:
    """Let commands be imported anew: what they take is fixed when they are imported. Return those that were there."""
    names = [name for name in sys.modules if name.startswith("cnnvis_caffe.cli.")]
    return {name: sys.modules.pop(name) for name in names}


def _restore_commands(modules: dict[str, types.ModuleType]) -> None:
    """Have the commands again that were there."""
    _forget_commands()
    for name, module in modules.items():
        sys.modules[name] = module
        parent, _, last = name.rpartition(".")
        setattr(sys.modules[parent], last, module)
