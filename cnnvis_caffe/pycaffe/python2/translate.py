"""Python 2 source as code that Python 3 runs, with the lines that the user wrote."""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from typing import Any

from cnnvis_caffe.errors import MissingDependencyError
from cnnvis_caffe.pycaffe.python2.rewrite import rewrite

# Only syntax: Python 2's names, modules and methods are given to the script as it runs, see `names` and `modules`.
# What adds lines for imports is not among them.
_FIXERS = [
    "except", "exec", "funcattrs", "metaclass", "methodattrs", "ne", "numliterals", "paren", "print", "raise",
    "repr", "throw", "tuple_params", "unicode",
]


def translate(source: str, path: str, mode: str = "exec") -> Any:
    """Compile Python 2 source.

    Parameters
    ----------
    source : str
    path : str
        What tracebacks call the file.
    mode : {"exec", "eval"}, default="exec"

    Returns
    -------
    code

    Raises
    ------
    SyntaxError
        With the user's own line, if it is not Python 2.
    MissingDependencyError
        If fissix is not installed.
    """
    text, lines = _refactor(source, path)
    try:
        tree = ast.parse(text, path, mode)
    except SyntaxError as error:
        number = lines[min(error.lineno or 1, len(lines)) - 1]
        raise _syntax_error(f"{error.msg} (after the translation from Python 2)", path, number, source) from None
    originals = source.splitlines() or [""]
    translated = text.splitlines()
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            _place(node, lines, translated, originals)
    return compile(rewrite(tree), path, mode, dont_inherit=True)


def decode(content: bytes, path: str) -> str:
    r"""Decode a source file as its first lines say; UTF-8 where they say nothing.

    Parameters
    ----------
    content : bytes
    path : str

    Returns
    -------
    str
        Lines end in ``\n``.

    Raises
    ------
    SyntaxError
        If it cannot be decoded.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise SyntaxError(f"{path}: {error}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def require_translator() -> None:
    """Say at once if fissix is missing.

    Raises
    ------
    MissingDependencyError
    """
    _tool()


@functools.lru_cache(maxsize=1)
def _tool() -> Any:
    """Return fissix's translator with our choice of its rules."""
    try:
        from fissix.refactor import RefactoringTool
    except ImportError as error:
        raise MissingDependencyError("fissix", "python2", "running a Python 2 script") from error
    return RefactoringTool([f"fissix.fixes.fix_{name}" for name in _FIXERS])


def _refactor(source: str, path: str) -> tuple[str, list[int]]:
    """Return the source in Python 3's syntax, and for each of its lines the user's line."""
    tool = _tool()
    from fissix.pgen2.parse import ParseError
    from fissix.pgen2.tokenize import TokenError

    try:
        tree = tool.refactor_string(_expand_tabs(source.rstrip() + "\n"), path)
    except ParseError as error:
        raise _syntax_error("is not Python 2", path, error.context[1][0], source) from None
    except TokenError as error:
        raise _syntax_error(str(error.args[0]), path, error.args[1][0], source) from None
    except (IndentationError, AssertionError) as error:
        number = getattr(error, "lineno", None) or 1
        raise _syntax_error(str(getattr(error, "msg", error)), path, number, source) from None
    return str(tree), _line_numbers(tree)


def _syntax_error(message: str, path: str, number: int, source: str) -> SyntaxError:
    """An error that shows a line as the user wrote it."""
    lines = source.splitlines() or [""]
    text = lines[min(number, len(lines)) - 1]
    return SyntaxError(message, (path, number, None, text))


def _expand_tabs(source: str) -> str:
    """Indent with spaces, a tab reaching to the next eighth column; strings of several lines keep theirs."""
    from fissix.pgen2 import tokenize as tokens

    if "\t" not in source:
        return source
    within: set[int] = set()
    for kind, _, (first, _), (last, _), _ in tokens.generate_tokens(io.StringIO(source).readline):
        if kind == tokens.STRING:
            within.update(range(first + 1, last + 1))
    lines = source.splitlines(keepends=True)
    for index, line in enumerate(lines):
        body = line.lstrip(" \t")
        if index + 1 not in within and body != line:
            lines[index] = line[: len(line) - len(body)].expandtabs(8) + body
    return "".join(lines)


def _line_numbers(tree: Any) -> list[int]:
    """Return the user's line for every line of a translated tree; new lines belong to the line before."""
    numbers = [0]
    for leaf in tree.leaves():
        numbers += [0] * leaf.prefix.count("\n")
        if leaf.lineno and not numbers[-1] and leaf.value.strip():
            numbers[-1] = leaf.lineno
        added = leaf.value.count("\n")
        if added:
            numbers += [leaf.lineno + row if leaf.lineno and leaf.value.strip() else 0 for row in range(1, added + 1)]
    known = 1
    for index, number in enumerate(numbers):
        known = numbers[index] = number or known
    return numbers


def _place(node: Any, lines: list[int], translated: list[str], originals: list[str]) -> None:
    """Give a node the user's line; where the line was changed, the whole of it instead of some columns."""
    first, last = node.lineno, node.end_lineno or node.lineno
    node.lineno = min(lines[first - 1], len(originals))
    node.end_lineno = max(node.lineno, min(lines[last - 1], len(originals)))
    if any(translated[row - 1] != originals[lines[row - 1] - 1] for row in {first, last}):
        node.col_offset = 0
        node.end_col_offset = len(originals[node.end_lineno - 1].encode())
