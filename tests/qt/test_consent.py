"""The window asks before it runs the code of a network's Python layers."""

from __future__ import annotations

import pytest

pytest.importorskip("PyQt5")

from cnnvis_caffe.records.layer_code import LayerCode
from cnnvis_caffe.viewer.pages.consent_dialog import ask_for_consent
from cnnvis_caffe.viewer.pages.open_dialog import ModelRequest
from cnnvis_caffe.viewer.qt import QApplication, Qt, QtWidgets
from cnnvis_caffe.viewer.widgets import style

NETWORK = """name: "n"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 7 } } }
layer { name: "p" type: "Python" bottom: "data" top: "p" python_param { module: "somebodys" layer: "Own" } }
"""


def button(box, text):
    return next(one for one in box.buttons() if one.text().replace("&", "") == text)


def shown_box(window):
    return next((box for box in window.findChildren(QtWidgets.QMessageBox) if box.isVisible()), None)


@pytest.mark.parametrize(("text", "runs"), [("Run this code", True), ("Cancel", False)])
def test_modules_and_files_are_named(qtbot, text, runs):
    parent = QtWidgets.QWidget()
    qtbot.addWidget(parent)
    said = []
    codes = [LayerCode("a", "some.module", "A", "/the/place.py", ""), LayerCode("b", "<b>other</b>", "B", "", "")]
    ask_for_consent(codes, lambda: said.append("run"), parent)
    (box,) = parent.findChildren(QtWidgets.QMessageBox)
    lines = box.informativeText().splitlines()
    assert lines == ["some.module: /the/place.py", "<b>other</b>: found nowhere on the import path"]
    assert box.textFormat() == Qt.PlainText
    assert box.defaultButton() is button(box, "Cancel")
    assert not said
    qtbot.mouseClick(button(box, text), Qt.LeftButton)
    assert said == (["run"] if runs else [])


def test_without_code_nobody_is_asked(qtbot):
    said = []
    ask_for_consent((), lambda: said.append("run"), QtWidgets.QWidget())
    assert said == ["run"]


@pytest.mark.parametrize("text", ["Run this code", "Cancel"])
def test_a_model_is_analysed_after_consent_only(make_window, qtbot, tmp_path, monkeypatch, text):
    from cnnvis_caffe.viewer.window.opening import Opening

    (tmp_path / "net.prototxt").write_text(NETWORK)
    (tmp_path / "somebodys.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(str(tmp_path))
    started = []
    monkeypatch.setattr(Opening, "_in_child", lambda self, *words: started.append(words[3]))
    window = make_window()
    window.opening.analyse(ModelRequest(str(tmp_path / "net.prototxt"), (), "data", str(tmp_path / "a.cnnvis.h5")))
    box = shown_box(window)
    assert str(tmp_path / "somebodys.py") in box.informativeText()
    assert not started
    qtbot.mouseClick(button(box, text), Qt.LeftButton)
    assert [arguments["allow_python_layers"] for arguments in started] == ([True] if text != "Cancel" else [])
    qtbot.waitUntil(lambda: shown_box(window) is None)
    QApplication.processEvents()


def test_other_models_are_analysed_at_once(make_window, tmp_path, monkeypatch):
    from cnnvis_caffe.viewer.window.opening import Opening

    (tmp_path / "net.prototxt").write_text(NETWORK.replace('"Python"', '"Power"').replace("python_param", "#"))
    started = []
    monkeypatch.setattr(Opening, "_in_child", lambda self, *words: started.append(words[3]))
    make_window().opening.analyse(ModelRequest(str(tmp_path / "net.prototxt"), (), "data", str(tmp_path / "a.h5")))
    assert [arguments["allow_python_layers"] for arguments in started] == [False]


def test_tool_tips_are_text():
    assert style.tip("conv1") == "conv1"
    assert style.tip('<img src="/a/file">') == "<span>&lt;img src=&quot;/a/file&quot;&gt;</span>"
