"""Fits the labels of a data source to the classes of a network."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.datasets.class_names import match_names
from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.records.annotations import CLASS, NO_LABELS, Annotations, of_classes


def fit_to_classes(
    annotations: Annotations, n_classes: int, class_names: Sequence[str] = (), source: str = "data"
) -> tuple[Annotations, str]:
    """Give images the labels that a network has for their classes, or none.

    Parameters
    ----------
    annotations : Annotations
        Of other kinds than "class" and "none" they are returned as they are.
    n_classes : int
        Of the network.
    class_names : sequence of str, optional
        Of its classes, in the order of the scores.
    source : str, default="data"
        The name of the data, for messages.

    Returns
    -------
    (Annotations, str)
        Folders and words that are names of classes become these classes, and so do numbers of classes where some
        classes have no folder. More folders than classes become groups, and
        so do other ones where their number differs. The text says what was taken for what; it is empty where there
        is no doubt.

    Raises
    ------
    DataFileError
        If a label is beyond the classes, or if some folders have names of classes and others have not.
    """
    own = annotations.names if annotations.kind == CLASS else annotations.group_names
    if annotations.kind not in (CLASS, NO_LABELS) or (annotations.kind == NO_LABELS and not own):
        return annotations, ""
    if own and class_names:
        numbers = match_names(own, class_names)
        if -1 not in numbers:
            labels = np.array(numbers, np.int64)[annotations.strata()]
            return of_classes(labels, tuple(class_names)), ""
        if max(numbers) >= 0:
            raise _stranger(source, own[numbers.index(-1)], class_names)
    if own and not class_names and len(own) < n_classes and _are_numbers(own, n_classes):
        # Folders of some classes, such as all digits but one: their order would be wrong from the gap on.
        labels = np.array([int(name) for name in own], np.int64)[annotations.strata()]
        return of_classes(labels, tuple(map(str, range(n_classes)))), ""
    is_other = bool(class_names) and len(own) != n_classes
    if own and (annotations.kind == NO_LABELS or len(own) > n_classes or is_other):
        more = f"more than the network's {n_classes} classes"
        what = more if len(own) > n_classes else "other names than the classes'"
        note = f"its {len(own)} folders or names ({_some(own)}) are {what}: they are groups, not labels"
        return annotations.as_groups(), note
    largest = int(annotations.values.max(initial=-1))
    if largest >= n_classes:
        raise DataFileError(
            source,
            f"has labels up to {largest}, but the network gives scores for {n_classes} classes; give the data that it "
            "was trained for, or the images without labels (cnnvis-caffe predict)",
        )
    if own and not class_names and len(own) < n_classes:
        first = "class 0" if len(own) == 1 else f"the classes 0 to {len(own) - 1}"
        return annotations, f"{_some(own)} taken for {first}, by their order; name all {n_classes} classes (--classes)"
    return annotations, ""


def _are_numbers(names: Sequence[str], n_classes: int) -> bool:
    """Whether all names are numbers of classes."""
    return all(name.isascii() and name.isdigit() and str(int(name)) == name for name in names) and all(
        int(name) < n_classes for name in names
    )


def _stranger(source: str, name: str, class_names: Sequence[str]) -> DataFileError:
    """A name that is none of the classes, among others that are."""
    near = difflib.get_close_matches(name, class_names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "rename or remove it"
    return DataFileError(
        source, f"has a folder {name!r}, which is none of the named classes, while others are; {hint}"
    )


def _some(names: Sequence[str]) -> str:
    """The first names."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
