"""Random input, a little of it; `python -m benchmarks.viewer --monkey MINUTES` is the long form."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from benchmarks.monkey import Monkey, growth
from cnnvis_caffe.viewer.qt import QApplication, QtCore


def test_anything_at_all_ends_well(make_window, settle, lenet):
    window = make_window(lenet)

    def process() -> None:
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)

    player, did = Monkey(SimpleNamespace(window=window, process=process), seed=5), set()
    for _ in range(60):
        seconds, what = player.step()
        assert not window.message.text, f"{what}: {window.message.text}"
        assert seconds >= 0
        did.add(what.split()[0])
    settle(window)
    assert len(did) >= 8 and window.session.analysis is lenet


def test_growth_is_that_of_the_last_quarter():
    assert growth([1.0, 5.0, 5.0, 5.0, 5.0, 5.0, 9.0, 9.0]) == 4.0
    assert growth([3.0] * 40) == growth([]) == 0.0
