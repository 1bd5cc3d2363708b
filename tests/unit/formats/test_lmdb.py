"""LMDB databases: read in the order of their keys, written whole or not at all, and damaged ones refused."""

from __future__ import annotations

import os
import sys

import pytest

from cnnvis_caffe.errors import DataFileError, DataNotFoundError, MissingDependencyError
from cnnvis_caffe.formats import lmdb as our_lmdb
from cnnvis_caffe.formats.database import kind_of_database, open_database
from cnnvis_caffe.formats.lmdb import LmdbDatabase, LmdbWriter


@pytest.fixture
def database(tmp_path):
    """Five records whose keys were not put in order."""
    with LmdbWriter(tmp_path / "db") as writer:
        for key in (b"3", b"1", b"4", b"10", b"2"):
            writer.put(key, b"value of " + key)
    return tmp_path / "db"


def keys(records):
    return [bytes(key) for key, _ in records]


def test_records_come_in_byte_order_of_their_keys(database):
    opened = LmdbDatabase(database)
    assert len(opened) == 5
    assert [(key, bytes(value)) for key, value in opened] == [
        (key, b"value of " + key) for key in (b"1", b"10", b"2", b"3", b"4")
    ]


def test_a_cursor_begins_again_at_the_end(database):
    cursor = LmdbDatabase(database).cursor()
    assert keys(cursor.take(3)) == [b"1", b"10", b"2"]
    assert keys(cursor.take(4)) == [b"3", b"4", b"1", b"10"]
    assert keys(cursor.take(8)) == [b"2", b"3", b"4", b"1", b"10", b"2", b"3", b"4"]
    cursor.close()


@pytest.mark.parametrize(("after", "expected"), [(b"", b"1"), (b"10", b"2"), (b"4", b"1")])
def test_a_cursor_goes_on_behind_a_key(database, after, expected):
    cursor = LmdbDatabase(database).cursor(after)
    assert keys(cursor.take(1)) == [expected]
    cursor.close()


def test_a_key_that_is_not_there(database):
    with pytest.raises(DataFileError, match=r"no record with key b'11'"):
        LmdbDatabase(database).cursor(b"11")


def test_two_readers_share_a_database(database):
    first, second = LmdbDatabase(database), LmdbDatabase(database)
    one, other = first.cursor(), second.cursor(b"3")
    assert keys(one.take(2)) + keys(other.take(2)) == [b"1", b"10", b"4", b"1"]
    one.close()
    other.close()


def test_reading_leaves_no_traces(database):
    before = sorted(os.listdir(database))
    assert len(LmdbDatabase(database)) == 5
    assert sorted(os.listdir(database)) == before == ["data.mdb"]


def test_a_closed_database_can_be_replaced(database):
    assert len(LmdbDatabase(database)) == 5
    with LmdbWriter(database, overwrite=True) as writer:
        writer.put(b"only", b"one")
    assert keys(LmdbDatabase(database)) == [b"only"]


def test_the_map_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(our_lmdb, "_FIRST_MAP_SIZE", 1 << 16)
    with LmdbWriter(tmp_path / "db") as writer:
        for number in range(2500):
            writer.put(b"%08d" % number, bytes(100))
    assert len(LmdbDatabase(tmp_path / "db")) == 2500


def test_what_is_there_is_not_overwritten(database):
    with pytest.raises(DataFileError, match="there already"):
        LmdbWriter(database)
    (database / "thesis.txt").write_text("")
    with pytest.raises(DataFileError, match="is not an LMDB"):
        LmdbWriter(database, overwrite=True)


def test_after_an_error_nothing_has_changed(database, tmp_path):
    with pytest.raises(RuntimeError), LmdbWriter(database, overwrite=True) as writer:
        writer.put(b"1", b"new")
        raise RuntimeError
    assert len(LmdbDatabase(database)) == 5
    assert os.listdir(tmp_path) == ["db"]


def test_nowhere_to_write(tmp_path):
    with pytest.raises(DataFileError, match="cannot be written"), LmdbWriter(tmp_path / "no" / "db"):
        pass


@pytest.mark.parametrize("kept", [0, 100, 4096, 8192, 12288])
def test_a_database_that_is_cut_off(tmp_path, kept):
    with LmdbWriter(tmp_path / "db") as writer:
        for number in range(50):
            writer.put(b"%d" % number, bytes(1000))
    os.truncate(tmp_path / "db" / "data.mdb", kept)
    with pytest.raises(DataFileError, match=r"db: (is empty|is cut off|is not an LMDB)"):
        open_database(tmp_path / "db")


def test_noise_is_no_database(tmp_path):
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "data.mdb").write_bytes(bytes(range(256)) * 64)
    with pytest.raises(DataFileError, match="is damaged: its pages should have"):
        open_database(tmp_path / "db")


def test_an_empty_database(tmp_path):
    with LmdbWriter(tmp_path / "db"):
        pass
    with pytest.raises(DataFileError, match="holds no records"):
        open_database(tmp_path / "db")


def test_what_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataNotFoundError, match="data/x_lmdb: there is no such database in "):
        open_database("data/x_lmdb")
    with pytest.raises(DataNotFoundError, match="no database is named"):
        open_database("")
    with pytest.raises(DataFileError, match="is not a database"):
        open_database(tmp_path)


def test_a_database_of_the_other_kind(database):
    assert kind_of_database(database) == "LMDB"
    with pytest.raises(DataFileError, match="write backend: LMDB"):
        open_database(database, "LEVELDB")


def test_without_the_library(database, monkeypatch):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "\.\[lmdb\]"'):
        open_database(database)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("make_link", [os.symlink, os.link])
def test_what_a_lock_file_leads_to_is_left_alone(database, tmp_path, make_link):
    (tmp_path / "precious").write_bytes(b"precious")
    make_link(tmp_path / "precious", database / "lock.mdb")
    assert len(LmdbDatabase(database)) == 5
    assert (tmp_path / "precious").read_bytes() == b"precious"
