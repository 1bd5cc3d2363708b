"""Older analysis files are brought to today's schema in a copy; the file itself stays as it is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping

import h5py

from cnnvis_caffe.files.plain_hdf5 import Group, open_plain
from cnnvis_caffe.store import schema
from cnnvis_caffe.store.h5 import OpenFile

#: By the version that it starts from: what makes a file one version newer, in place. A new version of the schema
#: adds an entry here and an archived file to `tests/recorded/files/archives`.
STEPS: Mapping[int, Callable[[h5py.File], None]] = {}


def migrate(
    file: OpenFile,
    version: int,
    steps: Mapping[int, Callable[[h5py.File], None]] = STEPS,
    newest: int = schema.VERSION,
) -> None:
    """Replace an open file by a copy that is of today's schema and goes when it is closed.

    Parameters
    ----------
    file : OpenFile
        Its `root` is another one afterwards.
    version : int
        Of the file.
    steps : mapping of int to callable
    newest : int
    """
    folder = tempfile.mkdtemp(prefix="cnnvis-")
    path = os.path.join(folder, "newer.h5")
    with file.reading("/"), h5py.File(path, "w", libver="earliest") as copy:
        _copy(file.root, copy)
        for number in range(version, newest):
            steps[number](copy)
    file.root.close()
    file.root = open_plain(path, close=lambda: shutil.rmtree(folder, ignore_errors=True))


def _copy(group: Group, target: h5py.Group) -> None:
    """Copy what is in a group, however it was packed."""
    for name, value in group.attrs.items():
        target.attrs[name] = value
    for name, item in group.items():
        if isinstance(item, Group):
            _copy(item, target.create_group(name))
        else:
            target.create_dataset(name, data=item.read(add=False), track_times=False).attrs.update(item.attrs)
