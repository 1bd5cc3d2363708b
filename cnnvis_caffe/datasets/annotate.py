"""Turns the texts of lists and tables into labels of one kind."""

from __future__ import annotations

import os
import re

import numpy as np

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.records.annotations import (
    CLASS,
    MASK,
    NO_LABELS,
    Annotations,
    of_classes,
    of_numbers,
    without_labels,
)
from cnnvis_caffe.records.image_table import ImageTable

_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,18}")


def annotate(table: ImageTable, masks: tuple[str, ...] = ()) -> Annotations:
    """Say of which kind the labels of a list or table are, and read them.

    Parameters
    ----------
    table : ImageTable
    masks : tuple of str, optional
        The mask of each image, where the table has them.

    Returns
    -------
    Annotations
        Without values behind the paths: none, or masks. One whole number: a class. One word: a group of that
        name, numbered in byte order. Several values of 0 and 1, or -1 and 1: several labels. Other numbers: numbers.

    Raises
    ------
    DataFileError
        If a value is neither, or if there are several words.
    """
    found = _annotations(table, masks)
    if not table.groups:
        return found
    names = tuple(sorted(set(table.groups), key=os.fsencode))
    places = {name: place for place, name in enumerate(names)}
    groups = np.array([places[name] for name in table.groups], np.int64)
    return Annotations(found.kind, found.n_images, found.values, found.names, found.masks, groups, names)


def _annotations(table: ImageTable, masks: tuple[str, ...]) -> Annotations:
    """The labels without groups."""
    n_images, n_fields = len(table.images), len(table.fields[0])
    if masks:
        return Annotations(MASK, n_images, masks=masks)
    if not n_fields:
        return without_labels(n_images)
    columns = list(zip(*table.fields))
    if n_fields == 1:
        return _one_column(table, list(columns[0]))
    return of_numbers(np.stack([_numbers(table, column) for column in columns], 1), table.names)


def _one_column(table: ImageTable, column: list[str]) -> Annotations:
    """One value behind each path."""
    if all(map(_WHOLE_NUMBER.fullmatch, column)):
        labels = np.array(column).astype(np.int64)
        if labels.min() >= 0:
            return of_classes(labels)
        line = table.lines[int(labels.argmin())]
        raise DataFileError(
            table.path, f"line {line}: has the label {labels.min()}; labels count from 0; give a label that is not "
            "known as an image without one, in a list of its own"
        )  # fmt: skip
    if any(not _is_number(text) for text in column):
        _check_words(table, column)
        names = tuple(sorted(set(column), key=os.fsencode))
        places = {name: place for place, name in enumerate(names)}
        # Which of the network's classes a word means is known once the names of these are (`fit_to_classes`).
        groups = np.array([places[name] for name in column], np.int64)
        return Annotations(NO_LABELS, len(column), groups=groups, group_names=names)
    return of_numbers(_numbers(table, tuple(column))[:, None], table.names)


def _check_words(table: ImageTable, column: list[str]) -> None:
    """Raise where words and numbers are mixed: one of them is a slip."""
    for text, line in zip(column, table.lines):
        if _is_number(text) or not text or text[0].isdigit():
            raise DataFileError(
                table.path,
                f"line {line}: the label {text!r} is neither a whole number as others nor a word; write the number of "
                "the class, from 0, behind each path, or the name of the class behind each",
            )


def _numbers(table: ImageTable, column: tuple[str, ...]) -> np.ndarray:
    """A column of numbers; an empty cell is NaN."""
    try:
        return np.array([float(text or "nan") for text in column], np.float32)
    except ValueError:
        wrong = next(i for i, text in enumerate(column) if not _is_number(text))
        raise DataFileError(
            table.path, f"line {table.lines[wrong]}: {column[wrong]!r} is not a number; behind each path, give one "
            "word or numbers"
        ) from None  # fmt: skip


def _is_number(text: str) -> bool:
    """Whether a text is a number, or empty."""
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


def joined(parts: list[Annotations]) -> Annotations:
    """Put the annotations of several sources behind each other.

    Parameters
    ----------
    parts : list of Annotations
        At least one.

    Returns
    -------
    Annotations
        Without labels where the parts have labels of several kinds, or with several names.
    """
    first, n_images = parts[0], sum(part.n_images for part in parts)
    if len(parts) == 1:
        return first
    if first.kind == NO_LABELS or any((part.kind, part.names) != (first.kind, first.names) for part in parts):
        return without_labels(n_images)
    if first.kind == CLASS or len({part.values.shape[1:] for part in parts}) == 1:
        values = np.concatenate([part.values for part in parts])
        masks = tuple(mask for part in parts for mask in part.masks)
        return Annotations(first.kind, n_images, values, first.names, masks)
    return without_labels(n_images)
