"""Asks whether the Python code that a network brings along may be run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnnvis_caffe.records.layer_code import LayerCode
from cnnvis_caffe.viewer.qt import Qt, QtWidgets, QWidget


def ask_for_consent(codes: Sequence[LayerCode], then: Callable[[], object], parent: QWidget) -> None:
    """Show what would be run, and go on if the user says that it may.

    Parameters
    ----------
    codes : sequence of LayerCode
        Goes on at once where there is none.
    then : callable
        Called after "Run this code"; without, nothing happens.
    parent : QWidget
    """
    if not codes:
        then()
        return
    box = QtWidgets.QMessageBox(parent)
    box.setObjectName("consent")
    box.setAttribute(Qt.WA_DeleteOnClose)
    box.setIcon(QtWidgets.QMessageBox.Warning)
    box.setWindowTitle("Run code of this network?")
    box.setTextFormat(Qt.PlainText)
    box.setText("This network has layers written in Python. Run their code only if you trust where it comes from.")
    lines = dict.fromkeys(f"{code.module}: {code.place or 'found nowhere on the import path'}" for code in codes)
    box.setInformativeText("\n".join(lines))
    run = box.addButton("Run this code", QtWidgets.QMessageBox.AcceptRole)
    box.setDefaultButton(box.addButton(QtWidgets.QMessageBox.Cancel))
    box.buttonClicked.connect(lambda button: then() if button is run else None)
    box.open()
