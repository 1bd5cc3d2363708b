"""LevelDB databases behave as LMDBs do."""

from __future__ import annotations

import contextlib
import sys

import pytest

from cnnvis_caffe.errors import DataFileError, MissingDependencyError
from cnnvis_caffe.formats.database import kind_of_database, open_database


@pytest.fixture
def database(tmp_path):
    """Five records whose keys were not put in order."""
    plyvel = pytest.importorskip("plyvel")
    path = tmp_path / "db"
    with contextlib.closing(plyvel.DB(str(path), create_if_missing=True)) as handle:
        for key in (b"3", b"1", b"4", b"10", b"2"):
            handle.put(key, b"value of " + key)
    return path


def test_records_and_cursors(database):
    opened = open_database(database, "LEVELDB")
    again = open_database(database)
    assert len(opened) == 5
    assert [key for key, _ in again] == [b"1", b"10", b"2", b"3", b"4"]
    cursor = opened.cursor(b"2")
    assert cursor.take(4) == [(key, b"value of " + key) for key in (b"3", b"4", b"1", b"10")]
    cursor.close()


def test_empty(tmp_path):
    plyvel = pytest.importorskip("plyvel")
    plyvel.DB(str(tmp_path / "db"), create_if_missing=True).close()
    with pytest.raises(DataFileError, match="holds no records"):
        open_database(tmp_path / "db")


def a_folder_like_one(tmp_path):
    (tmp_path / "CURRENT").write_text("MANIFEST-000001\n")
    return tmp_path


def test_damaged(tmp_path):
    pytest.importorskip("plyvel")
    with pytest.raises(DataFileError, match="cannot be opened as a LevelDB"):
        open_database(a_folder_like_one(tmp_path))


def test_without_the_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plyvel", None)
    assert kind_of_database(a_folder_like_one(tmp_path)) == "LEVELDB"
    with pytest.raises(MissingDependencyError, match="cnnvis-caffe data convert"):
        open_database(tmp_path)


def test_a_database_of_the_other_kind(tmp_path):
    with pytest.raises(DataFileError, match="write backend: LEVELDB"):
        open_database(a_folder_like_one(tmp_path), "LMDB")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_in_a_database_is_refused(database, tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    (database / "MANIFEST-000005").symlink_to(tmp_path / "precious")
    with pytest.raises(DataFileError, match="MANIFEST-000005 is a link"):
        open_database(database)
    assert (tmp_path / "precious").read_bytes() == b"precious"
