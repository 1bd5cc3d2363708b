"""LMDB databases, read and written by the `lmdb` package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from cnnvis_caffe.errors import DataFileError, MissingDependencyError
from cnnvis_caffe.files.atomic import atomic_folder
from cnnvis_caffe.files.opening import is_own_file
from cnnvis_caffe.files.temporary import sweep
from cnnvis_caffe.formats.database import Record
from cnnvis_caffe.formats.lmdb_pages import PageError, check_pages
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.formats.shared_handles import SharedHandles

_FIRST_MAP_SIZE = 1 << 30
_PUTS_PER_TRANSACTION = 1000


def _library() -> Any:
    """The package, imported when it is first needed."""
    try:
        import lmdb
    except ImportError as error:
        raise MissingDependencyError("lmdb", "lmdb", "reading and writing LMDB databases") from error
    return lmdb


_ENVIRONMENTS = SharedHandles()


def _open_to_read(path: str) -> Any:
    """Open an environment whose pages are sound."""
    lmdb = _library()
    folder = Path(path)
    try:
        check_pages(MappedFile(folder / "data.mdb", PageError))
    except PageError as error:
        raise DataFileError(path, error.reason) from error
    # Without the file for locks nobody has ever written here but who made the database; then nothing is created.
    locks = folder / "lock.mdb"
    lock = is_own_file(locks) and os.access(locks, os.W_OK)
    try:
        # The full path, because that is what the package knows environments by.
        environment = lmdb.open(os.path.realpath(path), readonly=True, lock=lock, create=False, max_spare_txns=4)
    except lmdb.Error as error:
        raise DataFileError(path, f"is not an LMDB database or is damaged: {error}") from error
    if lock:
        environment.reader_check()  # places of killed processes are freed by nobody else
    return environment


class LmdbDatabase:
    """An LMDB that is open for reading.

    Parameters
    ----------
    path : str or path-like
        Its folder.

    Attributes
    ----------
    path : str

    Raises
    ------
    DataFileError
        If it is not an LMDB, has no records, or is cut off.
    MissingDependencyError
        If the package `lmdb` is not installed.

    Notes
    -----
    ``src/caffe/util/db_lmdb.cpp``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        status = os.stat(os.path.join(self.path, "data.mdb"))
        key = (status.st_dev, status.st_ino)
        self._environment = _ENVIRONMENTS.lend(self, key, lambda: _open_to_read(self.path))
        if not len(self):
            raise DataFileError(self.path, "holds no records")

    def __len__(self) -> int:
        """Return the number of records."""
        return self._environment.stat()["entries"]

    def __iter__(self) -> Iterator[Record]:
        """Yield all records in byte order of their keys."""
        # Copies: a view into the map would end the process once the database is closed.
        with self._environment.begin() as transaction:
            yield from transaction.cursor()

    def cursor(self, after: bytes = b"") -> LmdbCursor:
        """Return a cursor for one thread.

        Parameters
        ----------
        after : bytes, default=b""
            Key of the record behind which it stands; empty for before the first.

        Returns
        -------
        LmdbCursor

        Raises
        ------
        DataFileError
            If there is no such record.
        """
        return LmdbCursor(self, after)


class LmdbCursor:
    """A place in an LMDB."""

    def __init__(self, database: LmdbDatabase, after: bytes) -> None:
        self._database = database  # which keeps the environment open
        self._transaction = database._environment.begin(buffers=True)
        self._cursor = self._transaction.cursor()
        if after and not self._cursor.set_key(after):
            self.close()
            raise DataFileError(database.path, f"has no record with key {after!r}, after which to go on")
        self._records = self._cursor.iternext()
        if after:
            next(self._records)

    def take(self, n: int) -> list[Record]:
        """Return the next records, beginning again at the end.

        Parameters
        ----------
        n : int

        Returns
        -------
        list of (bytes, memoryview)
            Values are valid until the cursor is closed.
        """
        records = list(islice(self._records, n))
        while len(records) < n:
            self._cursor.first()
            self._records = self._cursor.iternext()
            records += islice(self._records, n - len(records))
        return records

    def close(self) -> None:
        """Let go of the database."""
        self._transaction.abort()


class LmdbWriter:
    """Writes a new LMDB beside its place and moves it there at the end.

    Parameters
    ----------
    path : str or path-like
        Folder to make; its parent must exist.
    overwrite : bool, default=False
        Replace a database that is there already.

    Raises
    ------
    DataFileError
        If something is there that must not be replaced, or it cannot be written.
    MissingDependencyError
        If the package `lmdb` is not installed.

    Notes
    -----
    Used in a with statement; after an exception in it nothing is left. ``src/caffe/util/db_lmdb.cpp``: the map
    grows by doubling.
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.path = os.fspath(path)
        self._target = Path(os.path.realpath(path))
        sweep(self._target)  # may put back what a killed run had set aside
        if self._target.exists():
            if not overwrite:
                raise DataFileError(self.path, "is there already; delete it, or allow to overwrite it")
            if any(file.name not in ("data.mdb", "lock.mdb") for file in self._target.iterdir()):
                raise DataFileError(self.path, "is not an LMDB and is not overwritten")
        self._waiting: list[tuple[bytes, bytes]] = []

    def __enter__(self) -> LmdbWriter:
        lmdb = _library()
        try:
            with ExitStack() as stack:
                folder = str(stack.enter_context(atomic_folder(self._target)))
                # Nobody else can see it before it is whole, so the disk may take its time until the end.
                self._handle = lmdb.open(
                    folder, map_size=_FIRST_MAP_SIZE, mode=0o664, lock=False, sync=False, metasync=False
                )
                stack.callback(self._handle.close)
                self._stack = stack.pop_all()
        except (OSError, lmdb.Error) as error:
            raise DataFileError(self.path, f"cannot be written: {error}") from error
        return self

    def put(self, key: bytes, value: bytes) -> None:
        """Add a record.

        Parameters
        ----------
        key : bytes
        value : bytes
        """
        self._waiting.append((key, value))
        if len(self._waiting) >= _PUTS_PER_TRANSACTION:
            self._commit()

    def _commit(self) -> None:
        """Write what waits, with more room if it takes that."""
        lmdb = _library()
        while self._waiting:
            try:
                with self._handle.begin(write=True) as transaction:
                    for key, value in self._waiting:
                        transaction.put(key, value)
            except lmdb.MapFullError:
                self._handle.set_mapsize(2 * self._handle.info()["map_size"])
            except lmdb.Error as error:
                raise DataFileError(self.path, f"cannot be written: {error}") from error
            else:
                self._waiting = []

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            self._commit()
            self._handle.sync(True)
