"""Writes tables as CSV, JSON and npz."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.text.plain import csv_cell

#: A part of a table: its layer, the names of its columns, and its rows.
Part = tuple[str, Sequence[str], np.ndarray]


def delimited(columns: Iterable[str], rows: Iterable[Iterable[object]], delimiter: str) -> str:
    """Return a table as text: "," for files, tabs for a spreadsheet's clipboard."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(map(csv_cell, columns))
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """A cell as it is written."""
    return f"{value:.6g}" if isinstance(value, float) else csv_cell(value) if isinstance(value, str) else value


def as_csv(parts: Sequence[Part]) -> bytes:
    """One table with the layer in front; a new header wherever the columns are others."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    before: Sequence[str] | None = None
    for name, columns, rows in parts:
        if before is None or list(columns) != list(before):
            writer.writerow(["layer", *map(csv_cell, columns)])
            before = columns
        cell = csv_cell(name)
        writer.writerows([cell, *map(_number, row)] for row in rows.tolist())
    return text.getvalue().encode("utf-8")


def as_json(parts: Sequence[Part]) -> bytes:
    """A list of objects with a layer, columns and rows."""
    plain: list[dict[str, Any]] = [
        {"layer": name, "columns": list(columns),
         "rows": [[value if math.isfinite(value) else None for value in row] for row in rows.tolist()]}
        for name, columns, rows in parts
    ]  # fmt: skip
    return json.dumps(plain, allow_nan=False).encode("ascii")


def as_npz(parts: Sequence[Part]) -> bytes:
    """An array for each layer, and the names of its columns."""
    arrays: dict[str, Any] = {}
    for name, columns, rows in parts:
        key = name.replace("/", "%2F")
        arrays[key] = np.concatenate([arrays[key], rows]) if key in arrays else rows
        arrays[f"{key} columns"] = np.array(list(columns))
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _number(value: float) -> str:
    """A number with all digits that a float32 has; nothing for NaN."""
    return "" if math.isnan(value) else f"{value:.9g}"
