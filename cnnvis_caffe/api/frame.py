"""Makes a table for programs: a pandas.DataFrame where pandas is installed, a numpy array else."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def pandas() -> Any:
    """Return pandas, or None where it is not installed."""
    try:
        return importlib.import_module("pandas")
    except ImportError:
        return None


def frame_of(values: np.ndarray, row: str, rows: Iterable[Any], column: str, columns: Iterable[Any]) -> Any:
    """Return a matrix with names: a DataFrame, or the array itself.

    Parameters
    ----------
    values : ndarray of shape (n, m)
    row : str
        What a row is.
    rows : iterable
        Names of the rows.
    column : str
        What a column is.
    columns : iterable
        Names of the columns.
    """
    found = pandas()
    if found is None:
        return np.array(values)
    index, names = found.Index(list(rows), name=row), found.Index(list(columns), name=column)
    return found.DataFrame(np.array(values), index=index, columns=names)


def records_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """Return a table of rows: a DataFrame, or a structured array with the same names.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequence
        None is NaN, or an empty text.
    """
    found = pandas()
    if found is not None:
        return found.DataFrame.from_records([tuple(row) for row in rows], columns=list(columns))
    parts = [np.array([row[i] for row in rows], object) for i in range(len(columns))]
    kinds = [_kind(part) for part in parts]
    table = np.zeros(len(rows), list(zip(columns, kinds)))
    for name, part, kind in zip(columns, parts, kinds):
        nothing = "" if kind[0] == "U" else np.nan
        table[name] = [nothing if value is None else value for value in part]
    return table


def _kind(values: np.ndarray) -> str:
    """The type of a column."""
    if any(isinstance(value, str) for value in values):
        return f"U{max(len(str(value)) for value in values if value is not None)}"
    whole = len(values) and all(isinstance(value, (int, np.integer)) for value in values)
    return "i8" if whole else "f8"
