"""Work that is killed loses nothing, at a few moments; `python -m benchmarks.killing` takes many."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.killing import WORKS, Outcome, _difference, _lost
from benchmarks.sections import write_section
from cnnvis_caffe.processes import environment

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(sys.platform != "linux", reason="forks and kills")
def test_killed_at_some_moments():
    """In a process that has nothing but one thread, as it forks."""
    works = ("--work", "session", "--work", "convert")
    words = [sys.executable, "-m", "benchmarks.killing", "--times", "2", *works]
    done = subprocess.run(
        words, cwd=ROOT, env=environment(OMP_NUM_THREADS="1"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()]
    assert [(row[1], *row[3:5]) for row in rows] == [("2", "0", "0")] * 2


def test_what_is_wrong_is_found():
    old, new = {"a": "1", "b": "1"}, {"a": "2", "b": "2", "c": "2"}
    assert _lost(old, new, {"a": "1", "b": "2", ".a.x.tmp": "3", "a.partial": "3"}) == []
    assert _lost(old, new, {"a": "3", "c": "2"}) == ["b is missing, a is neither old nor new"]
    assert _difference(new, dict(new)) == []
    assert _difference(new, {"a": "2", "b": "1", ".d": "1"}) == [".d, b, c"]


def test_rows_and_sections(tmp_path):
    outcome = Outcome(seconds=1.5, n_kills=3, n_half_made=2, other=["x"])
    assert outcome.row(WORKS["train"][0].name) == "| `train`, then `--snapshot` | 3 | 2 | 0 | 1 | 1.50 s |"
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nfirst\n\n## Second\n\nold\n\n## Third\n\nthird\n")
    write_section(page, "## Second", "new\n")
    write_section(page, "## Fourth", "fourth")
    assert page.read_text() == "# Title\n\nfirst\n\n## Second\n\nnew\n\n## Third\n\nthird\n\n## Fourth\n\nfourth\n"
