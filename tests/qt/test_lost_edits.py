"""No edit is lost without a question, whichever way one leaves; what a crash leaves is offered."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from cnnvis_caffe.edits.kinds import ChooseFacet, MoveNeuron
from cnnvis_caffe.edits.sessions import read_session, save_session
from cnnvis_caffe.store import write_analysis
from cnnvis_caffe.viewer.qt import QApplication, Qt, QtWidgets

from .tour import answer, key, snap


def box_of(window, name):
    """The question that is open."""
    (found,) = [box for box in window.findChildren(QtWidgets.QMessageBox, name) if box.isVisible()]
    return found


def click(qtbot, window, name, button):
    """Answer a question by a button, by its words."""
    box = box_of(window, name)
    (found,) = [one for one in box.buttons() if one.text().replace("&", "") == button]
    qtbot.mouseClick(found, Qt.LeftButton)
    QApplication.processEvents()


def edited(make_window, settle, network):
    """A window on a file, with one neuron moved."""
    window = make_window()
    window.open_path(network.path)
    settle(window)
    window.session.apply(MoveNeuron("conv1", 3))
    settle(window)
    return window


def test_quitting_asks_about_edits(make_window, settle, qtbot, made_up, tmp_path, settings):
    window = edited(make_window, settle, made_up)
    assert not window.close() and window.isVisible()
    snap(window, "question-on-quit", made_up)
    assert "Move neuron 3 of conv1" in box_of(window, "unsaved").informativeText()
    window.close()  # asked once only
    click(qtbot, window, "unsaved", "Cancel")
    assert window.isVisible() and window.keeper.unsaved.exist
    window.close()
    path = str(tmp_path / "work")
    answer(qtbot, lambda: click(qtbot, window, "unsaved", "Save"), path)
    assert not window.isVisible()
    assert read_session(f"{path}.cnnvis.json").history.edits == (MoveNeuron("conv1", 3),)
    again = make_window()
    assert [row.path for row in again.start_page.rows] == [made_up.path, f"{path}.cnnvis.json"]
    snap(again, "sessions-on-start", made_up)
    qtbot.mouseClick(again.start_page.rows[1], Qt.LeftButton)
    settle(again)
    assert again.session.analysis.path == made_up.path and again.session.view.moves
    assert not again.keeper.unsaved.exist and again.close()


def test_opening_something_else_asks_and_discard_goes_on(make_window, settle, qtbot, made_up):
    window = edited(make_window, settle, made_up)
    for leave in (lambda: window.open_path(made_up.path), window.opening.open_demo, window.commands["close_analysis"]):
        leave()
        click(qtbot, window, "unsaved", "Cancel")
        assert window.session.view.moves and not window.opening.is_busy
    window.open_path(made_up.path)
    click(qtbot, window, "unsaved", "Discard")
    settle(window)
    assert not window.session.view.moves and window.close()


def test_edits_of_a_window_that_ended_at_once_are_offered(make_window, settle, qtbot, made_up, settings):
    window = edited(make_window, settle, made_up)
    window.close_now()
    folder = Path(settings.recovery_folder)
    (left,) = folder.iterdir()
    os.utime(left, (1, 1))  # older than the machine runs: the process of these tests cannot have ended
    again = make_window()
    again.offer_leftovers()
    QApplication.processEvents()
    snap(again, "recovery", made_up)
    click(qtbot, again, "recovery", "Restore")
    settle(again)
    assert again.session.view.moves and again.session.analysis.path == made_up.path
    assert again.keeper.unsaved.exist and not left.exists() and len(list(folder.iterdir())) == 1
    again.session.undo()
    again.keeper.keep()
    assert not list(folder.iterdir())


def test_a_session_of_another_analysis_is_asked_about(make_window, settle, qtbot, made_up, tmp_path):
    other = replace(made_up.analysis, title="other")
    write_analysis(tmp_path / "other.cnnvis.h5", other)
    window = make_window(replace(other, path=str(tmp_path / "other.cnnvis.h5")))
    window.session.apply(ChooseFacet("activations"))
    path = str(tmp_path / "no suffix")
    save_session(path, window.session.history, window.session.analysis)
    window.keeper.unsaved.discard()
    window.show_analysis(made_up.analysis)
    settle(window)
    window.open_path(path)
    snap(window, "session-of-another")
    assert "network: other, here lenet" in box_of(window, "session").informativeText()
    click(qtbot, window, "session", "Use it here")
    settle(window)
    assert window.session.view.facet == "activations" and window.session.analysis is made_up.analysis
    key(qtbot, window.pane.canvas, "Ctrl+Z")
    window.open_path(path)
    click(qtbot, window, "session", "Open its analysis")
    settle(window)
    assert window.session.analysis.title == "other" and window.session.view.facet == "activations"
    assert not window.message.isVisible()
