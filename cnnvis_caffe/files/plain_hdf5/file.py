"""Opening an HDF5 file, whichever kind it is."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Callable

from cnnvis_caffe.files.plain_hdf5 import objects
from cnnvis_caffe.files.plain_hdf5.content import HDF5_SIGNATURE, NOWHERE, Content, Damage, NotPlain
from cnnvis_caffe.files.plain_hdf5.foreign import make_plain
from cnnvis_caffe.files.plain_hdf5.messages import read_header


def open_plain(path: str | os.PathLike[str], close: Callable[[], object] | None = None) -> objects.PlainFile:
    """Open an HDF5 file for reading.

    Parameters
    ----------
    path : str or path-like
    close : callable, optional
        Called when the file is closed.

    Returns
    -------
    PlainFile
        Its root; a context manager that closes the file.

    Raises
    ------
    OSError
        If there is no such file or it cannot be read.
    Damage
        If it is not an HDF5 file, is damaged, or is made of something that even the HDF5 library does not read.
    """
    content = Content(os.fspath(path))
    if close is not None:
        content.belongings.callback(close)
    try:
        return _open(content)
    except NotPlain:
        return make_copy(content)
    except BaseException:
        content.close()
        raise


def make_copy(content: Content) -> objects.PlainFile:
    """Return the root of a plain copy of a file, which lives as long as the file is open."""
    if content.copy is None:
        folder = tempfile.mkdtemp(prefix="cnnvis-")
        content.belongings.callback(shutil.rmtree, folder, ignore_errors=True)
        plain = os.path.join(folder, "plain.h5")
        make_plain(content.path, plain, content.most)
        copy = Content(plain, most=content.most)
        content.belongings.callback(copy.close)
        copy.belongings.callback(content.close)
        copy.is_copy = True
        try:
            content.copy = _open(copy)
        except NotPlain as error:
            raise Damage(f"uses a part of HDF5 that is not read here: {error}") from error
    copied: objects.PlainFile = content.copy
    return copied


def _open(content: Content) -> objects.PlainFile:
    """Return the root of a file if that is plain."""
    root = objects.parsed(_read_superblock, content)
    return objects.PlainFile(content, "/", root, objects.parsed(read_header, content, root))


def _read_superblock(content: Content) -> int:
    """Find where the file begins, and return the address of its root."""
    start = 0
    while content.at(start, 8) != HDF5_SIGNATURE:
        start = max(512, 2 * start)
        if start + 8 > content.size:
            raise Damage("is not an HDF5 file or is damaged")
    version = content.at(start + 8, 1)[0]
    if version in (2, 3):
        raise NotPlain("a superblock of version 2")
    if version > 1:
        raise Damage(f"is damaged or of a later HDF5: its superblock is of version {version}")
    lengths = content.at(start + 13, 2)
    if lengths != b"\x08\x08":
        raise NotPlain("addresses of another length than 8 bytes")
    place = start + (28 if version else 24)
    base, _, end, driver, _, root = struct.unpack("<6Q", content.at(place, 48))
    if driver != NOWHERE:
        raise Damage("is one of several files that belong together; they must be in one")
    if base > start or end > content.size:
        raise Damage(f"is cut off: it should have {end} bytes and has {content.size}")
    content.base = base
    return root
