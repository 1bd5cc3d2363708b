"""Panels and bars beside the picture: what they say where there is little room, and what keys do to which picture."""

from __future__ import annotations

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pyqtgraph")
pytest.importorskip("pytestqt")

from cnnvis_caffe.viewer.qt import QApplication, Qt

from . import pointer


def test_keys_step_the_snapshot_of_the_picture_used_last(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    labels = [snapshot.label for snapshot in lenet.snapshots]
    window.commands.compare_snapshot()
    settle(window)
    comparison = window.comparison
    QApplication.setActiveWindow(window)

    def shown():
        return window.session.snapshot.label, comparison.session.snapshot.label

    assert shown() == (labels[2], labels[1])
    right = comparison.pane.canvas
    pointer.click(right, pointer.ground_of(right))
    qtbot.keyClick(right, Qt.Key_BracketLeft)
    settle(window)
    assert shown() == (labels[2], labels[0])
    assert comparison.chooser.value == labels[0]
    assert (window.pane.title.property("role"), comparison.pane.title.property("role")) == ("muted", "section")
    qtbot.keyClick(right, Qt.Key_BracketLeft)  # there is none before
    settle(window)
    assert shown() == (labels[2], labels[0])
    left = window.pane.canvas
    pointer.click(left, pointer.ground_of(left))
    qtbot.keyClick(left, Qt.Key_BracketLeft)
    settle(window)
    assert shown() == (labels[1], labels[0])
    pointer.click(right, pointer.ground_of(right))
    qtbot.keyClick(right, Qt.Key_BracketRight)
    settle(window)
    assert shown() == (labels[1], labels[1])


def test_marks_of_classes_are_set_only_when_they_change(make_window, settle, qtbot, lenet, monkeypatch):
    window = make_window(lenet)
    chooser = window.control_panel.classes
    chip = chooser._chips[0]
    asked = []
    monkeypatch.setattr(chip, "set_colour", asked.append)
    window.commands.fewer_edges()
    window.commands.facet_activations()
    settle(window)
    assert asked == []
    pointer.click(chip, chip.rect().center())
    settle(window)
    assert window.session.view.classes == tuple(range(1, 10))
    assert asked
    assert not chip.isChecked()
    window.commands.undo()
    settle(window)
    assert chip.isChecked()
    chooser.choose_none()
    assert not any(one.isChecked() for one in chooser._chips)
    assert chooser.summary.text() == "choose some"
    chooser.choose_all()
    assert all(one.isChecked() for one in chooser._chips)
    del asked[:]
    window.commands.dark_theme(True)
    settle(window)
    assert asked


def test_little_room_leaves_whole_words(make_window, settle, lenet):
    window = make_window(lenet)
    window.resize(1024, 700)
    settle(window)
    label = window.snapshots.label
    shown = super(type(label), label).text()
    assert label.text().startswith(shown)
    assert "…" not in shown
    assert shown == label.text() or label.toolTip() == label.text()
    subtitle = window.subtitle_label
    assert "…" not in super(type(subtitle), subtitle).text()
    assert super(type(label), label).text().startswith(lenet.snapshots[-1].label)


def test_options_say_what_they_mean(make_window, lenet):
    window = make_window(lenet)
    panel = window.control_panel
    for choice in (panel.facet, panel.edges, panel.importance):
        for box in choice._boxes():
            pointer.move(choice, box.center().toPoint())
            assert choice.toolTip()
