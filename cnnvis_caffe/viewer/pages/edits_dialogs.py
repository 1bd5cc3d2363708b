"""Asks what becomes of edits: before they are lost, after a crash, and for a session of another analysis."""

from __future__ import annotations

from collections.abc import Callable

from cnnvis_caffe.viewer.model.recovery import Leftover
from cnnvis_caffe.viewer.model.session_opening import SessionPlan
from cnnvis_caffe.viewer.qt import Qt, QtWidgets, QWidget

_Box = QtWidgets.QMessageBox
_Answer = Callable[[], object]


def ask_to_save(question: tuple[str, str], save: _Answer, discard: _Answer, parent: QWidget) -> QtWidgets.QMessageBox:
    """Ask before edits are lost; Cancel does nothing."""
    box = _box("unsaved", "Save edits?", *question, parent)
    answers = {
        box.addButton(_Box.Save): save,
        box.addButton(_Box.Discard): discard,
        box.addButton(_Box.Cancel): lambda: None,
    }
    return _open(box, answers, box.button(_Box.Save))


def ask_to_restore(leftover: Leftover, restore: _Answer, discard: _Answer, parent: QWidget) -> QtWidgets.QMessageBox:
    """Ask about edits that a crash has left; Later keeps them for the next start."""
    box = _box("recovery", "Restore edits?", *leftover.question, parent)
    answers = {
        box.addButton("Restore", _Box.AcceptRole): restore,
        box.addButton(_Box.Discard): discard,
        box.addButton("Later", _Box.RejectRole): lambda: None,
    }
    return _open(box, answers, next(iter(answers)))


def ask_where(plan: SessionPlan, own: _Answer, here: _Answer, parent: QWidget) -> QtWidgets.QMessageBox:
    """Ask whether a session is opened on its own analysis or on the one that is shown, where it was another."""
    box = _box("session", "Session of another analysis", plan.question, plan.details, parent)
    answers: dict[QtWidgets.QAbstractButton, _Answer] = {}
    if plan.open_path:
        answers[box.addButton("Open its analysis", _Box.AcceptRole)] = own
    if plan.can_use_here:
        answers[box.addButton("Use it here", _Box.AcceptRole)] = here
    cancel = box.addButton(_Box.Cancel)
    answers[cancel] = lambda: None
    return _open(box, answers, next(iter(answers)))


def may_replace(path: str, parent: QWidget) -> bool:
    """Ask whether a file may be replaced whose ending the user did not type."""
    text = f"{path} is there already. Replace it?"
    return _Box.question(parent, "Replace the file?", text, _Box.Yes | _Box.No, _Box.No) == _Box.Yes


def _box(name: str, title: str, text: str, details: str, parent: QWidget) -> QtWidgets.QMessageBox:
    box = _Box(parent)
    box.setObjectName(name)
    box.setAttribute(Qt.WA_DeleteOnClose)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.PlainText)
    box.setText(text)
    box.setInformativeText(details)
    return box


def _open(
    box: QtWidgets.QMessageBox, answers: dict[QtWidgets.QAbstractButton, _Answer], usual: QtWidgets.QAbstractButton
) -> QtWidgets.QMessageBox:
    box.setDefaultButton(usual)
    box.buttonClicked.connect(lambda button: answers[button]())
    box.open()
    return box
