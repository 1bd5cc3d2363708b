"""The tests marked gpu, each file in a process of its own: what breaks one of them leaves the others alone.

An error of CUDA that lasts, or the end of the process, costs one test: the rest of its file runs in a fresh process.
Plug-ins that happen to be installed stay outside, and warnings are listed instead of failing tests, since the versions
of libraries may be others than the tested ones.
"""

from __future__ import annotations

import collections
import concurrent.futures
import importlib.util
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.child import run_child
from cnnvis_caffe.processes import python_words

ROOT = Path(__file__).resolve().parent.parent
#: Files with so many tests that several processes share them.
SHARED = {"tests/conformance/test_layers.py": 4}


@dataclass
class FileResult:
    """What became of the tests of one file."""

    path: str
    passed: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # test: what it said
    skipped: dict[str, int] = field(default_factory=dict)  # reason: how many
    warnings: dict[str, int] = field(default_factory=dict)  # text: how many
    not_run: int = 0
    seconds: float = 0.0

    @property
    def n_tests(self) -> int:
        """All of them, those that did not run included."""
        return self.passed + len(self.failed) + sum(self.skipped.values()) + self.not_run


def gpu_files() -> list[Path]:
    """Every file that may have tests marked gpu; found by text, so that nothing has to be imported.

    A test is marked by itself or by the fixture `mode` (tests/conftest.py).
    """
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [path for path in files if re.search(r"mark\.gpu|[(, ]mode[,)]", path.read_text("utf-8"))]


def run_tests(files: Sequence[Path], folder: Path, seconds: float, root: Path = ROOT) -> list[FileResult]:
    """Run the tests marked gpu.

    Parameters
    ----------
    files : sequence of Path
        Below `root`, where pytest finds its settings.
    folder : Path
        Where notes and logs go.
    seconds : float
        All of them together; what has not run by then is counted as not run.
    """
    end = time.monotonic() + seconds
    names = [str(path.relative_to(root)) for path in files]
    shares = [(name, f"{k}/{n}") for name in names for n in [SHARED.get(name, 1)] for k in range(n)]
    n_workers = max(1, min(4, (os.cpu_count() or 1) // 2))
    with concurrent.futures.ThreadPoolExecutor(n_workers) as pool:
        results = list(pool.map(lambda share: _run_share(*share, folder, end, root), shares))
    whole = [_together([result for result in results if result.path == name]) for name in names]
    return [result for result in whole if result.n_tests]


def _run_share(name: str, share: str, folder: Path, end: float, root: Path) -> FileResult:
    """Run a share of a file, again and again until each of its tests was begun."""
    notes_path = folder / f"{name}.{share}.jsonl".replace(os.sep, ".")
    log = notes_path.with_suffix(".log")
    start = time.monotonic()
    notes: list[dict[str, Any]] = []
    while time.monotonic() < end:
        n_before = len(notes)
        outcome = run_child(_pytest(name, share, notes_path), log, end - time.monotonic(), _environment(), root)
        notes = _read(notes_path)
        if len(notes) == n_before or any("finished" in note for note in notes):
            break
        notes = append_note(notes_path, process=outcome)
    result = summary(name, notes)
    result.seconds = time.monotonic() - start
    if not any("selected" in note for note in notes):
        result.failed[name] = f"{outcome}: {_last_line(log)}" if log.exists() else "there was no time left"
    return result


def _together(shares: Sequence[FileResult]) -> FileResult:
    """The result of a file from those of its shares, in seconds of the longest."""
    whole = FileResult(shares[0].path, seconds=max(share.seconds for share in shares))
    for share in shares:
        whole.passed += share.passed
        whole.not_run += share.not_run
        whole.failed.update(share.failed)
        for total, part in ((whole.skipped, share.skipped), (whole.warnings, share.warnings)):
            total.update({text: total.get(text, 0) + n for text, n in part.items()})
    return whole


def _pytest(name: str, share: str, notes: Path) -> list[str]:
    timeout = ["-p", "pytest_timeout"] if importlib.util.find_spec("pytest_timeout") else []
    words = [name, "-m", "gpu", "-p", "benchmarks.gpu_plugin", "--notes", str(notes), "--share", share]
    return [
        *python_words("pytest", *words, folders=[ROOT]),
        *timeout,
        "-p",
        "no:cacheprovider",
        "-W",
        "default",
        "-W",
        "ignore:Unknown config option",
        "--tb=short",
        "--durations=5",
        "-q",
    ]


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": path}


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def append_note(path: Path, **note: Any) -> list[dict[str, Any]]:
    """Note something between two processes; return all notes."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(note) + "\n")
    return _read(path)


def summary(name: str, notes: Sequence[dict[str, Any]]) -> FileResult:
    """Count what the plug-in noted of a file."""
    ended: dict[str, dict[str, Any]] = {}
    begun: list[str] = []
    for note in notes:
        if "begun" in note:
            begun.append(note["begun"])
        if "ended" in note and ended.get(note["ended"], note)["outcome"] in ("passed", note["outcome"]):
            ended[note["ended"]] = note
        if "process" in note and begun and begun[-1] not in ended:
            message = f"the process ended within the test: {note['process']}"
            ended[begun[-1]] = {"outcome": "failed", "message": message}
    for note in notes:
        if "broken" in note:
            ended[name] = {"outcome": "failed", "message": note["broken"]}
    skipped = [note["message"] for note in ended.values() if note["outcome"] == "skipped"]
    failed = {test: note["message"] for test, note in ended.items() if note["outcome"] == "failed"}
    return FileResult(
        name,
        passed=sum(note["outcome"] == "passed" for note in ended.values()),
        failed=failed,
        skipped=dict(collections.Counter(skipped)),
        warnings=dict(collections.Counter(note["warning"] for note in notes if "warning" in note)),
        not_run=sum(note.get("selected", 0) for note in notes) - len(begun),
    )


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
