"""The bytes of an HDF5 file, read within bounds, and how much memory what is in them may take."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from typing import Any

import numpy as np

from cnnvis_caffe.files.limits import allowed_bytes
from cnnvis_caffe.files.opening import open_file

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Where there is nothing, HDF5 writes this address.
NOWHERE = 0xFFFFFFFFFFFFFFFF


class Damage(ValueError):
    """What is wrong with a file; readers turn it into an error of their own with the path."""


class NotPlain(Exception):  # noqa: N818 - no error: another way to read is tried
    """A file is made of something that is not read here."""


class Content:
    """The bytes of a file that is open.

    Parameters
    ----------
    path : str
    most : int, default=0
        How many bytes its arrays may take; 0 for what a file of its size may.

    Attributes
    ----------
    path : str
    size : int
        In bytes, when it was opened.
    most : int
    base : int
        Where addresses are counted from.
    is_copy : bool
        Whether it is a plain copy of another file, which was made to be read.
    copy : PlainFile or None
        Such a copy of this file.
    groups : dict of str to Group
        Those that were opened, by their paths.
    belongings : ExitStack
        What goes when this is closed.
    """

    def __init__(self, path: str, most: int = 0) -> None:
        self.path = path
        self._file = open_file(path, buffering=1 << 16)  # open as long as this is
        self._lock = threading.Lock()
        self.size = os.fstat(self._file.fileno()).st_size
        self.most = most or allowed_bytes(self.size)
        self.base = 0
        self.is_copy = False
        self.copy: Any = None
        self.groups: dict[str, Any] = {}
        self.belongings = ExitStack()
        self._taken = 0

    def close(self) -> None:
        """Close the file, and whatever was made for it."""
        self._file.close()
        self.belongings.close()

    def __del__(self) -> None:
        # Lazy records keep files open for as long as somebody has them, and nobody is there to close them then.
        if hasattr(self, "_taken"):
            self.close()

    def check(self, address: int, length: int) -> None:
        """Raise Damage unless the file has these bytes."""
        if address + length > self.size - self.base:
            raise Damage(
                f"is damaged or cut off: something should lie in bytes {self.base + address} to "
                f"{self.base + address + length}, but the file ends at byte {self.size}"
            )

    def at(self, address: int, length: int) -> bytes:
        """Return the bytes at an address."""
        self.check(address, length)
        with self._lock:
            self._file.seek(self.base + address)
            data = self._file.read(length)
        if len(data) != length:
            raise Damage("has become shorter while it was read")
        return data

    def into(self, array: np.ndarray, address: int) -> None:
        """Fill a contiguous array with the bytes at an address."""
        self.check(address, array.nbytes)
        with self._lock:
            self._file.seek(self.base + address)
            done = self._file.readinto(array.reshape(-1).view(np.uint8).data)  # type: ignore[attr-defined]
        if done != array.nbytes:
            raise Damage("has become shorter while it was read")

    def allow(self, n_bytes: int, what: str, *, add: bool) -> None:
        """Raise Damage if arrays would take more memory than a file of this size may ask for.

        Parameters
        ----------
        n_bytes : int
        what : str
            Which array, for the message.
        add : bool
            Count it together with all that were read before.
        """
        taken = n_bytes + (self._taken if add else 0)
        if taken > self.most:
            raise Damage(
                f"{what} takes {taken} bytes of memory, but a file of {self.size} bytes may take {self.most}; "
                f"store the arrays without compression if they are right"
            )
        if add:
            self._taken = taken
