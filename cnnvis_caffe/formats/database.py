"""Databases of datums: what the two kinds that Caffe knows have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Union

from cnnvis_caffe.errors import DataFileError, DataNotFoundError

#: A record: its key, and its value, which may be a view that is valid until the cursor is closed.
Record = tuple[bytes, Union[bytes, memoryview]]


class Cursor(Protocol):
    """A place in a database, for one thread at a time."""

    def take(self, n: int) -> list[Record]:
        """Return the next `n` records in byte order of their keys, beginning again at the end."""

    def close(self) -> None:
        """Let go of the database; views of values are invalid from now on."""


class Database(Protocol):
    """A database that is open for reading.

    Attributes
    ----------
    path : str
    """

    path: str

    def __len__(self) -> int:
        """Return the number of records."""

    def __iter__(self) -> Iterator[Record]:
        """Yield all records once, in byte order of their keys, as bytes."""

    def cursor(self, after: bytes = b"") -> Cursor:
        """Return a cursor that stands behind the record with a key, or before the first one."""


def open_database(path: str | os.PathLike[str], backend: str = "") -> Database:
    """Open a database for reading.

    Parameters
    ----------
    path : str or path-like
        Its folder.
    backend : str, default=""
        "LMDB" or "LEVELDB"; empty finds out.

    Returns
    -------
    Database

    Raises
    ------
    DataNotFoundError
        If there is no such folder.
    DataFileError
        If it is not a database, one of the other kind, empty or damaged.
    MissingDependencyError
        If the library for that kind is not installed.
    """
    path = os.fspath(path)
    if not path:
        raise DataNotFoundError("no database is named; give the path of one")
    if not os.path.exists(path):
        place = "" if os.path.isabs(path) else f" in {os.getcwd()}"
        raise DataNotFoundError(f"{path}: there is no such database{place}")
    kind = kind_of_database(path)
    if not kind:
        raise DataFileError(
            path, "is not a database: it has neither the data.mdb of an LMDB nor the CURRENT of a LevelDB"
        )
    if backend and kind != backend:
        raise DataFileError(path, f"is a database of kind {kind}, not {backend}; write backend: {kind}")
    if kind == "LMDB":
        from cnnvis_caffe.formats.lmdb import LmdbDatabase

        return LmdbDatabase(path)
    from cnnvis_caffe.formats.leveldb import LevelDatabase

    return LevelDatabase(path)


def kind_of_database(path: str | os.PathLike[str]) -> str:
    """Tell what kind of database lies in a folder.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    str
        "LMDB", "LEVELDB" or "".
    """
    folder = Path(path)
    if (folder / "data.mdb").is_file():
        return "LMDB"
    return "LEVELDB" if (folder / "CURRENT").is_file() else ""
