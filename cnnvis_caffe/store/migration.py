"""Older analysis files are brought to today's schema in memory; the file itself stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import h5py

from cnnvis_caffe.store import schema
from cnnvis_caffe.store.h5 import OpenFile

#: By the version that it starts from: what makes a file one version newer, in place. A new version of the schema
#: adds an entry here and an archived file to `tests/store_archives`.
STEPS: Mapping[int, Callable[[h5py.File], None]] = {}


def migrate(
    file: OpenFile,
    version: int,
    steps: Mapping[int, Callable[[h5py.File], None]] = STEPS,
    newest: int = schema.VERSION,
) -> None:
    """Replace an open file by a copy in memory that is of today's schema.

    Parameters
    ----------
    file : OpenFile
        Its `root` is another one afterwards.
    version : int
        Of the file.
    steps : mapping of int to callable
    newest : int
    """
    copy = h5py.File(f"{file.path} in memory", "w", driver="core", backing_store=False)
    with file.reading("/"):
        for name, value in file.root.attrs.items():
            copy.attrs[name] = value
        for name in file.root:
            file.root.copy(name, copy)
    for number in range(version, newest):
        steps[number](copy)
    file.root.close()
    file.root = copy
