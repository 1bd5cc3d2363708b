"""Files mapped into memory, with arrays as views into the map."""

from __future__ import annotations

import logging
import mmap
import os

import numpy as np

from cnnvis_caffe.errors import DataNotFoundError, FileFormatError
from cnnvis_caffe.files.opening import open_file
from cnnvis_caffe.files.shortened import note_mapped

logger = logging.getLogger(__name__)


class MappedFile:
    """A whole file, mapped read-only for as long as a view into it lives.

    Parameters
    ----------
    path : str or path-like
    error : type of FileFormatError
        Raised when the file is there and cannot be mapped, and kept for readers as `error`.

    Attributes
    ----------
    path : str
    size : int
        In bytes.
    data : mmap.mmap
    error : type of FileFormatError

    Raises
    ------
    DataNotFoundError
        If there is no such file.

    Notes
    -----
    A file that another program truncates while it is mapped ends the process when it is next read (SIGBUS; our
    commands then name the file), so whoever keeps weights should copy them. Our own writers replace files and never
    write into them.
    """

    def __init__(self, path: str | os.PathLike[str], error: type[FileFormatError]) -> None:
        self.path = os.fspath(path)
        self.error = error
        try:
            with open_file(self.path) as file:
                status = os.fstat(file.fileno())
                self.size = status.st_size
                if self.size == 0:
                    raise error(self.path, "is empty; was it downloaded or copied completely?")
                self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                note_mapped(self.path, status)
        except FileNotFoundError as missing:
            place = "" if os.path.isabs(self.path) else f" in {os.getcwd()}"
            raise DataNotFoundError(f"{self.path}: there is no such file{place}") from missing
        except (OSError, ValueError) as failure:
            if isinstance(failure, FileFormatError):
                raise
            why = getattr(failure, "strerror", None) or failure
            raise error(self.path, f"cannot be opened: {why}") from failure
        self._address = _address(np.frombuffer(self.data, np.uint8, 1))

    def view(self, dtype: str | np.dtype, offset: int, count: int) -> np.ndarray:
        """Return `count` items that start at byte `offset`, flat, read-only and without a copy."""
        return np.frombuffer(self.data, dtype, count, offset)

    def release(self, array: np.ndarray) -> None:
        """Tell the system that the pages behind a view are not needed any more; they can be read again."""
        start = _address(array) - self._address
        if not hasattr(mmap, "MADV_DONTNEED") or not 0 <= start < self.size or not array.nbytes:
            return
        # The map is of a file and read-only: dropping more than asked for only costs reading it again.
        first = start - start % mmap.PAGESIZE
        self.data.madvise(mmap.MADV_DONTNEED, first, start + array.nbytes - first)


def _address(array: np.ndarray) -> int:
    """Return where in memory an array starts."""
    return array.__array_interface__["data"][0]
