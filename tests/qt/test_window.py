"""The window itself: opening and failing to, closing in the middle of work, settings, errors, models, words."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.edits.kinds import ChooseEdgeFilter, ChooseFacet, NewCluster
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer import app
from cnnvis_caffe.viewer.model import pictures
from cnnvis_caffe.viewer.model.actions import ACTION_SPECS
from cnnvis_caffe.viewer.qt import QApplication, QKeySequence, Qt, QtWidgets
from cnnvis_caffe.viewer.work import tasks

from .tour import answer, snap


def test_an_empty_file_becomes_a_message_that_can_be_copied(make_window, settle, qtbot, tmp_path):
    path = tmp_path / "bad.cnnvis.h5"
    path.write_bytes(b"")
    window = make_window()
    window.open_path(str(path))
    settle(window)
    assert "bad.cnnvis.h5" in window.message.text
    assert window.stack.currentWidget() is window.start_page
    qtbot.mouseClick(window.message.copy_button, Qt.LeftButton)
    assert "Traceback" in QApplication.clipboard().text() and "cnnvis_caffe" in QApplication.clipboard().text()


def test_a_failure_keeps_the_analysis_that_was_open(make_window, settle, tmp_path, lenet):
    window = make_window(lenet)
    window.open_path(str(tmp_path / "nothing.cnnvis.h5"))
    settle(window)
    assert window.message.text
    assert window.stack.currentWidget() is window.pages
    assert window.session.analysis is lenet


def test_errors_that_nobody_caught_become_messages(make_window, qtbot, lenet, monkeypatch, capsys):
    window = make_window(lenet)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    app.install_exception_hook(window)
    error = ZeroDivisionError("division by zero")
    sys.excepthook(ZeroDivisionError, error, None)
    assert "ZeroDivisionError" in window.message.text
    window.message.details_button.click()
    dialog = next(w for w in window.findChildren(QtWidgets.QDialog) if w.windowTitle() == "Details")
    assert "ZeroDivisionError" in dialog.view.toPlainText()
    dialog.close()
    sys.excepthook(CnnvisError, CnnvisError("the file is gone"), None)
    assert window.message.text == "the file is gone"


def test_an_error_while_making_a_picture_keeps_the_old_one(make_window, settle, lenet, monkeypatch):
    window = make_window(lenet)
    shown = window.pane.canvas.display

    def fail(*args, **kwargs):
        raise CnnvisError("the picture cannot be made")

    monkeypatch.setattr(pictures.ViewDrawer, "draw", fail)
    window.session.apply(ChooseFacet("activations"))
    settle(window)
    assert window.message.text == "the picture cannot be made"
    assert window.pane.canvas.display is shown
    monkeypatch.undo()
    window.session.undo()
    settle(window)
    assert window.pane.canvas.display is not shown


def test_closing_while_a_picture_is_made(make_window, qtbot, lenet, monkeypatch):
    window = make_window(lenet)
    original, began = pictures.ViewDrawer.draw, threading.Event()

    def slow(*args, **kwargs):
        began.set()
        threading.Event().wait(0.2)
        return original(*args, **kwargs)

    monkeypatch.setattr(pictures.ViewDrawer, "draw", slow)
    window.session.apply(ChooseFacet("activations"))
    assert began.wait(5)
    window.session.apply(ChooseFacet("contributions"))
    window.discard_and_close()
    assert window.session.analysis is None


def test_cancelling_an_opening_goes_back(make_window, settle, qtbot, monkeypatch):
    window = make_window()

    def forever(path, progress):
        progress.start(1000, "reading")
        while True:
            threading.Event().wait(0.005)
            progress.step()

    monkeypatch.setattr(tasks, "load_analysis", forever)
    window.open_path("some.cnnvis.h5")
    qtbot.waitUntil(lambda: "reading" in window.work_page.step.text() or True, timeout=1000)
    qtbot.mouseClick(window.work_page.cancel_button, Qt.LeftButton)
    settle(window)
    assert window.stack.currentWidget() is window.start_page
    assert not window.message.isVisible()


def test_undo_says_what_it_takes_back(make_window, settle, lenet):
    window = make_window(lenet)
    assert not window.actions_by_name["undo"].isEnabled()
    window.session.apply(NewCluster("conv1", (1, 2)))
    assert window.actions_by_name["undo"].text() == "Undo new cluster of 2 neurons of conv1"
    window.actions_by_name["undo"].trigger()
    settle(window)
    assert window.actions_by_name["redo"].isEnabled() and not window.actions_by_name["undo"].isEnabled()


def test_many_edits_in_a_row_end_in_one_picture_of_the_last(make_window, settle, lenet):
    window = make_window(lenet)
    made = []
    window.session.picture_changed.connect(made.append)
    for share in range(20, 80):
        window.session.apply(ChooseEdgeFilter(share / 100), together=True)
    settle(window)
    assert made[-1].request.view.edge_filter == pytest.approx(0.79)
    assert len(made) < 30


def test_item_models(make_window, qtmodeltester, lenet, deep):
    window = make_window(deep)
    qtmodeltester.check(window.layers.layers, force_py=True)
    qtmodeltester.check(window.findings.model, force_py=True)
    qtmodeltester.check(window.search.model, force_py=True)


def test_the_tree_selects_and_shows_what_neurons_answer_to(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    tree, model = window.layers, window.layers.layers
    index = model.index_of(Target("neuron", "conv2", (3,)))
    assert index.siblingAtColumn(1).data() in [str(c) for c in range(10)]
    tree.setCurrentIndex(index)
    assert window.session.selection == Target("neuron", "conv2", (3,))
    settle(window)


def test_the_theme_can_be_chosen_before_anything_is_open(make_window, settings, lenet):
    window = make_window()
    window.actions_by_name["dark_theme"].trigger()
    assert settings.theme == "dark" == window.session.view.theme
    window.session.open(lenet)
    assert window.session.view.theme == "dark" and not window.actions_by_name["undo"].isEnabled()


def test_every_action_does_something_and_every_key_is_one(make_window):
    window = make_window()
    assert set(window.commands) >= {spec.name for spec in ACTION_SPECS}
    keys = [QKeySequence(key).toString() for spec in ACTION_SPECS for key in spec.keys]
    assert "" not in keys and len(keys) == len(set(keys))


def test_the_model_dialog_says_what_is_missing(make_window, qtbot, tmp_path):
    window = make_window()
    window.opening.ask_for_model()
    dialog = next(d for d in window.findChildren(QtWidgets.QDialog) if d.windowTitle() == "Analyse a model")
    dialog.start_button.click()
    assert "Which network" in dialog.problem.text()
    model = tmp_path / "lenet" / "net.prototxt"
    model.parent.mkdir()
    model.write_text("")
    dialog.model.setText(str(model))
    assert dialog.out.text().endswith("lenet.cnnvis.h5")
    dialog.start_button.click()
    assert "Which weights" in dialog.problem.text()
    qtbot.mouseClick(dialog.random_weights, Qt.LeftButton)
    assert "Which data" in dialog.problem.text() and not dialog.weights.isEnabled()
    dialog.data.setText("mnist:test")
    qtbot.keyClicks(dialog.options.widgets["scale"], "0.5")
    arguments = dialog.request().arguments()
    assert (arguments["limit"], arguments["scale"], arguments["weights"]) == (2000, 0.5, None)
    qtbot.keyClicks(dialog.options.widgets["batch"], "x")
    assert dialog.problem.text() == "Batch: 'x' is not a whole number."
    dialog.reject()


def test_the_model_dialog_prepares_one_image(make_window, qtbot, tmp_path, repository):
    images = np.zeros((3, 28, 28), np.uint8)
    images[0, :9] = 255
    np.savez(tmp_path / "grey.npz", images=images, labels=np.arange(3))
    window = make_window()
    window.opening.ask_for_model()
    dialog = next(d for d in window.findChildren(QtWidgets.QDialog) if d.windowTitle() == "Analyse a model")
    assert not dialog.preview.pictures.isVisible()
    dialog.model.setText(str(repository / "prototxt/lenet/train_val.prototxt"))
    dialog.data.setText(str(tmp_path / "grey.npz"))
    qtbot.waitUntil(lambda: dialog.is_settled, timeout=60_000)
    assert "times 0.00390625" in dialog.preview.lines.text() and dialog.preview.pictures.isVisible()
    shown = dialog.preview.prepared.pixmap().toImage()
    assert shown.pixelColor(50, 5).red() == 255 and shown.pixelColor(50, 100).red() == 0
    qtbot.keyClicks(dialog.options.widgets["scale"], "half")
    qtbot.waitUntil(lambda: "is not a number" in dialog.preview.lines.text(), timeout=60_000)
    assert not dialog.preview.pictures.isVisible()
    dialog.reject()


def test_a_page_is_laid_out_at_every_width(make_window, settle, qtbot, lenet):
    # A scroll bar that came when the page was too high made it narrower, hence lower, and went again: for ever.
    window = make_window(lenet)
    window.navigation.open_neuron("conv2", 3)
    settle(window)
    view = window.pages.current.page
    qtbot.waitUntil(lambda: view.display is not None, timeout=10_000)
    scene = view.display.scene
    for extra in (-2, 5, 9, 12):
        view.setParent(None)
        view.resize(700, round(700 * scene.height / scene.width) + extra)
        view.show()
        QApplication.processEvents()
        assert view.verticalScrollBar().isVisible()
    view.close()


def test_a_moved_model_is_asked_for_once(make_window, settle, qtbot, made_up, monkeypatch, tmp_path):
    from cnnvis_caffe.viewer.pages import neuron_tab

    said = {"model": "net.prototxt", "option data": "mnist:test"}
    snapshots = tuple(replace(one, path=f"{one.iteration}.caffemodel") for one in made_up.analysis.snapshots)
    for name in ("net.prototxt", *(one.path for one in snapshots)):
        (tmp_path / name).write_text("")
    told = []
    monkeypatch.setattr(neuron_tab, "deconvolutions", lambda *what: told.append(what[-2]) or {})
    window = make_window(replace(made_up.analysis, provenance=said, snapshots=snapshots))
    window.navigation.open_neuron("conv2", 3)
    settle(window)
    tab = window.pages.current
    title = answer(qtbot, tab.project.click, str(tmp_path / "net.prototxt"), lambda: snap(window, "where-is-the-model"))
    assert title == "Where is net.prototxt now?"
    settle(window)
    tab.next.click()
    settle(window)
    tab.project.click()  # without another question
    settle(window)
    assert [places[0] for places in told] == [str(tmp_path)] * 2 and not tab.trouble.isVisible()


def test_deconvolutions_are_made_cancelled_and_missed(make_window, settle, qtbot, lenet, monkeypatch):
    """A button on the page: the pictures, Cancel meanwhile, and a plain sentence where they cannot be had."""
    from cnnvis_caffe.viewer.pages import neuron_tab

    window = make_window(lenet)
    window.navigation.open_neuron("conv2", 3)
    settle(window)
    tab = window.pages.current
    tab.project.click()
    settle(window)
    assert tab.trouble.isVisible() and "is not a file" in tab.trouble.text() and tab.project.text() == "Deconvolve"
    go_on = threading.Event()

    def made(analysis, snapshot, node, neuron, may_run_code, places, progress):
        progress.start(1, "deconvolution")
        while not go_on.wait(0.01):
            progress.step(0)
        images = analysis.snapshots[-1].features[node].top_image[neuron]
        return {int(index): np.full((28, 28, 3), 128, np.uint8) for index in images}

    monkeypatch.setattr(neuron_tab, "deconvolutions", made)
    tab.project.click()
    assert tab.project.text() == "Cancel" and not tab.trouble.isVisible()
    tab.project.click()
    settle(window)
    assert tab.project.text() == "Deconvolve" and not tab.trouble.isVisible()
    before = {shape.name for shape in tab.page.display.shapes}
    go_on.set()
    tab.project.click()
    settle(window)
    new = {shape.name for shape in tab.page.display.shapes} - before
    assert len(new) == 9 and all(name.endswith("/projection") for name in new)
    assert not tab.project.isEnabled()
    tab.next.click()
    settle(window)
    assert tab.project.isEnabled() and not any(s.name.endswith("/projection") for s in tab.page.display.shapes)
    # Closing the tab stops what it asked for.
    go_on.clear()
    tab.project.click()
    window.pages.close_page(1)
    settle(window)
