"""Asks for network, weights and data of a model that is to be analysed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.viewer.model.model_options import option_values
from cnnvis_caffe.viewer.model.model_request import ModelRequest, usual_file
from cnnvis_caffe.viewer.model.prepared_image import PreparedImage
from cnnvis_caffe.viewer.pages.option_fields import OptionFields, PreviewPane
from cnnvis_caffe.viewer.qt import QDialog, QHBoxLayout, QSize, Qt, QTimer, QtWidgets, QVBoxLayout, QWidget
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.inputs import Check
from cnnvis_caffe.viewer.window.settings import Settings
from cnnvis_caffe.viewer.work.child import run_in_child
from cnnvis_caffe.viewer.work.threads import Job, Jobs

SIZE = 1040, 680
#: An image is prepared when nothing has been typed for so long.
PREVIEW_AFTER_MS = 500


class OpenModelDialog(QDialog):
    """Asks for a model, its weights, data and options, and shows one image as it would be prepared.

    Parameters
    ----------
    settings : Settings
    jobs : Jobs, optional
        Prepare the image beside the window; without them there is no preview.
    parent : QWidget, optional
    """

    def __init__(self, settings: Settings, jobs: Jobs | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings, self._jobs = settings, jobs
        self._job: Job | None = None
        self._previewed: dict[str, Any] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PREVIEW_AFTER_MS)
        self._soon.timeout.connect(self._preview)
        self.setWindowTitle("Analyse a model")
        self.options = OptionFields(settings.folder)
        self.preview = PreviewPane()
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
        columns = QHBoxLayout()
        columns.setSpacing(12)
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addLayout(grid)
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QtWidgets.QFrame.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        scroll.setAccessibleName("Options")
        scroll.setWidget(self.options)
        left.addWidget(scroll, 1)
        columns.addLayout(left, 3)
        columns.addWidget(self.preview, 2)
        layout.addLayout(columns, 1)
        self.problem = style.label("", "warning", wrap=True)
        self.problem.hide()
        layout.addWidget(self.problem)
        layout.addLayout(self._button_row())
        room = parent.window().size() if parent is not None else QSize(*SIZE)
        self.resize(min(SIZE[0], max(room.width() - 40, 640)), min(SIZE[1], max(room.height() - 40, 440)))
        self.model.textChanged.connect(self._guess_out)
        for edit in (self.model, self.weights, self.data, self.out):
            edit.textChanged.connect(self._look_again)
        self.options.changed.connect(self._look_again)
        self.random_weights.toggled.connect(self._look_again)
        self.finished.connect(lambda _: self._stop_preview())

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
        self.random_weights = Check("Random weights")
        self.random_weights.setToolTip("Take the weights that the network's fillers give, without a file")
        row.addWidget(self.random_weights)
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
        """Return what was asked for.

        Raises
        ------
        ValueError, CnnvisError
            If an option cannot have its value.
        """
        weights = tuple(part.strip() for part in self.weights.text().split(";") if part.strip())
        return ModelRequest(
            self.model.text().strip(),
            () if self.random_weights.isChecked() else weights,
            self.data.text().strip(),
            self.out.text().strip(),
            self.limit.value() or None,
            self.gradients.isChecked(),
            option_values(self.options.typed()),
            self.random_weights.isChecked(),
        )

    def _find_problem(self) -> str:
        """What is missing or cannot be, in a sentence."""
        try:
            return self.request().problem()
        except (ValueError, CnnvisError) as error:
            return str(error)

    def _look_again(self) -> None:
        """Say what is still missing, once something was; prepare an image soon."""
        self.weights.setEnabled(not self.random_weights.isChecked())
        if not self.problem.isHidden():
            self.problem.setText(self._find_problem())
        self._soon.start()

    # -- the preview

    @property
    def is_settled(self) -> bool:
        """Return whether no image is being prepared, or about to be."""
        return self._job is None and not self._soon.isActive()

    def _preview(self) -> None:
        """Prepare one image, if there is enough to do it with."""
        try:
            request = self.request()
        except (ValueError, CnnvisError) as error:
            self._stop_preview()
            self.preview.say(str(error))
            return
        arguments = {name: value for name, value in request.arguments().items() if name not in ("out", "limit")}
        if self._jobs is None or arguments == self._previewed:
            return
        self._stop_preview()
        if not os.path.isfile(request.model) or not request.data:
            return
        self._previewed = arguments
        self.preview.say("Preparing an image…")
        self._job = self._jobs.start(
            run_in_child,
            "cnnvis_caffe.viewer.work.child_preview",
            "preview",
            arguments,
            succeeded=lambda found: self._show(arguments, found),
            failed=lambda error: self._show(arguments, error),
        )

    def _show(self, arguments: dict[str, Any], found: Any) -> None:
        """Show an image, or why there is none."""
        if arguments != self._previewed:
            return
        self._job = None
        if isinstance(found, PreparedImage):
            self.preview.show_preview(found)
        else:
            self.preview.say(str(found))

    def _stop_preview(self) -> None:
        """Forget the image that is being prepared."""
        self._soon.stop()
        self._previewed = {}
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def accept(self) -> None:
        """Begin, if everything is there."""
        problem = self._find_problem()
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        if not problem:
            super().accept()
