"""Threads and processes: progress, cancelling, errors, the newest request, closing in the middle of it."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.errors import Cancelled, CnnvisError
from cnnvis_caffe.viewer.work.child import ChildError, run_in_child
from cnnvis_caffe.viewer.work.threads import Jobs, Latest, ThreadProgress


@pytest.fixture
def windows_go_on():
    """What is kept, and how much of it, is looked at here."""


def count(n, progress):
    progress.start(n, "counting")
    for _ in range(n):
        time.sleep(0.002)
        progress.step()
    progress.done()
    return n


def test_a_job_tells_its_progress_and_its_result(qtbot):
    jobs, told, results = Jobs(), [], []
    jobs.start(count, 50, succeeded=results.append, progressed=lambda *values: told.append(values))
    qtbot.waitUntil(lambda: jobs.n_running == 0 and bool(results), timeout=5000)
    assert results == [50]
    assert told[0] == ("counting", 0, 50)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_progress_is_told_at_most_twenty_times_a_second():
    told = []
    progress = ThreadProgress(lambda *values: told.append(time.monotonic()))
    progress.start(100_000, "much")
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        progress.step()
    assert 2 <= len(told) <= 8


def test_a_cancelled_job_stops_and_says_so(qtbot):
    jobs, stopped, results = Jobs(), [], []
    job = jobs.start(count, 100_000, succeeded=results.append, stopped=lambda: stopped.append(True))
    qtbot.wait(20)
    job.cancel()
    qtbot.waitUntil(lambda: jobs.n_running == 0, timeout=5000)
    assert stopped and not results


def test_an_error_travels_with_its_traceback(qtbot):
    def fail(progress):
        raise CnnvisError("a file is damaged")

    jobs, errors = Jobs(), []
    jobs.failed.connect(errors.append)
    jobs.start(fail)
    qtbot.waitUntil(lambda: bool(errors) and jobs.n_running == 0, timeout=5000)
    assert str(errors[0]) == "a file is damaged" and errors[0].__traceback__ is not None


def test_closing_ends_all_jobs(qtbot):
    jobs, results = Jobs(), []
    for _ in range(3):
        jobs.start(count, 100_000, succeeded=results.append)
    started = time.monotonic()
    assert jobs.close()
    assert time.monotonic() - started < 3
    assert jobs.n_running == 0 and not results


def test_the_newest_request_wins(qtbot):
    began = threading.Event()
    seen = []

    def work(request):
        seen.append(request)
        began.set()
        time.sleep(0.05)
        return request * 10

    latest, answers = Latest(work), []
    latest.answered.connect(lambda request, result: answers.append((request, result)))
    latest.request(1)
    began.wait(2)
    for number in range(2, 8):
        latest.request(number)
    qtbot.waitUntil(lambda: not latest.is_busy, timeout=5000)
    assert answers == [(7, 70)]
    assert seen == [1, 7], "those in between were never begun"
    assert latest.close()


def test_a_failed_request_is_told_and_the_next_one_works(qtbot):
    def work(request):
        if request == "bad":
            raise ValueError("no such thing")
        return request

    latest, errors, answers = Latest(work), [], []
    latest.failed.connect(lambda request, error: errors.append((request, str(error))))
    latest.answered.connect(lambda request, result: answers.append(result))
    latest.request("bad")
    qtbot.waitUntil(lambda: bool(errors), timeout=5000)
    latest.request("good")
    qtbot.waitUntil(lambda: bool(answers), timeout=5000)
    assert errors == [("bad", "no such thing")] and answers == ["good"]
    assert latest.close()


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
    assert run_in_child("qt.child_work", "steps", {"n": 30, "pause": 0.003}, progress) == "done"
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
        run_in_child("qt.child_work", name, {}, Recorder())


def test_a_child_is_stopped(tmp_path):
    note = tmp_path / "note"
    started = time.monotonic()
    with pytest.raises(Cancelled):
        run_in_child("qt.child_work", "until_stopped", {"note": str(note)}, Recorder(stop_after=3))
    assert time.monotonic() - started < 20
    assert note.read_text() == "cleaned up", "it could keep what it had"


class _WithSketch:
    """Answers twice: at once, and whole."""

    def __init__(self) -> None:
        self.whole: list[int] = []

    def sketch(self, request: int) -> str | None:
        return f"sketch of {request}" if request > 1 else None

    def __call__(self, request: int) -> str:
        self.whole.append(request)
        return f"whole of {request}"


def test_a_sketch_comes_before_the_whole_answer(qtbot):
    function = _WithSketch()
    latest = Latest(function)
    told: list[str] = []
    latest.sketched.connect(lambda request, result: told.append(result))
    latest.answered.connect(lambda request, result: told.append(result))
    for request, expected in ((1, ["whole of 1"]), (2, ["sketch of 2", "whole of 2"])):
        told.clear()
        latest.request(request)
        qtbot.waitUntil(lambda: not latest.is_busy, timeout=20_000)
        assert told == expected
    assert latest.close()


def test_other_classes_are_sketched_in_the_places_of_before(qapp, lenet, monkeypatch):
    from dataclasses import replace

    from cnnvis_caffe.records.view import View
    from cnnvis_caffe.viewer.model import stages

    monkeypatch.setattr(stages, "MOST_LAYOUTS", 3)
    maker, before = stages.PictureMaker(), stages.PictureRequest(lenet, View())
    assert maker.sketch(before) is None
    first = maker(before)
    wanted = replace(before, view=View(classes=(1,)))
    assert maker.sketch(wanted) is None, "so few neurons are drawn at once"
    monkeypatch.setattr(stages, "LEAST_SKETCHED", 0)
    sketch = maker.sketch(wanted)
    assert sketch is not None
    boxes = [{s.name: (s.x, s.y) for s in made.scene.shapes if s.name.endswith("/colour")} for made in (first, sketch)]
    assert boxes[0] and boxes[0] == boxes[1]
    whole = maker(wanted)
    assert [c.importance.tolist() for c in whole.aggregation.columns] == [
        c.importance.tolist() for c in sketch.aggregation.columns
    ]
    # Known places need no sketch, and another filter has none.
    assert maker.sketch(before) is None
    assert maker.sketch(replace(wanted, view=View(edge_filter=0.5))) is None
    for share in range(4):
        maker(replace(before, view=View(edge_filter=0.2 + 0.02 * share)))
    assert len(maker._pictures._scenes._layouts) <= 3
