"""The tour's last part: opening, analysing, exporting, sessions, help and the window; `test_tour.py` has a list."""

from __future__ import annotations

import csv
from unittest.mock import patch

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.viewer.model.actions import ACTION_SPECS
from cnnvis_caffe.viewer.qt import QApplication, QKeySequence, QPoint, QPointF, Qt, QtCore, QtGui, QtWidgets

from . import pointer
from .tour import answer, choose, dialog_named, key, point_at, snap, targets, window_menu


def one_neuron(window, network):
    """Click on a neuron."""
    canvas = window.pane.canvas
    responses = network.analysis.snapshots[-1].features[network.second].overall_maximum
    neuron = next(t for t in targets(window, "neuron", network.second) if responses[t.members[0]] > 0)
    pointer.click(canvas, point_at(canvas, neuron))
    return neuron


def lines_of(network, neuron):
    """How the lines of a neuron's table begin."""
    return [[network.second, str(neuron.members[0]), name] for name in network.analysis.data.class_names]


# Copy, export, sessions


def test_copy_picture_and_table(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, clipboard = window.pane.canvas, QApplication.clipboard()
    neuron = one_neuron(window, network)
    settle(window)
    key(qtbot, canvas, "Ctrl+C")
    assert window.status.text == "Picture copied"
    assert clipboard.pixmap().toImage() == canvas.grab().toImage()
    key(qtbot, canvas, "Ctrl+Shift+C")
    rows = [line.split("\t") for line in clipboard.text().splitlines()]
    assert [row[:3] for row in rows[1:]] == lines_of(network, neuron)
    features = network.analysis.snapshots[-1].features[network.second]
    means = [float(row[rows[0].index("mean")]) for row in rows[1:]]
    assert means == pytest.approx(features.mean[neuron.members[0]].tolist(), rel=1e-4)


def test_export_pictures_tables_and_patches(make_window, settle, qtbot, network, tmp_path):
    window = make_window(network.analysis)
    canvas = window.pane.canvas
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    for ending, begin in begins.items():
        path = tmp_path / f"picture.{ending}"

        def shot(ending=ending):
            if ending == "png":
                snap(window, "dialog-export", network)

        asked = answer(qtbot, lambda: key(qtbot, canvas, "Ctrl+E"), str(path), shot)
        assert asked == "Export picture"
        settle(window)
        content = path.read_bytes()
        assert len(content) > 5000 and content.startswith(begin)
        assert str(path) in window.status.text
    svg = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    assert network.second in svg and network.third in svg
    neuron = one_neuron(window, network)
    settle(window)
    table = tmp_path / "table.csv"
    assert answer(qtbot, lambda: key(qtbot, canvas, "Ctrl+Shift+E"), str(table)) == "Export table"
    rows = list(csv.reader(table.read_text(encoding="utf-8").splitlines()))
    assert [row[:3] for row in rows[1:]] == lines_of(network, neuron)
    patches = tmp_path / "patches.png"
    answer(qtbot, lambda: window_menu(window, qtbot, "File", "Export patches"), str(patches))
    image = QtGui.QImage(str(patches))
    assert image.width() >= 100 and image.height() >= 100


def test_sessions_are_saved_and_opened(make_window, settle, qtbot, network, tmp_path):
    window = make_window(network.analysis)
    canvas, session, path = window.pane.canvas, window.session, str(tmp_path / "a.cnnvis.json")
    one_neuron(window, network)
    key(qtbot, canvas, "N")
    key(qtbot, canvas, "G")
    settle(window)
    view = session.view
    assert view.moves and view.edges == "gradient"
    clusters = [c.neurons.tolist() for c in session.aggregation.column(network.second).clusters]
    assert answer(qtbot, lambda: key(qtbot, canvas, "Ctrl+S"), path) == "Save session"
    for _ in range(2):
        key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert not session.view.moves and session.view.edges == "weight"
    assert answer(qtbot, lambda: key(qtbot, canvas, "Ctrl+Shift+O"), path) == "Open session"
    settle(window)
    assert session.view == view and not window.message.isVisible()
    assert [c.neurons.tolist() for c in session.aggregation.column(network.second).clusters] == clusters
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert session.view.edges == "weight" and session.view.moves, "what was saved can be taken back"


# Opening


def shows(window, network):
    """Whether the window shows the network's file."""
    analysis = window.session.analysis
    assert analysis is not None and analysis.path == network.path
    assert window.stack.currentWidget() is window.pages and not window.message.text
    assert network.analysis.title in window.windowTitle()
    assert targets(window, "column", network.second)


def test_open_by_the_dialog(make_window, settle, qtbot, network, settings):
    window = make_window()
    snap(window, "start")
    assert not window.actions_by_name["export_picture"].isEnabled()
    qtbot.mouseMove(window.start_page.buttons["open"])
    asked = answer(
        qtbot,
        lambda: qtbot.mouseClick(window.start_page.buttons["open"], Qt.LeftButton),
        network.path,
        lambda: snap(window, "dialog-open", network),
    )
    assert asked == "Open"
    settle(window)
    shows(window, network)
    assert settings.recent == [network.path]
    key(qtbot, window.pane.canvas, "Ctrl+W")
    assert window.session.analysis is None and window.stack.currentWidget() is window.start_page
    assert answer(qtbot, lambda: key(qtbot, window, "Ctrl+O"), network.path) == "Open"
    settle(window)
    shows(window, network)


def test_recent_files_open_by_a_click(make_window, settle, qtbot, network, settings):
    settings.add_recent(network.path)
    window = make_window()
    snap(window, "recent", network)
    (row,) = window.start_page.rows
    qtbot.mouseClick(row, Qt.LeftButton)
    settle(window)
    shows(window, network)
    key(qtbot, window.pane.canvas, "Ctrl+W")
    menu = window.menus["File"]
    menu.popup(window.mapToGlobal(QPoint(10, 30)))
    snap(window, "menu-file", network)
    choose(qtbot, menu, "Recent", "")
    settle(window)
    shows(window, network)


def test_drop_of_a_file_opens_it(make_window, settle, network):
    window = make_window()
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(network.path)])
    at = QPoint(200, 200)
    enter = QtGui.QDragEnterEvent(at, Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    snap(window, "drop")
    drop = QtGui.QDropEvent(QPointF(at), Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(window, drop)
    settle(window)
    shows(window, network)


def test_a_damaged_file_becomes_a_message_to_copy(make_window, settle, qtbot, network, tmp_path):
    with open(network.path, "rb") as file:
        content = file.read()
    path = tmp_path / "half.cnnvis.h5"
    path.write_bytes(content[: len(content) // 2])
    window = make_window(network.analysis)
    answer(qtbot, lambda: key(qtbot, window.pane.canvas, "Ctrl+O"), str(path))
    settle(window)
    snap(window, "message", network)
    assert "half.cnnvis.h5" in window.message.text
    qtbot.mouseClick(window.message.copy_button, Qt.LeftButton)
    copied = QApplication.clipboard().text()
    assert copied.startswith(window.message.text) and "Traceback" in copied
    qtbot.mouseClick(window.message.details_button, Qt.LeftButton)
    snap(window, "message-details", network)
    dialog = dialog_named(window, "Details")
    assert "Traceback" in dialog.view.toPlainText()
    qtbot.keyClick(dialog, Qt.Key_Escape)
    assert window.session.analysis is network.analysis, "what was open stays"
    qtbot.mouseClick(window.message._close, Qt.LeftButton)
    assert not window.message.isVisible()


# Models


def ask_for_lenet(window, qtbot, repository, zoo_dir, out, limit):
    """Fill in the dialog for a model and press Enter."""
    key(qtbot, window, "Ctrl+M")
    dialog = dialog_named(window, "Analyse a model")
    qtbot.mouseClick(dialog.start_button, Qt.LeftButton)
    assert "Which network" in dialog.problem.text()
    for field, text in (
        (dialog.model, repository / "prototxt/lenet/train_val.prototxt"),
        (dialog.weights, zoo_dir / "lenet/lenet_iter_10000.caffemodel"),
        (dialog.data, "mnist:test"),
        (dialog.out, out),
    ):
        field.clear()
        qtbot.keyClicks(field, str(text))
    assert not dialog.problem.text(), "nothing is missing any more"
    dialog.limit.setFocus()
    dialog.limit.selectAll()
    qtbot.keyClicks(dialog.limit, str(limit))
    snap(window, "dialog-model")
    qtbot.keyClick(dialog, Qt.Key_Return)
    assert window.stack.currentWidget() is window.work_page and window.opening.is_busy


def test_a_model_is_analysed_with_progress_and_can_be_stopped(
    make_window, settle, qtbot, tmp_path, repository, data_dir, zoo_dir
):
    window = make_window()
    out, work = tmp_path / "lenet.cnnvis.h5", window.work_page
    told = []
    ask_for_lenet(window, qtbot, repository, zoo_dir, out, 0)
    assert "lenet" in work.title.text()
    qtbot.waitUntil(lambda: work.bar.maximum() > 0 and work.bar.value() > 0, timeout=60_000)
    told.append((work.step.text(), work.bar.value(), work.bar.maximum()))
    snap(window, "progress")
    qtbot.mouseClick(work.cancel_button, Qt.LeftButton)
    assert work.cancel_button.text() == "Stopping…"
    settle(window)
    assert f"{told[0][1]} of {told[0][2]}" in told[0][0]
    assert window.stack.currentWidget() is window.start_page and not out.exists()
    assert window.status.text == "Stopped" and not window.message.isVisible()
    ask_for_lenet(window, qtbot, repository, zoo_dir, out, 100)
    settle(window)
    assert out.exists() and window.session.analysis.path == str(out)
    assert window.session.analysis.data.n_images == 100
    assert targets(window, "neuron", "conv2")


def test_a_model_that_cannot_be_analysed_becomes_a_message(
    make_window, settle, qtbot, tmp_path, repository, data_dir, zoo_dir
):
    window = make_window()
    key(qtbot, window, "Ctrl+M")
    dialog = dialog_named(window, "Analyse a model")
    qtbot.keyClicks(dialog.model, str(repository / "prototxt/lenet/train_val.prototxt"))
    qtbot.keyClicks(dialog.weights, str(zoo_dir / "cifar10_full_h5/cifar10_full_iter_10000.caffemodel.h5"))
    qtbot.keyClicks(dialog.data, "mnist:test")
    dialog.out.clear()
    qtbot.keyClicks(dialog.out, str(tmp_path / "out.cnnvis.h5"))
    qtbot.mouseClick(dialog.start_button, Qt.LeftButton)
    settle(window)
    snap(window, "message-of-a-model")
    assert "conv1" in window.message.text
    qtbot.mouseClick(window.message.copy_button, Qt.LeftButton)
    assert "Traceback" in QApplication.clipboard().text()


def test_a_model_may_still_be_analysed_when_the_window_closes(
    make_window, settle, qtbot, tmp_path, repository, data_dir, zoo_dir
):
    from cnnvis_caffe.viewer.work import child

    started = []
    popen = child.subprocess.Popen

    def remember(*args, **more):
        started.append(popen(*args, **more))
        return started[-1]

    window = make_window()
    with patch.object(child.subprocess, "Popen", remember):
        ask_for_lenet(window, qtbot, repository, zoo_dir, tmp_path / "lenet.cnnvis.h5", 0)
        qtbot.waitUntil(lambda: window.work_page.bar.value() > 0, timeout=60_000)
    assert window.close()
    (process,) = started
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=10_000)
    assert not (tmp_path / "lenet.cnnvis.h5").exists()


# Help and the window


def test_help_and_about(make_window, qtbot, made_up):
    window = make_window(made_up.analysis)
    key(qtbot, window.pane.canvas, "F1")
    dialog = dialog_named(window, "Keys and mouse")
    snap(window, "help")
    text = dialog.view.toPlainText()
    for spec in ACTION_SPECS:
        assert spec.text.rstrip("…") in text
        assert all(QKeySequence(one).toString(QKeySequence.NativeText) in text for one in spec.keys)
    qtbot.keyClicks(dialog.search, "minimap")
    assert "Minimap" in dialog.view.toPlainText() and "Undo" not in dialog.view.toPlainText()
    qtbot.keyClick(dialog, Qt.Key_Escape)
    window_menu(window, qtbot, "Help", "About")
    dialog = dialog_named(window, "About cnnvis_caffe")
    snap(window, "about")
    labels = " ".join(label.text() for label in dialog.findChildren(QtWidgets.QLabel))
    assert "PyQt5" in labels and "GPL" in labels and "Python" in labels
    qtbot.keyClick(dialog, Qt.Key_Escape)


def test_docks_hide_and_come_back(make_window, settle, qtbot, made_up):
    window = make_window(made_up.analysis)
    shown = {name for name, dock in window.docks.by_name.items() if dock.isVisible()}
    assert shown == {"findings", "layers", "control", "debugging"}  # tables wait until somebody asks for them
    dock = window.docks.by_name["findings"]
    dock.close()
    assert not dock.isVisible()
    settle(window)
    window_menu(window, qtbot, "View", "Panels", "Findings")
    assert dock.isVisible()
    window.docks.by_name["control"].setFloating(True)
    window_menu(window, qtbot, "View", "Reset window layout")
    assert not window.docks.by_name["control"].isFloating()
    settle(window)
    window.close_analysis()
    assert window.stack.currentWidget() is window.start_page
    assert not any(dock.isVisible() for dock in window.docks.by_name.values())


def test_layout_theme_and_files_are_kept(make_window, settle, qtbot, network, settings):
    window = make_window()
    window.open_path(network.path)
    settle(window)
    window.docks.by_name["layers"].close()
    key(qtbot, window.pane.canvas, "T")
    settle(window)
    window.close()
    again = make_window()
    assert [row.path for row in again.start_page.rows] == [network.path]
    qtbot.mouseClick(again.start_page.rows[0], Qt.LeftButton)
    settle(again)
    snap(again, "kept", network)
    assert again.docks.by_name["layers"].isHidden() and again.docks.by_name["findings"].isVisible()
    assert again.session.view.theme == "dark" == again.pane.canvas.theme.name
