"""Files and folders are written whole or not at all, and what killed processes leave goes with the next writing."""

from __future__ import annotations

import os
import sys
import time

import pytest
from helpers.left_behind import left_behind

from cnnvis_caffe.files import atomic, temporary
from cnnvis_caffe.files.atomic import atomic_folder, atomic_write, write_bytes
from cnnvis_caffe.files.temporary import sweep, temporary_folder, temporary_path


def test_the_old_file_stays_when_something_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError), atomic_write(path) as beside:
        beside.write_text("half", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_links_stay_links(tmp_path):
    (tmp_path / "target").write_text("old", encoding="utf-8")
    (tmp_path / "link").symlink_to("target")
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_others_may_read_what_was_written(tmp_path):
    mask = os.umask(0o022)
    try:
        write_bytes(tmp_path / "file", b"new")
    finally:
        os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_bytes(tmp_path / "no" / "file", b"")
    assert caught.value.filename == str(tmp_path / "no" / "file")


def test_what_is_no_file_is_written_into(tmp_path):
    write_bytes("/dev/null", b"new")
    with atomic_write("/dev/null") as beside:
        assert str(beside) == "/dev/null"


def test_leftovers_of_the_same_target_go_and_no_others(tmp_path):
    dead = [left_behind(tmp_path / "file"), left_behind(tmp_path / "file", folder=True)]
    living = left_behind(tmp_path / "file", pid=os.getppid())
    own = temporary_path(tmp_path / "file")
    own.write_bytes(b"another thread's")
    others = [left_behind(tmp_path / "file.partial"), left_behind(tmp_path / "fil"), tmp_path / ".file.notes.tmp"]
    others[-1].write_bytes(b"")
    write_bytes(tmp_path / "file", b"new")
    assert not any(path.exists() for path in dead)
    assert all(path.exists() for path in (living, own, *others))


def test_what_other_machines_left_goes_after_a_day(tmp_path, monkeypatch):
    other = temporary_path(tmp_path / "file")
    other = other.with_name(other.name.replace(temporary._machine(), "0badcafe"))
    without_process = tmp_path / ".file.01234abc.tmp"  # as version 0.1 named them
    for path in (other, without_process):
        path.write_bytes(b"half")
    sweep(tmp_path / "file")
    assert other.exists() and without_process.exists()
    for path in (other, without_process):
        os.utime(path, (0, time.time() - 25 * 3600))
    sweep(tmp_path / "file")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_replaces_a_folder(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    for text in ("old", "new"):
        with atomic_folder(tmp_path / "db") as beside:
            (beside / text).write_text(text, encoding="utf-8")
        assert os.listdir(tmp_path / "db") == [text]
    assert os.listdir(tmp_path) == ["db"]


def test_the_old_folder_stays_when_something_fails(tmp_path, monkeypatch):
    (tmp_path / "db").mkdir()
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "db"):
        raise RuntimeError
    rename = os.rename

    def refuse_the_new_one(source, target):
        if str(source).endswith(".tmp"):
            raise OSError("the disk is gone")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse_the_new_one)
    monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    with pytest.raises(OSError, match="disk is gone"), atomic_folder(tmp_path / "db"):
        pass
    assert os.listdir(tmp_path) == ["db"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges folders")
def test_there_is_a_folder_at_every_moment(tmp_path, monkeypatch):
    (tmp_path / "db").mkdir()
    monkeypatch.setattr(os, "rename", lambda *_: pytest.fail("this would leave a moment without a folder"))
    with atomic_folder(tmp_path / "db") as beside:
        (beside / "new").touch()
    assert os.listdir(tmp_path / "db") == ["new"] and os.listdir(tmp_path) == ["db"]


def test_killed_between_two_steps_the_old_folder_comes_back(tmp_path):
    left_behind(tmp_path / "db", folder=True)
    left_behind(tmp_path / "db", ending="old", folder=True, content=b"whole")
    sweep(tmp_path / "db")
    assert os.listdir(tmp_path) == ["db"]
    assert (tmp_path / "db" / "data.mdb").read_bytes() == b"whole"


def test_killed_after_the_last_step_the_new_folder_stays(tmp_path):
    (tmp_path / "db").mkdir()
    left_behind(tmp_path / "db", ending="old", folder=True)
    sweep(tmp_path / "db")
    assert os.listdir(tmp_path) == ["db"] and os.listdir(tmp_path / "db") == []


def test_a_folder_to_write_in_is_gone_at_the_end(tmp_path):
    dead = left_behind(tmp_path / "snap_iter", folder=True)
    with pytest.raises(RuntimeError), temporary_folder(tmp_path / "snap_iter") as folder:
        assert folder.parent == tmp_path and not dead.exists()
        (folder / "file").write_bytes(b"")
        raise RuntimeError
    assert os.listdir(tmp_path) == []
