"""Threads: progress, cancelling, errors, the newest request, closing in the middle of it."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.viewer.work.threads import Jobs, Latest


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


class Counter:
    """Makes slow answers that can be stopped; `watch` is what the thread gives it."""

    def __init__(self):
        self.watch = lambda words, done, total: None
        self.finished, self.began = [], threading.Event()

    def __call__(self, request):
        for step in range(200 if request == "slow" else 2):
            self.began.set()
            self.watch("counting", step, 200)
            time.sleep(0.01)
        self.finished.append(request)
        return request


def test_work_that_nobody_waits_for_ends_and_tells_how_far_it_was(qtbot):
    counter, answers, told = Counter(), [], []
    latest = Latest(counter)
    latest.answered.connect(lambda _, answer: answers.append(answer))
    latest.progressed.connect(lambda *values: told.append(values))
    latest.request("slow")
    assert counter.began.wait(5)
    qtbot.waitUntil(lambda: bool(told), timeout=5000)
    latest.request("quick")
    qtbot.waitUntil(lambda: bool(answers), timeout=5000)
    assert answers == counter.finished == ["quick"] and told[0][0] == "counting"
    assert latest.close(5000)
