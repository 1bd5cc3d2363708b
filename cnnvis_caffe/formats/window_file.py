"""Window files: images with labelled boxes, as R-CNN wrote them for Caffe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.images import read_bytes

_MAX_DIGITS = 11


class LabelledWindow(NamedTuple):
    """One box.

    Attributes
    ----------
    label : int
    overlap : float
        With the nearest object, in [0, 1].
    x1, y1, x2, y2 : int
        Pixels, all four inside the box.
    """

    label: int
    overlap: float
    x1: int
    y1: int
    x2: int
    y2: int


class WindowImage(NamedTuple):
    """One image of a window file.

    Attributes
    ----------
    number : int
        As the file numbers it.
    path : str
    channels, height, width : int
    windows : tuple of LabelledWindow
    """

    number: int
    path: str
    channels: int
    height: int
    width: int
    windows: tuple[LabelledWindow, ...]


def read_window_file(path: str | os.PathLike[str]) -> list[WindowImage]:
    """Read a window file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of WindowImage

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is not a window file or is cut off.

    Notes
    -----
    ``src/caffe/layers/window_data_layer.cpp``: repeated ``# index``, path, channels, height, width, number of
    windows, and for each ``label overlap x1 y1 x2 y2``; white space separates, new lines mean nothing.
    """
    path = os.fspath(path)
    words = iter(read_bytes(path).split())
    images: list[WindowImage] = []
    try:
        for word in words:
            if word != b"#":
                raise ValueError(f"expected '#', found {os.fsdecode(word)!r}")
            number, name = _whole(next(words)), os.fsdecode(next(words))
            channels, height, width, n_windows = (_whole(next(words)) for _ in range(4))
            windows = tuple(_read_window(words) for _ in range(n_windows))
            images.append(WindowImage(number, name, channels, height, width, windows))
    except (ValueError, RuntimeError, StopIteration, OverflowError) as error:
        reason = "it is cut off" if isinstance(error, (StopIteration, RuntimeError)) else str(error)
        raise DataFileError(path, f"is not a window file, from image {len(images) + 1} on: {reason}") from error
    return images


def _read_window(words: Iterator[bytes]) -> LabelledWindow:
    """Read one line of six numbers."""
    label, overlap, *box = (next(words) for _ in range(6))
    return LabelledWindow(_whole(label), float(overlap), *map(_whole, box))


def _whole(word: bytes) -> int:
    """A whole number that Caffe's integers can hold."""
    if len(word) > _MAX_DIGITS:
        raise ValueError(f"{os.fsdecode(word[:40])!r} is not a whole number")
    return int(word)
