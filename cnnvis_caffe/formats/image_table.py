"""Lists and CSV tables of image files: paths with nothing, one label, several labels, numbers, a mask or a partner."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.images import read_bytes
from cnnvis_caffe.records.image_table import ImageTable

#: Endings of image files, in small letters.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
_TABLE_SUFFIXES = (".csv", ".tsv")
_FILE = re.compile(rf"\S.*?(?:{'|'.join(map(re.escape, IMAGE_SUFFIXES))})(?=\s|$)", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,18}")
_IMAGE_COLUMNS = ("image", "img", "file", "filename", "file_name", "image_id", "image_path", "path", "name")
_MASK_COLUMNS = ("mask", "mask_path", "segmentation")
_LABEL_COLUMNS = ("label", "class", "target", "category")
_GROUP_COLUMN = "group"
_WHAT = "give a list: on each line the path of an image, and behind it nothing, a label, or several"


def read_image_table(path: str | os.PathLike[str]) -> ImageTable:
    """Read a list of image files, or a CSV table with a column of them.

    Parameters
    ----------
    path : str or path-like
        A ``.csv`` or ``.tsv`` file is a table, with a header or without; any other file a list.

    Returns
    -------
    ImageTable

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is not text, names no images, or a row is unlike the others.
    """
    path = os.fspath(path)
    content = read_bytes(path)
    if b"\0" in content:
        raise DataFileError(path, f"is not text; {_WHAT}")
    is_table = path.lower().endswith(_TABLE_SUFFIXES)
    lines = os.fsdecode(content.removeprefix(b"\xef\xbb\xbf")).split("\n")
    table = _read_table(path, lines) if is_table else _read_list(path, lines)
    if not table.images:
        raise DataFileError(path, f"is a list without images; {_WHAT}")
    _check_alike(table)
    return table


def _check_alike(table: ImageTable) -> None:
    """Raise unless all rows have as many files and fields as the first."""
    first = len(table.images[0]), len(table.fields[0])
    for files, fields, line in zip(table.images, table.fields, table.lines):
        if (len(files), len(fields)) == first:
            continue
        if not fields and first == (1, 1):
            raise DataFileError(
                table.path, f"line {line}: {files[0]!r} has no label behind it, but line {table.lines[0]} has one; "
                "give every image a label, or none"
            )  # fmt: skip
        raise DataFileError(
            table.path,
            f"line {line} has {_count(len(files), 'file')} and {_count(len(fields), 'value')}, but line "
            f"{table.lines[0]} has {_count(first[0], 'file')} and {_count(first[1], 'value')}; all lines must be alike",
        )
    if table.names and len(table.names) != first[1]:
        raise DataFileError(table.path, f"names {len(table.names)} columns, but the rows have {first[1]} values")


def _count(number: int, word: str) -> str:
    """Such as "1 file", "2 files"."""
    return f"{number} {word}{'s' * (number != 1)}"


# -- lists -----------------------------------------------------------------------------------------------------------


def _read_list(path: str, lines: Sequence[str]) -> ImageTable:
    """Rows of a list; CelebA's has the number of images and the names of the labels above them."""
    images: list[tuple[str, ...]] = []
    fields: list[tuple[str, ...]] = []
    numbers: list[int] = []
    header: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        files, behind = _split_line(line)
        if not files and not images and number <= 2:
            header = header if _WHOLE_NUMBER.fullmatch(line.strip()) else line.split()
            continue
        if not files:
            raise DataFileError(path, f"line {number}: {line.strip()[:80]!r} names no image; {_WHAT}")
        images.append(files)
        fields.append(behind)
        numbers.append(number)
    names = tuple(header[-len(fields[0]) :]) if header and fields and fields[0] else ()
    return ImageTable(path, tuple(images), tuple(fields), names, tuple(numbers))


def _split_line(line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Files and values of a line; a path may hold spaces and ends where an image's ending stands."""
    files = []
    place = 0
    while True:
        found = _FILE.match(line, len(line) - len(line[place:].lstrip()))
        if not found:
            break
        files.append(found.group())
        place = found.end()
    if files:
        return tuple(files), tuple(line[place:].split())
    # A path without such an ending: the label follows the last space, as in Caffe.
    name, space, label = line.strip().rpartition(" ")
    if space and _WHOLE_NUMBER.fullmatch(label):
        return (name,), (label,)
    return (), ()


# -- tables ----------------------------------------------------------------------------------------------------------


def _read_table(path: str, lines: Sequence[str]) -> ImageTable:
    """Rows of a CSV table: which columns hold files, values and groups."""
    first = next((line for line in lines if line.strip()), "")
    reader = csv.reader(lines, delimiter=max(",;\t", key=first.count))
    rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        raise DataFileError(path, f"line {reader.line_num}: {error}") from error
    if not rows:
        return ImageTable(path, (), (), (), ())
    header: list[str] = []
    if not any(map(_is_file, rows[0][1])) and not all(map(_is_number, rows[0][1][1:] or [""])):
        header = rows.pop(0)[1]
    width = len(header) or (len(rows[0][1]) if rows else 0)
    for line, row in rows:
        if len(row) != width:
            raise DataFileError(path, f"line {line} has {len(row)} cells, but the first line has {width}")
    return _columns(path, header, rows)


def _columns(path: str, header: Sequence[str], rows: Sequence[tuple[int, list[str]]]) -> ImageTable:
    """The table by its columns."""
    names = [name.lower().replace(" ", "_") for name in header]
    files = [i for i, cell in enumerate(rows[0][1]) if _is_file(cell)] if rows else []
    files = files or [i for i, name in enumerate(names) if name in _IMAGE_COLUMNS][:1] or [0]
    # The mask comes second, wherever its column stands.
    files.sort(key=lambda i: (i < len(names) and names[i] in _MASK_COLUMNS, i))
    groups = [i for i, name in enumerate(names) if name == _GROUP_COLUMN and i not in files]
    labels = [i for i, name in enumerate(names) if name in _LABEL_COLUMNS and i not in files]
    others = [i for i in range(len(rows[0][1]) if rows else 0) if i not in (*files, *groups)]
    words = [i for i in others if not all(_is_number(row[i]) for _, row in rows)]
    # A lone column of words is the label; beside others it must be called so.
    chosen = others if not words or others == words[:1] else labels if len(labels) == 1 else []
    if others and not chosen:
        shown = ", ".join(repr(header[i] if header else f"column {i + 1}") for i in words[:3])
        raise DataFileError(
            path, f"has columns that are not numbers: {shown}; name the column of the label 'label' in the first line, "
            "or remove the others"
        )  # fmt: skip
    return ImageTable(
        path=path,
        images=tuple(tuple(row[i] for i in files) for _, row in rows),
        fields=tuple(tuple(row[i] for i in chosen) for _, row in rows),
        names=tuple(header[i] for i in chosen) if header else (),
        lines=tuple(line for line, _ in rows),
        groups=tuple(row[groups[0]] for _, row in rows) if groups else (),
    )


def _is_file(cell: str) -> bool:
    """Whether a cell names an image file."""
    return cell.lower().endswith(IMAGE_SUFFIXES)


def _is_number(cell: str) -> bool:
    """Whether a cell is a number, or empty."""
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True
