"""The names that Python 2 has without an import, for translated modules alone."""

from __future__ import annotations

import builtins
import functools
import itertools
import sys
import weakref
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from types import CodeType
from typing import Any

from cnnvis_caffe.pycaffe.python2 import modules, objects
from cnnvis_caffe.pycaffe.python2.files import open_file, to_text
from cnnvis_caffe.pycaffe.python2.rewrite import HELPERS
from cnnvis_caffe.pycaffe.python2.translate import decode, translate


def _map(function: Callable[..., Any] | None, *sequences: Any) -> list[Any]:
    """A list; sequences that are shorter go on with None."""
    if len(sequences) == 1:
        return list(sequences[0]) if function is None else [function(value) for value in sequences[0]]
    rows = itertools.zip_longest(*sequences)
    return list(rows) if function is None else [function(*row) for row in rows]


def _filter(function: Callable[[Any], Any] | None, sequence: Any) -> Any:
    """Of the kind that went in: text, tuple or list."""
    kept = builtins.filter(function, sequence)
    if isinstance(sequence, str):
        return "".join(kept)
    return tuple(kept) if isinstance(sequence, tuple) else list(kept)


def _zip(*sequences: Any) -> list[Any]:
    return list(builtins.zip(*sequences))


def _range(*bounds: Any) -> list[int]:
    return list(builtins.range(*bounds))


def _xrange(*bounds: Any) -> range:
    """Bounds with a fraction are cut, as Python 2 did with a warning."""
    return builtins.range(*(int(bound) for bound in bounds))


def _round(number: Any, digits: int = 0) -> float:
    """Halves go away from zero, and the result is a float."""
    value = float(number)
    if value != value or value in (float("inf"), float("-inf")):
        return value
    return float(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)) if abs(value) < 2**52 else value


def _sorted(iterable: Any, cmp: Any = None, key: Any = None, reverse: bool = False) -> list[Any]:
    return builtins.sorted(iterable, key=objects.sort_key(cmp, key), reverse=reverse)


def _cmp(left: Any, right: Any) -> int:
    return (left > right) - (left < right)


def _ord(character: Any) -> int:
    """Also of what indexing bytes gives today, which is the number already."""
    return character if isinstance(character, int) else builtins.ord(character)


#: Files on which ``print x,`` left a space to be written before whatever is printed next.
_awaiting_space: weakref.WeakSet[Any] = weakref.WeakSet()


def _oct(number: Any) -> str:
    return builtins.oct(number).replace("0o", "0" if number else "")


def _print(*values: Any, **options: Any) -> None:
    """Floats have twelve digits; bytes are the text they hold; a last comma leaves a space for what comes next."""
    file = options.get("file") or sys.stdout
    values = tuple(map(_as_printed, values))
    if file in _awaiting_space:
        _awaiting_space.discard(file)
        if values:
            file.write(" ")
    if options.get("end") == " " and values:
        if not values[-1].endswith(("\n", "\t")):
            _awaiting_space.add(file)
        options["end"] = ""
    builtins.print(*values, **options)  # noqa: T201


def _as_printed(value: Any) -> str:
    if type(value) is not float:
        return str(to_text(value))
    text = f"{value:.12g}"
    return text if set(text) & set(".en") else f"{text}.0"


def _input(prompt: str = "") -> Any:
    """The value of what is typed."""
    caller = sys._getframe(1)
    return eval(translate(builtins.input(prompt), "<input>", "eval"), caller.f_globals, caller.f_locals)


def _namespaces(own: Any, local: Any) -> tuple[Any, Any]:
    """The namespaces of `exec`, `eval` and `execfile`: by default those of whoever called them."""
    caller = sys._getframe(2)
    if own is None:
        own, local = caller.f_globals, caller.f_locals if local is None else local
    own.setdefault("__builtins__", NAMES)
    return own, own if local is None else local


def _exec(code: Any, own: Any = None, local: Any = None) -> None:
    own, local = _namespaces(own, local)
    code = code.read() if hasattr(code, "read") else code
    exec(code if isinstance(code, CodeType) else translate(to_text(code), "<string>"), own, local)


def _eval(code: Any, own: Any = None, local: Any = None) -> Any:
    own, local = _namespaces(own, local)
    code = code if isinstance(code, CodeType) else translate(to_text(code).strip(), "<string>", "eval")
    return eval(code, own, local)


def _execfile(path: str, own: Any = None, local: Any = None) -> None:
    own, local = _namespaces(own, local)
    with open(path, "rb") as file:
        content = file.read()
    exec(translate(decode(content, path), path), own, local)


def _compile(source: Any, path: str, mode: str, *rest: Any, **options: Any) -> Any:
    if isinstance(source, (str, bytes)) and mode in ("exec", "eval"):
        return translate(to_text(source), path, mode)
    return builtins.compile(source, path, mode, *rest, **options)


#: What stands for ``__builtins__`` in a translated module. Nobody else sees it.
NAMES: dict[str, Any] = {
    **vars(builtins),
    "__import__": modules.import_module,
    HELPERS: objects,
    "StandardError": Exception,
    "apply": lambda function, args=(), kwargs=None: function(*args, **(kwargs or {})),
    "basestring": (str, bytes),
    "buffer": memoryview,
    "cmp": _cmp,
    "compile": _compile,
    "eval": _eval,
    "exec": _exec,
    "execfile": _execfile,
    "file": open_file,
    "filter": _filter,
    "input": _input,
    "intern": sys.intern,
    "long": int,
    "map": _map,
    "open": open_file,
    "oct": _oct,
    "ord": _ord,
    "print": _print,
    "range": _range,
    "raw_input": builtins.input,
    "reduce": functools.reduce,
    "reload": modules.reload,
    "round": _round,
    "sorted": _sorted,
    "unichr": chr,
    "unicode": str,
    "xrange": _xrange,
    "zip": _zip,
}
