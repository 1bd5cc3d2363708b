"""No test touches what is the user's: settings, caches, screens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import own_home

from cnnvis_caffe.datasets import find

TRY = f"""
import os
from cnnvis_caffe.datasets import find
from cnnvis_caffe.viewer.window.settings import Settings
from cnnvis_caffe.viewer.qt import QSettings
QSettings.setPath(QSettings.IniFormat, QSettings.UserScope, os.environ["XDG_CONFIG_HOME"])
Settings().add_recent({__file__!r})
find.cache().mkdir(parents=True)
"""


def home() -> Path:
    """The home of this run."""
    return Path(os.environ[own_home.VARIABLE])


def test_home_and_folders_are_those_of_this_run():
    assert Path.home() == home()
    assert Path("~").expanduser() == home()
    assert find.cache().is_relative_to(home())
    assert all(Path(os.environ[name]).is_relative_to(home()) for name in own_home.FOLDERS)


def test_no_screen_is_named():
    assert not [name for name in own_home.SCREENS if name in os.environ]
    assert os.environ["QT_QPA_PLATFORM"] == "offscreen"


def test_a_command_for_real_caffe_keeps_the_user_s_home(tmp_path, monkeypatch):
    for name in own_home.FOLDERS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "the user"))
    monkeypatch.setenv(own_home.REAL_CAFFE, "sh -c 'echo $HOME $XDG_CACHE_HOME; echo $0' run")
    monkeypatch.delenv(own_home.VARIABLE)
    monkeypatch.setenv("DISPLAY", ":0")
    made = own_home.move_in()
    try:
        words = subprocess.run(os.environ[own_home.REAL_CAFFE], shell=True, capture_output=True, text=True, check=True)
        assert words.stdout == f"{tmp_path / 'the user'}\nrun\n"
        assert Path.home() == made
        assert "DISPLAY" not in os.environ
        assert own_home.move_in() is None, "a worker keeps the home of the run"
    finally:
        own_home.move_out(made)
    assert not made.exists()


def test_what_settings_and_caches_are_written_lies_there():
    pytest.importorskip("PyQt5.QtCore")
    subprocess.run([sys.executable, "-c", TRY], check=True, timeout=120)
    assert (home() / ".config/cnnvis_caffe/viewer.ini").is_file()


@pytest.mark.skipif(own_home.VARIABLE + "_TRIED" in os.environ, reason="this is the run that is looked at")
def test_a_whole_run_leaves_the_user_s_home_alone(tmp_path, repository):
    pytest.importorskip("PyQt5.QtCore")
    user = tmp_path / "user"
    environment = {**os.environ, own_home.VARIABLE + "_TRIED": "1", "PYTHONPATH": str(repository)}
    del environment[own_home.VARIABLE]
    for name, below in own_home.FOLDERS.items():
        (user / below).mkdir(parents=True, exist_ok=True)
        environment[name] = str(user / below)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__], env=environment, cwd=repository,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert [str(path) for path in user.rglob("*") if not path.is_dir()] == []
