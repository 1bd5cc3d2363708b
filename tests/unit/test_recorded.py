"""The manifest of the recordings says of every file who made it."""

from __future__ import annotations

import json
from datetime import date
from fnmatch import fnmatch

from helpers import recordings
from helpers.recordings import RECORDED, RECORDERS

ENTRIES = json.loads((RECORDED / "manifest.json").read_text(encoding="utf-8"))


def test_every_file_has_one_entry():
    files = [path.relative_to(RECORDED).as_posix() for path in RECORDED.rglob("*") if path.is_file()]
    for name in files:
        found = [entry["files"] for entry in ENTRIES if fnmatch(name, entry["files"])]
        assert len(found) == (name != "manifest.json"), f"{name}: {found}"
    for entry in ENTRIES:
        assert any(fnmatch(name, entry["files"]) for name in files), f"{entry['files']} names no file"


def test_every_entry_says_who_when_with_what_and_how():
    for entry in ENTRIES:
        assert set(entry) == {"files", "made_by", "when", "with", "command"}
        date.fromisoformat(entry["when"])
        assert entry["with"]
        assert entry["made_by"] in entry["command"] or entry["made_by"] == "written by hand", entry


def test_every_recorder_is_named():
    scripts = {path.name for path in RECORDERS.glob("*.py") if path.name.startswith(("record_", "list_"))}
    assert scripts == {entry["made_by"] for entry in ENTRIES if entry["made_by"].endswith(".py")}


def test_what_tests_and_recorders_are_told_is_there():
    paths = {name: value for name, value in vars(recordings).items() if name.isupper()}
    assert all(path.exists() for path in paths.values()), paths
