"""Lists of images: a path and a label on each line."""

from __future__ import annotations

import os
import re

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.images import read_bytes

_LEADING_NUMBER = re.compile(rb"\s*([+-]?\d+)")
_BEYOND = 1 << 63


def read_image_list(path: str | os.PathLike[str]) -> list[tuple[str, int]]:
    """Read a list of images.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of (str, int)
        Path as written, and label.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it cannot be read or is not text.

    Notes
    -----
    ``ImageDataLayer::DataLayerSetUp`` in ``src/caffe/layers/image_data_layer.cpp``: the label follows the last
    space of a line, and what is not a number counts as 0. Blank lines, at which Caffe would abort once it gets
    there, are skipped.
    """
    entries = []
    content = read_bytes(path)
    if b"\0" in content:
        raise DataFileError(os.fspath(path), "is not text; give a list: on each line the path of an image and a label")
    for line in content.split(b"\n"):
        if line.strip():
            name, space, label = line.rpartition(b" ")
            entries.append((os.fsdecode(name if space else line), _leading_number(label)))
    return entries


def write_image_list(entries: list[tuple[str, int]]) -> str:
    """Return the text of a list of images.

    Parameters
    ----------
    entries : list of (str, int)

    Returns
    -------
    str
    """
    return "".join(f"{name} {label}\n" for name, label in entries)


def _leading_number(text: bytes) -> int:
    """The number that a text begins with, 0 if it does not."""
    found = _LEADING_NUMBER.match(text)
    if not found:
        return 0
    # Caffe quirk: atoi takes the lower 32 of 64 bits. Twenty-one characters are beyond these however many follow.
    whole = max(-_BEYOND, min(_BEYOND - 1, int(found.group(1)[:21])))
    return (whole + (1 << 31)) % (1 << 32) - (1 << 31)
