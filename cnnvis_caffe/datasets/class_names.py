"""Names of a network's classes: read from the files that come with models, and matched to the names that data have."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.images import read_bytes

#: Files of names that lie beside models, in the order in which they are tried.
USUAL_FILES = (
    "synset_words.txt", "labels.txt", "class_names.txt", "classes.txt", "synsets.txt", "label_names.txt", "names.txt",
    "words.txt",
)  # fmt: skip
_SYNSET = re.compile(r"(n\d{8})\s+(.+)")
_NUMBERED = re.compile(r"(\d+)\s*[:,\t ]\s*(.+)")
_LARGEST = 4 << 20


def read_class_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Read the names of classes, one a line.

    Parameters
    ----------
    path : str or path-like
        ``synset_words.txt``, ``labels.txt`` and the like. Numbers in front, 0, 1, 2 and so on, are left out.

    Returns
    -------
    tuple of str
        In the order of the scores. A line of ``synset_words.txt`` is a name as it stands.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is not text, or has no names.
    """
    content = read_bytes(path)
    if b"\0" in content:
        raise DataFileError(os.fspath(path), "is not text; give a file with the name of one class on each line")
    names = [line.strip() for line in content.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    if not names:
        raise DataFileError(os.fspath(path), "has no names; give a file with the name of one class on each line")
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    if all(found is not None and int(found.group(1)) == i for i, found in enumerate(numbered)):
        return tuple(found.group(2) for found in numbered if found is not None)
    return tuple(names)


def find_class_names(files: Sequence[str], n_classes: int) -> tuple[tuple[str, ...], str]:
    """Find a file of class names beside a network or its weights.

    Parameters
    ----------
    files : sequence of str
        The network, its weights: their folders are looked into.
    n_classes : int
        A file with more or fewer names belongs to something else.

    Returns
    -------
    (tuple of str, str)
        The names and the file; both empty where there is none.
    """
    folders = dict.fromkeys(os.path.dirname(os.path.abspath(file)) for file in files if file)
    for path in (Path(folder) / name for folder in folders for name in USUAL_FILES):
        try:
            if not path.is_file() or path.stat().st_size > _LARGEST:
                continue
            names = read_class_names(path)
        except (DataFileError, OSError):  # nobody has named it: what cannot be read is passed over
            continue
        if len(names) == n_classes:
            return names, os.fspath(path)
    return (), ""


def match_names(found: Sequence[str], class_names: Sequence[str]) -> list[int]:
    """Find which class each name means.

    Parameters
    ----------
    found : sequence of str
        Names of folders, or words of a list.
    class_names : sequence of str
        In the order of the scores.

    Returns
    -------
    list of int
        A class for each name; -1 where none, or more than one, has it. Of "n02123045 tabby, tabby cat" the number of
        the synset, the words, and each word between commas are names. Case, "_" and "-" do not matter.
    """
    known: dict[str, int] = {}
    for number, name in enumerate(class_names):
        for key in _keys(name):
            known[key] = -1 if known.get(key, number) != number else number
    # The whole name comes first: "crane" may be two synsets, but "crane" as it stands in the list is one line.
    known.update({_plain(name): number for number, name in enumerate(class_names)})
    return [known.get(_plain(name), -1) for name in found]


def _keys(name: str) -> set[str]:
    """By what a class may be called."""
    synset = _SYNSET.fullmatch(name)
    words = synset.group(2) if synset else name
    keys = {name, words, *(word.strip() for word in words.split(","))}
    return {_plain(key) for key in keys | ({synset.group(1)} if synset else set())}


def _plain(name: str) -> str:
    """A name without what people write in different ways."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
