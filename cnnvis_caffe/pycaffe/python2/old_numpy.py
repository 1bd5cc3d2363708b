"""numpy as it was in Python 2's time."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from cnnvis_caffe.pycaffe.python2.files import to_bytes
from cnnvis_caffe.pycaffe.python2.objects import divide
from cnnvis_caffe.pycaffe.python2.old_module import OldModule
from cnnvis_caffe.pycaffe.python2.tell import tell

#: What a name stands for that numpy had, in words for the user.
_REPLACED: dict[str, tuple[Any, str]] = {
    "Inf": (np.inf, "inf"),
    "NINF": (-np.inf, "-inf"),
    "NaN": (np.nan, "nan"),
    "PINF": (np.inf, "inf"),
    "alltrue": (np.all, "all"),
    "asscalar": (lambda value: np.asarray(value).item(), "item()"),
    "bool": (bool, "Python's bool"),
    "complex": (complex, "Python's complex"),
    "complex_": (np.complex128, "complex128"),
    "cumproduct": (np.cumprod, "cumprod"),
    "float": (float, "Python's float"),
    "float_": (np.float64, "float64"),
    "in1d": (lambda *args, **kwargs: np.isin(*args, **kwargs).ravel(), "isin"),
    "infty": (np.inf, "inf"),
    "int": (int, "Python's int"),
    "long": (int, "Python's int"),
    "msort": (lambda values: np.sort(values, axis=0), "sort"),
    "object": (object, "Python's object"),
    "product": (np.prod, "prod"),
    "rank": (np.ndim, "ndim"),
    "round_": (np.round, "round"),
    "row_stack": (np.vstack, "vstack"),
    "sometrue": (np.any, "any"),
    "str": (str, "Python's str"),
    "string_": (np.bytes_, "bytes_"),
    "trapz": (getattr(np, "trapezoid", None) or getattr(np, "trapz", None), "trapezoid"),
    "unicode": (str, "Python's str"),
    "unicode_": (np.str_, "str_"),
}


def _asfarray(values: Any, dtype: Any = np.float64) -> np.ndarray:
    """An array of floats."""
    dtype = dtype if np.issubdtype(dtype, np.inexact) else np.float64
    return np.asarray(values, dtype)


_REPLACED["asfarray"] = (_asfarray, "asarray")


def _array(value: Any, dtype: Any = None, copy: Any = True, **options: Any) -> np.ndarray:
    """Rows of unequal length became an array of objects; ``copy=False`` copied where it had to."""
    if not copy and np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        copy = None
    try:
        return np.array(value, dtype, copy=copy, **options)
    except ValueError as error:
        if dtype is not None or "inhomogeneous" not in str(error):
            raise
        tell("numpy makes no array of rows of unequal length by itself any more; an array of objects is made")
        return np.array(value, builtins.object, copy=copy, **options)


def _fromstring(text: Any, dtype: Any = float, count: int = -1, sep: str = "") -> np.ndarray:
    """Bytes as an array of its own; with a separator text, as ever."""
    if sep:
        return np.fromstring(text, dtype, count, sep=sep)
    tell("np.fromstring no longer reads bytes; np.frombuffer is used, with a copy")
    return np.frombuffer(to_bytes(text), dtype, count).copy()


def _divide(left: Any, right: Any, *rest: Any, **options: Any) -> Any:
    """Whole numbers are rounded down, as ``/`` was."""
    left, right = np.asanyarray(left), np.asanyarray(right)
    if rest or options or left.dtype.kind not in "biu" or right.dtype.kind not in "biu":
        whole = left.dtype.kind in "biu" and right.dtype.kind in "biu"
        return (np.floor_divide if whole else np.true_divide)(left, right, *rest, **options)
    return divide(left, right)


def _random_integers(low: int, high: int | None = None, size: Any = None) -> Any:
    """Both ends included."""
    low, high = (1, low) if high is None else (low, high)
    return np.random.randint(low, high + 1, size)  # noqa: NPY002


_CHANGED = {"array": _array, "divide": _divide, "fromstring": _fromstring}


def _told(name: str) -> str:
    return f"numpy no longer has np.{name}; {_REPLACED[name][1]} is used"


class _Names(dict):
    """Names, of which only those that are gone are told."""

    def __getitem__(self, name: str) -> Any:
        if name in _REPLACED:
            tell(_told(name))
        return super().__getitem__(name)


# numpy 2 gives its own max, round and so on to everybody who takes all its names.
_NEW_IN_STAR = frozenset(vars(builtins)) - {"all", "any", "sum"} | set(_REPLACED)
NUMPY = OldModule(
    "numpy",
    _Names({**{name: value for name, (value, _) in _REPLACED.items()}, **_CHANGED}),
    not_in_star=_NEW_IN_STAR,
)
RANDOM = OldModule("numpy.random", {"random_integers": _random_integers})


def print_as_then() -> None:
    """Let numpy print numbers as in 2017: ``[0.5]`` and not ``[np.float64(0.5)]``."""
    np.set_printoptions(legacy="1.13")
