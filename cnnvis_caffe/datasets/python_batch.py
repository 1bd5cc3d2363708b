"""CIFAR's python batches, which are pickles, read without unpickling.

A pickle is a program. This reads the few instructions that such a batch is made of, and knows of no objects but
numbers, texts, lists, tables and one way in which numpy writes an array.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_RECONSTRUCT, _NDARRAY, _DTYPE, _ENCODE = "_reconstruct", "ndarray", "dtype", "encode"
#: What a batch may name, and what it means by that.
_NAMES = {
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _DTYPE,
    "numpy.core.multiarray _reconstruct": _RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": _RECONSTRUCT,
    "_codecs encode": _ENCODE,
}
_TYPES = {kind + size for kind in "iu" for size in "1248"}
_LARGEST_NUMBER = 1 << 63
_MAX_INSTRUCTIONS = 1 << 19  # CIFAR-100 takes less than half of it; each takes much more memory than its byte
_IGNORED = {"PROTO", "FRAME", "STOP"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"}
_BYTE_STRINGS = {"STRING", "BINSTRING", "SHORT_BINSTRING"}
_PLAIN = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}


class _Name(NamedTuple):
    """Something that a batch names."""

    name: str


class _Type:
    """A type of numbers that is being described."""

    def __init__(self, name: str) -> None:
        self.name, self.order = name, "="


class _Array:
    """An array that is being put together."""

    values: np.ndarray | None = None


_MARK = _Name("mark")


def read_python_batch(content: bytes) -> dict[Any, Any]:
    """Return what is in a batch.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    dict
        Keys are bytes; values are bytes, lists, and arrays of whole numbers.

    Raises
    ------
    ValueError
        If it is not a pickle, is damaged, or is made of anything else than a batch is.
    """
    reader = _BatchReader(len(content))
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if number == _MAX_INSTRUCTIONS:
                raise ValueError(f"it has more than {_MAX_INSTRUCTIONS} instructions")
            reader.follow(opcode.name, argument)
        (batch,) = reader.stack
    except (IndexError, KeyError, TypeError, OverflowError) as error:
        raise ValueError("its instructions do not fit together") from error
    if not isinstance(batch, dict):
        raise ValueError("it holds no table")
    return {_finished(key): _finished(value) for key, value in batch.items()}


def _finished(value: Any) -> Any:
    """A value of the table; an array as numpy's."""
    if isinstance(value, _Array):
        if value.values is None:
            raise ValueError("an array has no numbers")
        return value.values
    return value


class _BatchReader:
    """Follows the instructions of a batch.

    Parameters
    ----------
    room : int
        How many bytes texts may take that are turned into bytes: as many as the file has.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self.stack: list[Any] = []
        self._known: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> None:
        """Follow one instruction."""
        stack = self.stack
        if name in _NUMBERS:
            if not -_LARGEST_NUMBER <= argument < _LARGEST_NUMBER:
                raise ValueError("a number is too large")
            stack.append(argument)
        elif name in _BYTE_STRINGS:
            stack.append(argument.encode("latin-1"))
        elif name in _PLAIN:
            stack.append(argument)
        elif name in _PUTS:
            self._known[argument] = stack[-1]
        elif name == "MEMOIZE":
            self._known[len(self._known)] = stack[-1]
        elif name in _GETS:
            stack.append(self._known[argument])
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "GLOBAL":
            stack.append(_named(argument))
        elif name == "STACK_GLOBAL":
            member, module = stack.pop(), stack.pop()
            stack.append(_named(f"{_text(module)} {_text(member)}"))
        elif name in _STEPS:
            _STEPS[name](self)
        elif name not in _IGNORED:
            raise ValueError(f"it has the instruction {name}, which no batch needs")

    def since_mark(self) -> list[Any]:
        """Take what was put down since the last mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise ValueError("a mark is missing")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def tuple_of(self, n: int) -> None:
        """Put the last values into a tuple."""
        values = tuple(self.stack[len(self.stack) - n :])
        if len(values) != n:
            raise ValueError("a value is missing")
        del self.stack[len(self.stack) - n :]
        self.stack.append(values)

    def append(self, values: list[Any]) -> None:
        """Add values to a list."""
        if not isinstance(self.stack[-1], list):
            raise ValueError("a list is missing")
        self.stack[-1].extend(values)

    def set_items(self, values: list[Any]) -> None:
        """Add keys and values to a table."""
        table = self.stack[-1]
        if not isinstance(table, dict) or len(values) % 2 or not all(isinstance(key, bytes) for key in values[::2]):
            raise ValueError("a table is missing, or its keys are no texts of bytes")
        table.update(zip(values[::2], values[1::2]))

    def start_table(self) -> None:
        """Put down a table with what came since the last mark."""
        values = self.since_mark()
        self.stack.append({})
        self.set_items(values)

    def take(self, n: int) -> list[Any]:
        """Take the last values."""
        values = self.stack[-n:]
        del self.stack[-n:]
        return values

    def call(self) -> None:
        """Do one of the few things that a batch asks for."""
        what, arguments = self.take(2)
        if what == _Name(_RECONSTRUCT) and arguments[0] == _Name(_NDARRAY):
            self.stack.append(_Array())
        elif what == _Name(_DTYPE):
            kind = _text(arguments[0])
            if kind not in _TYPES:
                raise ValueError(f"it holds values of type {kind[:20]!r}; whole numbers are allowed")
            self.stack.append(_Type(kind))
        elif what == _Name(_ENCODE) and isinstance(arguments[0], str) and arguments[1] == "latin1":
            self._room -= len(arguments[0])
            if self._room < 0:
                raise ValueError("a text is used more than once")
            self.stack.append(arguments[0].encode("latin-1"))
        else:
            raise ValueError("it asks for something that no batch needs")

    def build(self) -> None:
        """Describe the type or the array below."""
        target, state = self.take(2)
        if isinstance(target, _Type):
            order = _text(state[1])
            if order not in ("|", "<", ">") or any(part is not None for part in state[2:5]):
                raise ValueError("a type of numbers is none that a batch has")
            target.order = order
        elif isinstance(target, _Array):
            _, shape, kind, is_fortran, data = state
            target.values = _array(shape, kind, is_fortran, data)
        else:
            raise ValueError("it describes something that no batch has")
        self.stack.append(target)


def _array(shape: Any, kind: Any, is_fortran: Any, data: Any) -> np.ndarray:
    """An array of what numpy wrote of it."""
    if not isinstance(kind, _Type) or not isinstance(data, bytes):
        raise ValueError("an array holds no bytes of numbers")
    dtype = np.dtype(kind.order + kind.name)
    if not all(isinstance(length, int) and length >= 0 for length in shape) or len(shape) > 4:
        raise ValueError("an array has no shape")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"an array of shape {shape} cannot have {len(data)} bytes")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


def _named(text: str) -> _Name:
    """Something that a batch may name."""
    if text not in _NAMES:
        raise ValueError(f"it asks for {text.replace(' ', '.')[:60]!r}, which no batch needs")
    return _Name(_NAMES[text])


def _text(value: Any) -> str:
    """A text, which old and new Pythons write in two ways."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str):
        return value
    raise ValueError("a text is missing")


_STEPS: dict[str, Callable[[_BatchReader], None]] = {
    "MARK": lambda reader: reader.stack.append(_MARK),
    "EMPTY_DICT": lambda reader: reader.stack.append({}),
    "EMPTY_LIST": lambda reader: reader.stack.append([]),
    "EMPTY_TUPLE": lambda reader: reader.stack.append(()),
    "DICT": _BatchReader.start_table,
    "LIST": lambda reader: reader.stack.append(reader.since_mark()),
    "TUPLE": lambda reader: reader.stack.append(tuple(reader.since_mark())),
    "TUPLE1": lambda reader: reader.tuple_of(1),
    "TUPLE2": lambda reader: reader.tuple_of(2),
    "TUPLE3": lambda reader: reader.tuple_of(3),
    "APPEND": lambda reader: reader.append([reader.stack.pop()]),
    "APPENDS": lambda reader: reader.append(reader.since_mark()),
    "SETITEM": lambda reader: reader.set_items(reader.take(2)),
    "SETITEMS": lambda reader: reader.set_items(reader.since_mark()),
    "REDUCE": _BatchReader.call,
    "BUILD": _BatchReader.build,
}
