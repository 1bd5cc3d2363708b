"""Rewrites what means something else in Python 3 though it is written alike: divisions, methods, classes."""

from __future__ import annotations

import ast
from typing import Any

from cnnvis_caffe.pycaffe.python2.objects import METHODS
from cnnvis_caffe.pycaffe.python2.signs import has_future

#: The name under which translated code finds `objects`.
HELPERS = "__python2__"


def rewrite(tree: Any) -> Any:
    """Let code do what Python 2 did.

    Parameters
    ----------
    tree : ast.Module or ast.Expression
        Changed.

    Returns
    -------
    ast.Module or ast.Expression
        The same tree: ``a / b`` asks `objects.divide`, methods that changed ask `objects.method`, and classes get
        Python 3's names for what they define.
    """
    old_division = not (isinstance(tree, ast.Module) and has_future(tree, "division"))
    return ast.fix_missing_locations(_Rewriter(old_division).visit(tree))


class _Rewriter(ast.NodeTransformer):
    def __init__(self, old_division: bool) -> None:
        self._old_division = old_division
        self._classes: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:  # noqa: N802
        self._classes.append(node.name)
        self.generic_visit(node)
        self._classes.pop()
        node.decorator_list.append(_helper("old_class", node))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or node.attr not in METHODS:
            return node
        return _call("method", node, node.value, ast.Constant(node.attr))

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:  # noqa: N802
        self.generic_visit(node)
        if not (self._old_division and isinstance(node.op, ast.Div)):
            return node
        return _call("divide", node, node.left, node.right)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:  # noqa: N802
        self.generic_visit(node)
        if not (self._old_division and isinstance(node.op, ast.Div)):
            return node
        target = node.target
        if isinstance(target, ast.Name):
            loaded = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            new: ast.stmt = ast.Assign([target], _call("divide_in_place", node, loaded, node.value))
        elif isinstance(target, ast.Attribute):
            name = ast.Constant(self._mangled(target.attr))
            new = ast.Expr(_call("divide_attribute", node, target.value, name, node.value))
        else:
            index = ast.Subscript(_helper("INDEX", node), target.slice, ast.Load())
            new = ast.Expr(_call("divide_item", node, target.value, index, node.value))
        return ast.copy_location(new, node)

    def _mangled(self, name: str) -> str:
        """A private attribute's real name."""
        if name.startswith("__") and not name.endswith("__") and self._classes and self._classes[-1].strip("_"):
            return f"_{self._classes[-1].lstrip('_')}{name}"
        return name


def _helper(name: str, at: ast.AST) -> ast.expr:
    """``__python2__.name``."""
    return _located(ast.Attribute(_located(ast.Name(HELPERS, ast.Load()), at), name, ast.Load()), at)


def _call(name: str, at: ast.AST, *args: ast.expr) -> ast.expr:
    """``__python2__.name(args)``."""
    return _located(ast.Call(_helper(name, at), list(args), []), at)


def _located(node: Any, at: ast.AST) -> Any:
    return ast.copy_location(node, at)
