"""The code that Python layers of a network bring with them: where it lies, and that it is run with consent only.

A prototxt names a module, and whoever makes the net runs it. So the net's user says first that he wants that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from cnnvis_caffe.errors import ConsentError
from cnnvis_caffe.records.layer_code import LayerCode

#: How consent is given.
FLAG = "--allow-python-layers"
ARGUMENT = "allow_python_layers=True"


def code_of(network: Any, path: str = "", lines: Mapping[str, int] | None = None) -> tuple[LayerCode, ...]:
    """Return the code that a network's Python layers would run; nothing is run.

    Parameters
    ----------
    network : NetParameter
        With the layers of one phase.
    path : str, optional
        The file it was read from.
    lines : mapping of str to int, optional
        Line of each layer, by name.

    Returns
    -------
    tuple of LayerCode
        In the order of the layers.
    """
    found = []
    for layer in network.layer:
        if layer.type != "Python":
            continue
        line = (lines or {}).get(layer.name)
        file = f"{path}:{line}: " if line else f"{path}: " if path else ""
        param = layer.python_param
        where = f"{file}layer {layer.name!r} ({layer.type})"
        found.append(LayerCode(layer.name, param.module, param.layer, find_module(param.module), where))
    return tuple(found)


def refuse_code(
    network: Any, path: str = "", lines: Mapping[str, int] | None = None, otherwise: str = ""
) -> None:
    """Raise if a network would run code of its own.

    Parameters
    ----------
    network, path, lines
        As for `code_of`.
    otherwise : str, optional
        What else can be done.

    Raises
    ------
    ConsentError
        For its first Python layer.
    """
    for code in code_of(network, path, lines):
        taken = f"would be taken from {code.place}" if code.place else "cannot be found on the import path"
        raise ConsentError(
            code.layer,
            f"{code.where}: runs Python code, which needs your consent: module {code.module!r} {taken}; if you trust "
            f"it, give {FLAG} (in Python {ARGUMENT}){otherwise}",
        )


def find_module(name: str) -> str:
    """Return the file that ``import name`` would run, without running anything.

    Parameters
    ----------
    name : str
        With dots for a module in a package.

    Returns
    -------
    str
        Empty where no module of that name is found, or the name is none.
    """
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None) or ""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return ""
    places: Any = None
    for number in range(len(parts)):
        spec = _find_spec(".".join(parts[: number + 1]), places)
        if spec is None:
            return ""
        places = spec.submodule_search_locations or []
    return os.path.abspath(spec.origin) if spec.has_location else ""


def _find_spec(name: str, places: Any) -> Any:
    """What Python's finders say of a module; `importlib.util.find_spec` would import the packages around it."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(name, places) if find is not None else None
        if spec is not None:
            return spec
    return None
