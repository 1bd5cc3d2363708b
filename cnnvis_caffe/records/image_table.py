"""The record of a list or table of image files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageTable:
    """Image files, and the texts that a list or a CSV table has for them.

    Attributes
    ----------
    path : str
        Of the list or table.
    images : tuple of tuple of str
        The image files of each row, as written: one, or several where a row is a pair, or an image and its mask.
    fields : tuple of tuple of str
        What stands behind the files of each row; equally many in each.
    names : tuple of str
        Of the fields, from a header; empty where there is none.
    lines : tuple of int
        The line of each row, from 1.
    groups : tuple of str
        The group of each row; empty where the table has no column of that name.
    """

    path: str
    images: tuple[tuple[str, ...], ...]
    fields: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    lines: tuple[int, ...]
    groups: tuple[str, ...] = ()
