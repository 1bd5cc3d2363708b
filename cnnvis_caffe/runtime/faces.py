"""Blobs as Python code sees them: scripts through pycaffe, and layers that users write in Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnvis_caffe.runtime import blob as runtime
from cnnvis_caffe.runtime.vectors import IntVec, Vector


class Blob:
    """Values and gradients of one shape.

    It may carry attributes of a script's own, as long as the script keeps it: ``net.blobs[name]`` is the same object
    each time, what a `BlobVec` gives is a new one.

    Attributes
    ----------
    runtime_blob : runtime.blob.Blob
        What this shows.

    Notes
    -----
    Follows `python/caffe/_caffe.cpp`.
    """

    def __init__(self, runtime_blob: runtime.Blob) -> None:
        self.runtime_blob = runtime_blob

    @property
    def shape(self) -> IntVec:
        """Lengths of the axes; a copy, which may be changed and given to `reshape`."""
        return IntVec.on(list(self.runtime_blob.shape))

    @property
    def count(self) -> int:
        """Product of the shape."""
        return self.runtime_blob.count

    @property
    def num(self) -> int:
        """Length of axis 0, or 1."""
        return self.runtime_blob.num

    @property
    def channels(self) -> int:
        """Length of axis 1, or 1."""
        return self.runtime_blob.channels

    @property
    def height(self) -> int:
        """Length of axis 2, or 1."""
        return self.runtime_blob.height

    @property
    def width(self) -> int:
        """Length of axis 3, or 1."""
        return self.runtime_blob.width

    @property
    def data(self) -> np.ndarray:
        """Values as a live, writable view of shape `shape`, float32, C order."""
        return self.runtime_blob.data

    @property
    def diff(self) -> np.ndarray:
        """Gradients as a live, writable view of shape `shape`, float32, C order."""
        return self.runtime_blob.diff

    def reshape(self, *shape: int) -> None:
        """Change the shape; values stay as long as the new shape needs no more room than there ever was.

        Raises
        ------
        ShapeError
            If an axis is negative, there are more than 32 axes, or more than 2**31 - 1 values.
        TypeError
            If a length is no whole number.
        """
        self.runtime_blob.reshape(*_lengths(shape))

    def __repr__(self) -> str:
        return f"Blob({self.runtime_blob.name!r}, shape={self.runtime_blob.shape})"


class RawBlobVec(Vector[Blob]):
    """Blobs that belong to somebody else, such as those that a layer reads and writes."""

    __slots__ = ()
    _what = "blobs"

    def _stored(self, value: Any) -> runtime.Blob:
        if not isinstance(value, Blob):
            raise self._refusal(value)
        return value.runtime_blob

    def _shown(self, item: runtime.Blob) -> Blob:
        return Blob(item)


class BlobVec(RawBlobVec):
    """Blobs, such as the parameters of a layer."""

    __slots__ = ()

    def add_blob(self, *shape: int) -> None:
        """Append a blob of zeros.

        Parameters
        ----------
        *shape : int
            Lengths of the axes; none for a single value.
        """
        self._items.append(runtime.Blob(tuple(_lengths(shape)), name=f"param[{len(self)}]"))


def _lengths(shape: tuple[int, ...]) -> IntVec:
    """Lengths of axes, all of them whole numbers."""
    lengths = IntVec()
    lengths.extend(shape)
    return lengths
