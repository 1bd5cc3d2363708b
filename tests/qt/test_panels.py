"""Panels and bars beside the picture: what they say where there is little room, and what keys do to which picture."""

from __future__ import annotations

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.viewer.qt import QApplication, Qt

from . import pointer


def test_keys_step_the_snapshot_of_the_picture_used_last(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    labels = [snapshot.label for snapshot in lenet.snapshots]
    window.commands["compare_snapshot"]()
    settle(window)
    comparison = window.pictures.comparison
    QApplication.setActiveWindow(window)

    def shown():
        return window.session.snapshot.label, comparison.pane.session.snapshot.label

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
    window.actions_by_name["fewer_edges"].trigger()
    window.actions_by_name["facet_activations"].trigger()
    settle(window)
    assert asked == []
    pointer.click(chip, chip.rect().center())
    settle(window)
    assert window.session.view.classes == tuple(range(1, 10))
    assert asked
    assert not chip.isChecked()
    window.commands["undo"]()
    settle(window)
    assert chip.isChecked()
    chooser.choose_none()
    assert not any(one.isChecked() for one in chooser._chips)
    assert chooser.summary.text() == "choose some"
    chooser.choose_all()
    assert all(one.isChecked() for one in chooser._chips)
    del asked[:]
    window.commands["dark_theme"](True)
    settle(window)
    assert asked


def test_little_room_leaves_whole_words(make_window, settle, lenet):
    window = make_window(lenet)
    window.resize(1024, 700)
    settle(window)
    label = window.pictures.snapshots.label
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


def test_tab_goes_through_the_control_panel_in_reading_order(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    window.resize(1400, 1000)
    settle(window)
    QApplication.setActiveWindow(window)
    window.control_panel.facet.setFocus()
    names = []
    for _ in range(40):
        widget = QApplication.focusWidget()
        names.append(widget.accessibleName() or widget.text())
        if names[-1] == "Theme":
            break
        qtbot.keyClick(widget, Qt.Key_Tab)
    classes = [f"class {c}" for c in range(10)]
    assert names.index("All classes") < names.index(classes[0])
    assert [name for name in names if name in classes] == classes
    assert names.index(classes[-1]) < names.index("Expand all") < names.index("Layer that stands for conv1")
    assert names[-1] == "Theme"


def test_check_boxes_of_a_long_list_are_seen_in_the_dark(make_window, settle, qtbot):
    from helpers.analyses import make_analysis

    from cnnvis_caffe.viewer.widgets import style

    window = make_window(make_analysis("lenet", n_classes=30))
    window.commands["dark_theme"](True)
    window.control_panel.classes.choose([1])
    settle(window)
    chosen = window.control_panel.classes.list
    assert chosen.isVisible()
    image = chosen.viewport().grab().toImage()
    row = chosen.visualRect(chosen.model().index(0, 0))
    colours = {image.pixelColor(x, row.center().y()).lightness() for x in range(row.left(), row.left() + 24)}
    ground = style.QColor(style.current().panel).lightness()
    assert max(abs(value - ground) for value in colours) > 60


def test_everything_that_takes_the_keys_has_a_name(make_window, lenet):
    from cnnvis_caffe.viewer.qt import QWidget

    window = make_window(lenet)
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and widget.focusPolicy() & Qt.TabFocus:
            text = widget.text() if hasattr(widget, "text") and callable(widget.text) else ""
            assert widget.accessibleName() or text, widget
