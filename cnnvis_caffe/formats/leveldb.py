"""LevelDB databases, read by the `plyvel` package where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from cnnvis_caffe.errors import DataFileError, MissingDependencyError
from cnnvis_caffe.files.opening import check_file, is_own_file
from cnnvis_caffe.formats.database import Record
from cnnvis_caffe.formats.shared_handles import SharedHandles


def _library() -> Any:
    """The package, imported when it is first needed."""
    try:
        import plyvel
    except ImportError as error:
        raise MissingDependencyError(
            "plyvel",
            "leveldb",
            "reading a LevelDB (or turning it, once and for all, into an LMDB with `cnnvis-caffe data convert`)",
        ) from error
    return plyvel


_HANDLES = SharedHandles()


def _open(path: str) -> Any:
    """Open a database that is there."""
    plyvel = _library()
    try:
        for entry in os.scandir(path):
            check_file(entry.path)
            if not is_own_file(entry.path):
                raise DataFileError(path, f"cannot be opened as a LevelDB: {entry.name} is a link; copy the files here")
        return plyvel.DB(path, create_if_missing=False)
    except (plyvel.Error, OSError) as error:
        raise DataFileError(path, f"cannot be opened as a LevelDB: {error}") from error


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Turn what the library finds wrong with a database into an error that names it."""
    try:
        yield
    except (_library().Error, OSError) as error:
        raise DataFileError(path, f"is damaged: {error}") from error


class LevelDatabase:
    """A LevelDB that is open for reading.

    Parameters
    ----------
    path : str or path-like
        Its folder, which must be writable: LevelDB tidies up when it is opened.

    Attributes
    ----------
    path : str

    Raises
    ------
    DataFileError
        If it is not a LevelDB, has no records, or another process has it open.
    MissingDependencyError
        If the package `plyvel` is not installed.

    Notes
    -----
    ``src/caffe/util/db_leveldb.cpp``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._handle = _HANDLES.lend(self, os.path.realpath(self.path), lambda: _open(self.path))
        if next(iter(self), None) is None:
            raise DataFileError(self.path, "holds no records")

    def __len__(self) -> int:
        """Return the number of records, which takes a walk through all keys."""
        with _reading(self.path), self._handle.iterator(include_value=False) as keys:
            return sum(1 for _ in keys)

    def __iter__(self) -> Iterator[Record]:
        """Yield all records in byte order of their keys."""
        with _reading(self.path), self._handle.iterator() as records:
            yield from records

    def cursor(self, after: bytes = b"") -> LevelCursor:
        """Return a cursor for one thread.

        Parameters
        ----------
        after : bytes, default=b""
            Key of the record behind which it stands; empty for before the first.

        Returns
        -------
        LevelCursor
        """
        return LevelCursor(self, after)


class LevelCursor:
    """A place in a LevelDB."""

    def __init__(self, database: LevelDatabase, after: bytes) -> None:
        self._database = database  # which keeps the handle open
        self._records = self._iterator(start=after, include_start=False) if after else self._iterator()

    def _iterator(self, **where: Any) -> Any:
        """Records from somewhere on."""
        return self._database._handle.iterator(**where)

    def take(self, n: int) -> list[Record]:
        """Return the next records, beginning again at the end.

        Parameters
        ----------
        n : int

        Returns
        -------
        list of (bytes, bytes)
        """
        with _reading(self._database.path):
            records = list(islice(self._records, n))
            while len(records) < n:
                self._records.close()
                self._records = self._iterator()
                again = list(islice(self._records, n - len(records)))
                if not again:
                    raise DataFileError(self._database.path, "has lost its records while it was read")
                records += again
            return records

    def close(self) -> None:
        """Let go of the database."""
        self._records.close()
