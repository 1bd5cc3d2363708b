"""Asks for network, weights and data of a model that is to be analysed."""

from __future__ import annotations

import os
from collections.abc import Callable

from cnnvis_caffe.viewer.model.model_request import ModelRequest, usual_file
from cnnvis_caffe.viewer.qt import QDialog, QHBoxLayout, QtWidgets, QVBoxLayout, QWidget
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.inputs import Check
from cnnvis_caffe.viewer.window.settings import Settings


class OpenModelDialog(QDialog):
    """Asks for a model, its weights and data."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle("Analyse a model")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        text = "Images are run through the network once; the result is a file that opens at once from then on."
        layout.addWidget(style.label(text, "muted", wrap=True))
        grid = QtWidgets.QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self.model = self._field(grid, 0, "Network", "train_val.prototxt or deploy.prototxt", self._choose_model)
        self.weights = self._field(
            grid, 1, "Weights", "one snapshot or several, between semicolons", self._choose_weights
        )
        self.data = self._field(
            grid, 2, "Data", "mnist:test, cifar10:test, an LMDB, a folder of class folders", self._choose_data
        )
        self.out = self._field(grid, 3, "Result", "analysis file to write", self._choose_out)
        grid.addWidget(style.label("Images", "muted"), 4, 0)
        grid.addLayout(self._image_row(), 4, 1, 1, 2)
        layout.addLayout(grid)
        self.problem = style.label("", "warning", wrap=True)
        self.problem.hide()
        layout.addWidget(self.problem)
        layout.addLayout(self._button_row())
        self.resize(620, self.sizeHint().height())
        self.model.textChanged.connect(self._guess_out)
        for edit in (self.model, self.weights, self.data, self.out):
            edit.textChanged.connect(self._look_again)

    def _image_row(self) -> QHBoxLayout:
        self.limit = QtWidgets.QSpinBox()
        self.limit.setRange(0, 10_000_000)
        self.limit.setSingleStep(1000)
        self.limit.setSpecialValueText("all")
        self.limit.setValue(2000)
        self.limit.setAccessibleName("Images at most")
        self.limit.setButtonSymbols(QtWidgets.QSpinBox.NoButtons)
        self.limit.setFixedWidth(96)
        row = QHBoxLayout()
        row.setSpacing(style.SPACE)
        row.addWidget(self.limit)
        row.addWidget(style.label("at most; 0 for all", "muted"))
        row.addStretch(1)
        self.gradients = Check("Gradients of the loss")
        self.gradients.setChecked(True)
        row.addWidget(self.gradients)
        return row

    def _button_row(self) -> QHBoxLayout:
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        self.cancel_button = QtWidgets.QPushButton("Cancel")
        self.start_button = QtWidgets.QPushButton("Analyse")
        self.start_button.setProperty("primary", "true")
        self.start_button.setDefault(True)
        self.cancel_button.clicked.connect(self.reject)
        self.start_button.clicked.connect(self.accept)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.start_button)
        return buttons

    def _field(
        self, grid: QtWidgets.QGridLayout, row: int, name: str, hint: str, choose: Callable[[], None]
    ) -> QtWidgets.QLineEdit:
        edit = QtWidgets.QLineEdit()
        edit.setPlaceholderText(hint)
        edit.setAccessibleName(name)
        button = QtWidgets.QPushButton("Choose…")
        button.setAutoDefault(False)
        button.setAccessibleName(f"Choose {name.lower()}")
        button.clicked.connect(choose)
        label = style.label(name, "muted")
        label.setBuddy(edit)
        grid.addWidget(label, row, 0)
        grid.addWidget(edit, row, 1)
        grid.addWidget(button, row, 2)
        return edit

    def _guess_out(self, model: str) -> None:
        if not self.out.isModified():
            self.out.setText(os.path.join(self._settings.folder, usual_file(model)) if model else "")

    def _choose_model(self) -> None:
        path, _ = QtWidgets.QFileDialog.getOpenFileName(
            self, "Network", self._settings.folder, "Networks (*.prototxt *.pt);;All files (*)"
        )
        if path:
            self.model.setText(path)

    def _choose_weights(self) -> None:
        paths, _ = QtWidgets.QFileDialog.getOpenFileNames(
            self, "Weights", self._settings.folder, "Weights (*.caffemodel *.h5 *.caffemodel.h5);;All files (*)"
        )
        if paths:
            self.weights.setText("; ".join(paths))

    def _choose_data(self) -> None:
        path = QtWidgets.QFileDialog.getExistingDirectory(
            self, "Folder of a database or of images", self._settings.folder
        )
        if path:
            self.data.setText(path)

    def _choose_out(self) -> None:
        path, _ = QtWidgets.QFileDialog.getSaveFileName(
            self, "Analysis file", self.out.text() or self._settings.folder, "Analyses (*.cnnvis.h5)"
        )
        if path:
            self.out.setText(path)
            self.out.setModified(True)

    def request(self) -> ModelRequest:
        """Return what was asked for."""
        weights = tuple(part.strip() for part in self.weights.text().split(";") if part.strip())
        return ModelRequest(
            self.model.text().strip(),
            weights,
            self.data.text().strip(),
            self.out.text().strip(),
            self.limit.value() or None,
            self.gradients.isChecked(),
        )

    def _look_again(self) -> None:
        """Say what is still missing, once something was."""
        if not self.problem.isHidden():
            self.problem.setText(self.request().problem())

    def accept(self) -> None:
        """Begin, if everything is there."""
        problem = self.request().problem()
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        if not problem:
            super().accept()
