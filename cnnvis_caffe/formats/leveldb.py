"""LevelDB databases, read by the `plyvel` package where there is one."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from itertools import islice
from typing import Any

from cnnvis_caffe.errors import DataFileError, MissingDependencyError
from cnnvis_caffe.formats.database import Record


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


class _Handle:
    """An open database; LevelDB allows one process and in it one handle, so all readers share it."""

    _open: weakref.WeakValueDictionary[str, _Handle] = weakref.WeakValueDictionary()
    _lock = threading.Lock()

    def __init__(self, path: str) -> None:
        plyvel = _library()
        try:
            self.database = plyvel.DB(path, create_if_missing=False)
        except (plyvel.Error, OSError) as error:
            raise DataFileError(path, f"cannot be opened as a LevelDB: {error}") from error

    @classmethod
    def of(cls, path: str) -> _Handle:
        """Return the handle of a folder, opened if need be."""
        key = os.path.realpath(path)
        with cls._lock:
            handle = cls._open.get(key)
            if handle is None:
                handle = cls._open[key] = cls(path)
            return handle


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
        If it is no LevelDB, has no records, or another process has it open.
    MissingDependencyError
        If the package `plyvel` is not installed.

    Notes
    -----
    ``src/caffe/util/db_leveldb.cpp``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._handle = _Handle.of(self.path)
        if next(iter(self), None) is None:
            raise DataFileError(self.path, "holds no records")

    def __len__(self) -> int:
        """Return the number of records, which takes a walk through all keys."""
        with self._handle.database.iterator(include_value=False) as keys:
            return sum(1 for _ in keys)

    def __iter__(self) -> Iterator[Record]:
        """Yield all records in byte order of their keys."""
        with self._handle.database.iterator() as records:
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
        return LevelCursor(self._handle, after)


class LevelCursor:
    """A place in a LevelDB."""

    def __init__(self, handle: _Handle, after: bytes) -> None:
        self._handle = handle
        self._records = handle.database.iterator(start=after, include_start=False) if after else self._from_start()

    def _from_start(self) -> Any:
        """All records from the first."""
        return self._handle.database.iterator()

    def take(self, n: int) -> list[Record]:
        """Return the next records, beginning again at the end.

        Parameters
        ----------
        n : int

        Returns
        -------
        list of (bytes, bytes)
        """
        records = list(islice(self._records, n))
        while len(records) < n:
            self._records.close()
            self._records = self._from_start()
            records += islice(self._records, n - len(records))
        return records

    def close(self) -> None:
        """Let go of the database."""
        self._records.close()
