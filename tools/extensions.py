"""Put what `docs/extending.md` shows into the package that is loaded: new files, and rows of its tables."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import sys
import types
from collections.abc import Iterator

NEW_FILE = re.compile(r"# new file: (cnnvis_caffe/[\w/]+)\.py")
ROWS = re.compile(r"# (cnnvis_caffe/[\w/]+)\.py, in (\w+):")


def is_extension(source: str) -> bool:
    """Whether a block of Python is a new file, or rows of a table."""
    first = source.partition("\n")[0]
    return bool(NEW_FILE.fullmatch(first) or ROWS.fullmatch(first))


@contextlib.contextmanager
def in_place(source: str) -> Iterator[None]:
    """Have the package as if a block had been written into its files."""
    first, _, rest = source.partition("\n")
    new = NEW_FILE.fullmatch(first)
    rows = ROWS.fullmatch(first)
    with contextlib.ExitStack() as undo:
        if new:
            _add_module(_dotted(new.group(1)), source, undo)
        elif rows:
            _add_rows(importlib.import_module(_dotted(rows.group(1))), rows.group(2), rest, undo)
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
