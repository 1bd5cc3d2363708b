"""Tells a Python 2 file from one of Python 3."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

#: Names that only Python 2 has without an import.
NAMES = frozenset(
    [
        "xrange", "unicode", "raw_input", "basestring", "unichr", "long", "reduce", "cmp", "execfile", "file",
        "apply", "buffer", "intern", "reload", "StandardError", "coerce",
    ]
)
#: Methods of its dicts and iterators, and arrays' old name of `tobytes`.
METHODS = frozenset([
    "has_key", "iteritems", "itervalues", "iterkeys", "viewkeys", "viewvalues", "viewitems", "tostring",
])
#: Modules that have another name or place today.
MODULES = frozenset(
    [
        "cPickle", "cStringIO", "StringIO", "urllib2", "urlparse", "httplib", "Queue", "ConfigParser", "Tkinter",
        "__builtin__", "commands", "cookielib", "HTMLParser", "SocketServer", "BaseHTTPServer", "SimpleHTTPServer",
        "copy_reg", "thread", "exceptions", "md5", "sha", "xmlrpclib", "Image", "ImageDraw", "ImageFont",
    ]
)
#: What numpy had and has no longer, or has with another meaning.
NUMPY_NAMES = frozenset(
    [
        "float", "int", "bool", "object", "str", "long", "unicode", "complex", "float_", "complex_", "unicode_",
        "string_", "Inf", "infty", "NaN", "NINF", "PINF", "product", "cumproduct", "sometrue", "alltrue", "in1d",
        "row_stack", "trapz", "msort", "asfarray", "asscalar", "rank", "round_",
    ]
)

# How the line looks where Python 3 stops reading.
_OLD_SYNTAX = re.compile(
    r"""(^|[;:]\s*)\s*print\b(?!\s*[(=.,)])      # print x; print >>f, x
      | \bexcept\b.+,\s*\w+\s*:                  # except E, e:
      | \braise\s+[\w.]+\s*,                     # raise E, "message"
      | (^|[;:]\s*)\s*exec\s+(?![=.])            # exec code
      | `[^`]+` | <> | \b0[0-7]+\b | \b(0[xX])?[0-9a-fA-F]+[lL]\b | \b[uU][rR]['"]
      | \blambda\b[^:]*\( | \bdef\s+\w+\s*\(.*\(.*\)\s*[,)]     # def f(a, (b, c)):
    """,
    re.VERBOSE,
)


def says_python2(error: SyntaxError) -> bool:
    """Return whether Python 3 stumbled over what Python 2 allowed.

    Parameters
    ----------
    error : SyntaxError
        What Python 3 says about the file.

    Returns
    -------
    bool
    """
    return isinstance(error, TabError) or bool(_OLD_SYNTAX.search(error.text or ""))


def needs_python2(error: BaseException) -> bool:
    """Return whether a script failed because something is gone that Python 2 had.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    bool
    """
    if isinstance(error, SyntaxError):
        return says_python2(error)
    if isinstance(error, ModuleNotFoundError):
        return (error.name or "") in MODULES
    if isinstance(error, TypeError):  # print >>file, x; print ("...") % x
        return bool(re.search(r"for >>: 'builtin_function_or_method'|for %: 'NoneType'", str(error)))
    missing = re.search(r"(?:name|attribute) '(\w+)'", str(error))
    if missing is None:
        return False
    if isinstance(error, NameError):
        return missing.group(1) in NAMES
    return isinstance(error, AttributeError) and missing.group(1) in METHODS


def is_python2(tree: ast.Module) -> bool:
    """Return whether a file that Python 3 can read was written for Python 2.

    Parameters
    ----------
    tree : ast.Module

    Returns
    -------
    bool
        False if it uses what only Python 3 has, or looks which of the two it runs on.
    """
    if is_python3(tree) or _runs_on_both(tree):
        return False
    bound = set(_bound_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in NAMES and node.id not in bound:
            return True
        if isinstance(node, ast.Attribute):
            if node.attr in METHODS:
                return True
            if isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy") and node.attr in NUMPY_NAMES:
                return True
        if any(module in MODULES or module == "scipy.misc" for module in _modules(node)):
            return True
    return False


def is_python3(tree: ast.Module) -> bool:
    """Return whether a file uses syntax that Python 2 did not have.

    Parameters
    ----------
    tree : ast.Module

    Returns
    -------
    bool
    """
    new = (ast.JoinedStr, ast.AnnAssign, ast.Nonlocal, ast.AsyncFunctionDef, ast.YieldFrom, ast.NamedExpr)
    for node in ast.walk(tree):
        if isinstance(node, new) or getattr(node, "annotation", None) or getattr(node, "returns", None):
            return True
        if getattr(node, "kwonlyargs", None) or (isinstance(node, ast.Raise) and node.cause):
            return True
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super" and not node.args:
            return True
    return False


def has_future(tree: ast.Module, feature: str) -> bool:
    """Return whether a file begins with ``from __future__ import feature``.

    Parameters
    ----------
    tree : ast.Module
    feature : str

    Returns
    -------
    bool
    """
    return any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" and any(a.name == feature for a in node.names)
        for node in tree.body
    )


def divisions(tree: ast.Module) -> list[int]:
    """Return the lines on which Python 2 might have divided whole numbers.

    Parameters
    ----------
    tree : ast.Module

    Returns
    -------
    list of int
        In order; without those where a number with a decimal point takes part.
    """
    if has_future(tree, "division"):
        return []
    lines = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
            if not any(isinstance(side, ast.Constant) and isinstance(side.value, float) for side in sides):
                lines.add(node.lineno)
    return sorted(lines)


def _modules(node: ast.AST) -> list[str]:
    """What an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _runs_on_both(tree: ast.Module) -> bool:
    """Whether a file looks where it is, or catches the errors of the one in the other."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("version_info", "PY2", "PY3", "moves"):
            return True
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            caught = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)}
            if caught & {"NameError", "ImportError", "ModuleNotFoundError"}:
                return True
    return False


def _bound_names(tree: ast.Module) -> Iterator[str]:
    """Every name that a file gives to something itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
            if node.name == "*":
                yield from (name for name in NAMES if not hasattr(builtins, name))
