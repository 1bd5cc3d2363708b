"""The containers that pycaffe hands to scripts: C++ vectors that behave nearly as lists."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

T = TypeVar("T")
V = TypeVar("V", bound="Vector[Any]")

_INT_RANGE = (-(2**31), 2**31 - 1)


class Vector(Sequence[T]):
    """A vector of one kind of item; made empty, and filled by `append` and `extend`.

    Slices may be read, assigned and deleted without a step. What is no item of this kind is a TypeError, an index that
    is not there an IndexError.

    Notes
    -----
    Follows `vector_indexing_suite` of Boost.Python, with which `python/caffe/_caffe.cpp` wraps its vectors. Beyond
    that, vectors can be compared with lists and tuples, printed, and copied.
    """

    __slots__ = ("_items",)
    _what: ClassVar[str] = "any object"

    def __init__(self) -> None:
        self._items: list[Any] = []

    @classmethod
    def on(cls: type[V], items: list[Any]) -> V:
        """Return a vector that shows a list of the runtime; what a script does to it happens to the list."""
        vector = cls.__new__(cls)
        vector._items = items
        return vector

    # What differs from kind to kind.

    def _stored(self, value: Any) -> Any:
        """What is kept of a value that a script gives; TypeError if it is of another kind."""
        return value

    def _shown(self, item: Any) -> T:
        """What a script gets of an item."""
        return item  # type: ignore[no-any-return]

    # What all share.

    def append(self, value: T) -> None:
        """Add an item at the end."""
        self._items.append(self._stored(value))

    def extend(self, values: Iterable[T]) -> None:
        """Add all items of an iterable at the end, or none if one of them is of another kind."""
        self._items.extend([self._stored(value) for value in values])

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return map(self._shown, self._items)

    def __contains__(self, value: object) -> bool:
        try:
            return self._stored(value) in self._items
        except TypeError:
            return False

    def __getitem__(self, index: Any) -> Any:
        key = self._key(index)
        found = self._items[key]
        return self.on(found) if isinstance(key, slice) else self._shown(found)

    def __setitem__(self, index: Any, value: Any) -> None:
        key = self._key(index)
        if not isinstance(key, slice):
            self._items[key] = self._stored(value)
            return
        try:
            self._items[key] = [self._stored(value)]  # a single item takes the place of a slice, as in Boost
        except TypeError:
            self._items[key] = [self._stored(item) for item in value]

    def __delitem__(self, index: Any) -> None:
        del self._items[self._key(index)]

    def _key(self, index: Any) -> int | slice:
        """Check an index or slice."""
        if isinstance(index, slice):
            if index.step is not None:
                raise IndexError(
                    f"{type(self).__name__} takes slices without a step, as in pycaffe; turn it into a list first"
                )
            return index
        key = operator.index(index)
        if not -len(self._items) <= key < len(self._items):
            raise IndexError(f"index {key} is out of range for {type(self).__name__} of length {len(self._items)}")
        return key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Vector, list, tuple)):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"

    def _refusal(self, value: object) -> TypeError:
        """What to raise about a value of another kind."""
        return TypeError(f"{type(self).__name__} holds {self._what}, got {type(value).__name__} {value!r:.60}")


class IntVec(Vector[int]):
    """Whole numbers of 32 bits."""

    __slots__ = ()
    _what = "whole numbers"

    def _stored(self, value: Any) -> int:
        try:
            number = operator.index(value)
        except TypeError:
            raise self._refusal(value) from None
        if not _INT_RANGE[0] <= number <= _INT_RANGE[1]:
            raise OverflowError(f"IntVec holds numbers from {_INT_RANGE[0]} to {_INT_RANGE[1]}, got {number}")
        return number


class DtypeVec(Vector[float]):
    """Numbers in float32."""

    __slots__ = ()
    _what = "numbers"

    def _stored(self, value: Any) -> float:
        if not isinstance(value, (int, float, np.floating, np.integer)):
            raise self._refusal(value)
        with np.errstate(over="ignore"):
            return float(np.float32(value))


class BoolVec(Vector[bool]):
    """True and False; of whole numbers, all but 0 are True."""

    __slots__ = ()
    _what = "True and False"

    def _stored(self, value: Any) -> bool:
        if not isinstance(value, (int, np.bool_, np.integer)):
            raise self._refusal(value)
        return bool(value)


class StringVec(Vector[str]):
    """Texts; bytes are read as UTF-8."""

    __slots__ = ()
    _what = "texts"

    def _stored(self, value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode()
        if not isinstance(value, str):
            raise self._refusal(value)
        return value
