"""A plug-in of pytest for `benchmarks.gpu_tests`: notes each test as it begins and ends, one JSON object a line.

What was noted stays when the process dies, and the next run with the same notes goes on behind it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

#: After it, every later call of CUDA in the process fails, too.
LASTING = ("CUDA error", "CUDNN_STATUS_EXECUTION_FAILED", "CUBLAS_STATUS_EXECUTION_FAILED")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--notes", type=Path, help="where each test's end is noted")
    parser.addoption("--share", default="0/1", help="which share of the tests runs, for example 0/4 to 3/4")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Notes(config.getoption("--notes")), "notes of the tests on a GPU")


class _Notes:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._skipped = ""
        self._seconds = 0.0

    def _write(self, **note: Any) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(note) + "\n")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        lines = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
        notes = [json.loads(line) for line in lines]
        begun = {note["begun"] for note in notes if "begun" in note}
        number, n_shares = map(int, config.getoption("--share").split("/"))
        share = items[number::n_shares]
        if not any("selected" in note for note in notes):
            self._write(selected=len(share))
        items[:] = [item for item in share if item.nodeid not in begun]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._write(broken=report.longreprtext.strip().splitlines()[-1][:2000])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._seconds = 0.0
        self._write(begun=nodeid)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        report = (yield).get_result()
        self._seconds += report.duration
        if report.failed and any(words in report.longreprtext for words in LASTING):
            item.session.shouldstop = "the GPU answers no more in this process"
        if report.when == "teardown" or report.failed or report.skipped:
            self._note_end(report)

    def _note_end(self, report: pytest.TestReport) -> None:
        """Note how a test ended; of several notes, the first that is not 'passed' counts."""
        message = ""
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            message = crash.message if crash else report.longreprtext
        elif report.skipped:
            message = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            message = message.partition("Skipped: ")[2] or message
        self._write(ended=report.nodeid, outcome=report.outcome, seconds=self._seconds, message=message[:2000])

    def pytest_warning_recorded(self, warning_message: Any, nodeid: str) -> None:
        self._write(warning=f"{warning_message.category.__name__}: {warning_message.message}"[:500], where=nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not session.shouldstop:
            self._write(finished=True)
