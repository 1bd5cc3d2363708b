"""Operations of translated code: Python 2's division, its objects' methods, its classes."""

from __future__ import annotations

import codecs
import functools
import operator
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np

from cnnvis_caffe.pycaffe.python2.files import to_bytes
from cnnvis_caffe.pycaffe.python2.tell import tell

_WHOLE = (int, np.integer, np.bool_)
#: Which arrays Python 2's numpy divided as whole numbers: bool, int, unsigned.
_WHOLE_KINDS = "biu"


class _Index:
    """``INDEX[a:b, c]`` is the index itself."""

    def __getitem__(self, index: Any) -> Any:
        return index


INDEX = _Index()


def divide(left: Any, right: Any) -> Any:
    """Return ``left / right`` as Python 2 did: rounded down where both are whole numbers, or arrays of them.

    Parameters
    ----------
    left, right : object

    Returns
    -------
    object
    """
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    if not (_is_whole(left) and _is_whole(right)):
        return left / right
    try:
        return left // right
    except OverflowError:  # numpy 2: a Python number beyond the array's type; numpy then took a larger type
        return np.floor_divide(np.asarray(left), np.asarray(right))


def divide_in_place(left: Any, right: Any) -> Any:
    """Return what ``left /= right`` leaves in left.

    Parameters
    ----------
    left, right : object

    Returns
    -------
    object
    """
    if isinstance(left, np.ndarray) and _is_whole(left) and _is_whole(right):
        return operator.ifloordiv(left, right)
    if hasattr(type(left), "__itruediv__"):
        return operator.itruediv(left, right)
    return divide(left, right)


def divide_attribute(owner: Any, name: str, right: Any) -> None:
    """Do ``owner.name /= right``.

    Parameters
    ----------
    owner : object
    name : str
    right : object
    """
    setattr(owner, name, divide_in_place(getattr(owner, name), right))


def divide_item(owner: Any, index: Any, right: Any) -> None:
    """Do ``owner[index] /= right``.

    Parameters
    ----------
    owner, index, right : object
    """
    owner[index] = divide_in_place(owner[index], right)


def _is_whole(value: Any) -> bool:
    """Whether Python 2 divided this as a whole number."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in _WHOLE_KINDS
    return isinstance(value, _WHOLE)


def method(owner: Any, name: str) -> Any:
    """Return ``owner.name``, or what does in Python 3 what that did.

    Parameters
    ----------
    owner : object
    name : str
        One of `METHODS`.

    Returns
    -------
    object

    Raises
    ------
    AttributeError
        If there is no such thing in either.
    """
    if isinstance(owner, (type, ModuleType)):
        return getattr(owner, name)
    return METHODS[name](owner, name)


def _listed(owner: Any, name: str) -> Any:
    """``keys``, ``values``, ``items``: a list where Python 3 gives a view."""
    found = getattr(owner, name)
    if not hasattr(owner, "__getitem__") or not callable(found):
        return found

    @functools.wraps(found)
    def listed(*args: Any, **kwargs: Any) -> Any:
        result = found(*args, **kwargs)
        return list(result) if isinstance(result, Iterable) and not isinstance(result, (list, tuple)) else result

    return listed


def _iterated(owner: Any, name: str) -> Any:
    """``iteritems`` and its like, ``viewitems`` too."""
    if hasattr(owner, name):
        return getattr(owner, name)
    if not hasattr(owner, "keys"):
        return getattr(owner, name)  # which says that there is none
    found = getattr(owner, name.replace("iter", "").replace("view", ""))
    return (lambda: iter(found())) if name.startswith("iter") else found


def _has_key(owner: Any, name: str) -> Any:
    if hasattr(owner, name) or not hasattr(owner, "__contains__"):
        return getattr(owner, name)
    return owner.__contains__


def _next(owner: Any, name: str) -> Any:
    if hasattr(owner, name) or not hasattr(owner, "__next__"):
        return getattr(owner, name)
    return owner.__next__


def _sort(owner: Any, name: str) -> Any:
    """A list's sort, which took a function that compares two."""
    found = getattr(owner, name)
    if not isinstance(owner, list):
        return found

    def sort(cmp: Any = None, key: Any = None, reverse: bool = False) -> None:
        found(key=sort_key(cmp, key), reverse=reverse)

    return sort


def sort_key(cmp: Callable[[Any, Any], int] | None, key: Callable[[Any], Any] | None) -> Any:
    """Return Python 3's key for what Python 2 was given to sort by.

    Parameters
    ----------
    cmp : callable or None
        Says of two which is less.
    key : callable or None

    Returns
    -------
    callable or None
    """
    if cmp is None:
        return key
    compared = functools.cmp_to_key(cmp)
    return compared if key is None else lambda value: compared(key(value))


def _tostring(owner: Any, name: str) -> Any:
    """Arrays and pictures as bytes."""
    if hasattr(owner, "tobytes"):
        tell(f"{type(owner).__name__}.{name}() is gone; tobytes() is used")
        return owner.tobytes
    return getattr(owner, name)


def _decode(owner: Any, name: str) -> Any:
    """Text is text already."""
    if not isinstance(owner, str):
        return getattr(owner, name)
    return lambda encoding="utf-8", errors="strict": _recode(owner, encoding, codecs.decode)


def _encode(owner: Any, name: str) -> Any:
    """Text as bytes, or by a codec such as hex as text."""
    found = getattr(owner, name, None)
    if not isinstance(owner, (str, bytes)):
        return getattr(owner, name)

    def encode(encoding: str = "utf-8", errors: str = "strict") -> Any:
        if found is not None and codecs.lookup(encoding)._is_text_encoding:  # type: ignore[attr-defined]
            return found(encoding, errors)
        return owner if codecs.lookup(encoding)._is_text_encoding else _recode(owner, encoding, codecs.encode)  # type: ignore[attr-defined]

    return encode


def _recode(value: str | bytes, encoding: str, how: Callable[..., Any]) -> Any:
    """Use one of the codecs that Python 2's strings had: hex, base64, zlib, rot13."""
    if codecs.lookup(encoding)._is_text_encoding:  # type: ignore[attr-defined]
        return value
    if encoding.replace("-", "").replace("_", "").lower() == "rot13":
        return how(value, encoding)
    result = how(value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value, encoding)
    return result.decode("ascii") if how is codecs.encode and "zlib" not in encoding else result


def _message(owner: Any, name: str) -> Any:
    """An exception's message."""
    if hasattr(owner, name) or not isinstance(owner, BaseException):
        return getattr(owner, name)
    return owner.args[0] if len(owner.args) == 1 else ""


def _database_key(owner: Any, name: str) -> Any:
    """LMDB's methods: keys and values were strings, now they are bytes."""
    found = getattr(owner, name)
    lmdb = sys.modules.get("lmdb")
    if lmdb is None or not isinstance(owner, (lmdb.Transaction, lmdb.Cursor)):
        return found

    @functools.wraps(found)
    def with_bytes(*args: Any, **kwargs: Any) -> Any:
        return found(*map(to_bytes, args), **kwargs)

    return with_bytes


def _xreadlines(owner: Any, name: str) -> Any:
    return getattr(owner, name) if hasattr(owner, name) else owner.__iter__


#: Methods that changed, and who gives them.
METHODS: dict[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(("keys", "values", "items"), _listed),
    **dict.fromkeys(("iterkeys", "itervalues", "iteritems", "viewkeys", "viewvalues", "viewitems"), _iterated),
    **dict.fromkeys(("put", "get", "delete", "set_key", "set_range"), _database_key),
    "has_key": _has_key,
    "next": _next,
    "sort": _sort,
    "tostring": _tostring,
    "decode": _decode,
    "encode": _encode,
    "message": _message,
    "xreadlines": _xreadlines,
}

_NEW_NAMES = {
    "next": "__next__",
    "__div__": "__truediv__",
    "__rdiv__": "__rtruediv__",
    "__idiv__": "__itruediv__",
    "__nonzero__": "__bool__",
    "__unicode__": "__str__",
}
_COMPARISONS = ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__")


def old_class(cls: Any) -> Any:
    """Give a class Python 3's names for what it defines under Python 2's.

    Parameters
    ----------
    cls : type
        Changed.

    Returns
    -------
    type
        The same class.
    """
    own = vars(cls)
    for old, new in _NEW_NAMES.items():
        if old in own and new not in own and (old != "next" or "__iter__" in dir(cls)):
            setattr(cls, new, own[old])
    if "__cmp__" in own:
        for name in _COMPARISONS:
            if name not in own:
                setattr(cls, name, _comparison(name))
    if ("__eq__" in own or "__cmp__" in own) and own.get("__hash__", None) is None:
        cls.__hash__ = object.__hash__  # Python 2 kept it
    return cls


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    """A comparison by ``__cmp__``."""
    compare = getattr(operator, name)

    def compared(self: Any, other: Any) -> Any:
        return compare(self.__cmp__(other), 0)

    compared.__name__ = name
    return compared
