"""Work in another process: its progress, its result, its errors, and how it is stopped."""

from __future__ import annotations

import time

import pytest
from helpers import child_work

from cnnvis_caffe.errors import Cancelled, CnnvisError
from cnnvis_caffe.viewer.work.child import ChildError, run_in_child
from cnnvis_caffe.viewer.work.thread_progress import ThreadProgress

WORK = child_work.__name__


class Recorder:
    def __init__(self, stop_after=None):
        self.calls, self._stop_after = [], stop_after

    def _note(self, *call):
        self.calls.append(call)
        if self._stop_after is not None and sum(c[0] == "step" and c[1] > 0 for c in self.calls) >= self._stop_after:
            raise Cancelled

    def start(self, total, what):
        self._note("start", total, what)

    def step(self, n=1):
        self._note("step", n)

    def done(self):
        self._note("done")


def test_a_child_process_tells_its_progress_and_result():
    progress = Recorder()
    assert run_in_child(WORK, "steps", {"n": 30, "pause": 0.003}, progress) == "done"
    assert ("start", 30, "working") in progress.calls
    assert sum(call[1] for call in progress.calls if call[0] == "step") == 30


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("known_error", CnnvisError, "damaged"),
        ("unknown_error", Exception, "surprise"),
        ("die", ChildError, "exit code 3"),
    ],
)
def test_what_goes_wrong_in_a_child_is_told(name, kind, text):
    with pytest.raises(kind, match=text):
        run_in_child(WORK, name, {}, Recorder())


def test_a_child_is_stopped(tmp_path):
    note = tmp_path / "note"
    started = time.monotonic()
    with pytest.raises(Cancelled):
        run_in_child(WORK, "until_stopped", {"note": str(note)}, Recorder(stop_after=3))
    assert time.monotonic() - started < 20
    assert note.read_text() == "cleaned up", "it could keep what it had"


def test_progress_is_told_at_most_twenty_times_a_second():
    told = []
    progress = ThreadProgress(lambda *values: told.append(time.monotonic()))
    progress.start(100_000, "much")
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        progress.step()
    assert 2 <= len(told) <= 8
