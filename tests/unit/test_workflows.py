"""The public CI's files: valid, and calling what is there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))


def read(path):
    """A workflow; YAML takes the key `on` for true."""
    content = yaml.safe_load(path.read_text("utf-8"))
    assert content[True], "no event starts it"
    return content


def steps(path):
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def make_calls(path):
    """The words after each `make`."""
    lines = [line for step in steps(path) for line in step.get("run", "").splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.split()[0] == "make"]


def test_they_are_there():
    assert [path.stem for path in FILES] == ["docs", "tests", "wheel"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_jobs_have_a_machine_a_limit_and_steps_of_one_kind(path):
    for job in read(path)["jobs"].values():
        assert job["runs-on"] in ("ubuntu-latest", "macos-latest")
        assert job["timeout-minutes"] <= 90
    for step in steps(path):
        assert ("run" in step) != ("uses" in step)
        assert "uses" not in step or re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_they_call_what_the_makefile_has(path):
    calls = make_calls(path)
    assert calls
    for words in calls:
        done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


def test_every_python_that_setup_names_is_tested():
    tested = read(ROOT / ".github/workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"]
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "setup.py").read_text("utf-8"))
    assert tested == named
