"""Lists of clips: folders of frames with a label each, and C3D's lists with the first frame between the two."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.images import read_bytes

_WHAT = "give on each line a folder of frames, and behind it nothing, a label, or the first frame and a label"


class ClipRow(NamedTuple):
    """A line of a list of clips.

    Attributes
    ----------
    folder : str
    start : int or None
        The first frame, counted from 1; None for frames from the whole folder.
    label : int or None
    """

    folder: str
    start: int | None
    label: int | None


def read_clip_list(path: str | os.PathLike[str]) -> list[ClipRow]:
    """Read a list of folders of frames.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of ClipRow

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is not text, is empty, or its lines are not alike.
    """
    path = os.fspath(path)
    content = read_bytes(path)
    if b"\0" in content:
        raise DataFileError(path, f"is not text; {_WHAT}")
    rows = []
    for number, line in enumerate(os.fsdecode(content.removeprefix(b"\xef\xbb\xbf")).split("\n"), 1):
        if not line.strip():
            continue
        parts = line.rsplit(maxsplit=2)
        numbers = [int(part) for part in parts[1:] if re.fullmatch(r"\d{1,9}", part)]
        if len(parts) == 3 and not re.fullmatch(r"\d{1,9}", parts[1]):
            numbers = numbers[-1:] if re.fullmatch(r"\d{1,9}", parts[2]) else []
        folder = line.rsplit(maxsplit=len(numbers))[0].strip() if numbers else line.strip()
        start, label = (numbers[0], numbers[1]) if len(numbers) == 2 else (None, numbers[0] if numbers else None)
        if start is not None and start < 1:
            raise DataFileError(path, f"line {number}: the first frame is {start}; frames count from 1")
        rows.append(ClipRow(folder, start, label))
    if not rows:
        raise DataFileError(path, f"is a list without clips; {_WHAT}")
    for number, row in enumerate(rows, 1):
        if (row.label is None) != (rows[0].label is None):
            has = "no label" if row.label is None else "a label"
            raise DataFileError(path, f"clip {number} has {has}, unlike the first; give every clip one, or none")
    return rows
