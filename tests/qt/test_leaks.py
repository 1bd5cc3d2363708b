"""What is closed goes: pages, pictures beside the first one, their threads."""

from __future__ import annotations

import gc
import weakref

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.viewer.qt import QApplication, QtCore
from cnnvis_caffe.viewer.work import threads


@pytest.fixture
def garbage_of_this_test():
    """All of it, as in the program."""


@pytest.fixture
def windows_go_on():
    """Nothing is kept for another window."""


def n_objects(window) -> int:
    """What Qt holds for a window, after all that was to go has gone."""
    QApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
    return len(window.findChildren(QtCore.QObject))


def are_dead(references: list) -> bool:
    """Whether nothing holds what was referred to; also not because it was there when modules were passed over."""
    gc.unfreeze()
    gc.collect()
    return all(reference() is None for reference in references)


def test_a_closed_page_leaves_nothing_in_the_window(make_window, settle, qtbot, lenet):
    window = make_window(lenet)

    def open_and_close(neuron: int) -> tuple:
        window.navigation.open_neuron("conv1", neuron)
        settle(window)
        page = window.pages.current
        kept = weakref.ref(page), weakref.ref(page.page.display.scene)
        window.pages.close_page(1)
        return kept

    open_and_close(0)  # what a first page makes for all of them
    before = n_objects(window)
    kept = [one for neuron in (1, 2) for one in open_and_close(neuron)]
    assert n_objects(window) == before
    qtbot.waitUntil(lambda: are_dead(kept), timeout=5000)


def test_a_comparison_that_ended_leaves_nothing(make_window, settle, qtbot, lenet):
    window = make_window(lenet)

    def compare_and_end() -> tuple:
        window.pictures.toggle_comparison()
        settle(window)
        pane = window.pictures.comparison.pane
        kept = (
            weakref.ref(pane.session), weakref.ref(pane.canvas), weakref.ref(pane.canvas.display.scene),
            weakref.ref(pane.session._pictures._thread),
        )  # fmt: skip
        window.pictures.end_comparison()
        settle(window)
        return kept

    compare_and_end()
    before = n_objects(window)
    kept = compare_and_end()
    qtbot.waitUntil(lambda: not threads._LEFT_BEHIND and are_dead(kept), timeout=5000)
    assert n_objects(window) == before
