"""Shows the fields of all options of an analysis, group by group, and says what stands in them."""

from __future__ import annotations

import os

from cnnvis_caffe.viewer.canvas.pictures import to_image
from cnnvis_caffe.viewer.model.model_options import OptionField, option_groups
from cnnvis_caffe.viewer.model.prepared_image import PreparedImage
from cnnvis_caffe.viewer.qt import QHBoxLayout, QLineEdit, Qt, QtGui, QtWidgets, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.inputs import Check, Dropdown


class OptionFields(QWidget):
    """The fields.

    Signals
    -------
    changed : ()
    """

    changed = Signal()

    def __init__(self, folder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self.widgets: dict[str, QLineEdit | Check | Dropdown] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 12, 0)
        layout.setSpacing(6)
        for group, fields in option_groups().items():
            layout.addWidget(style.label(group, "section"))
            grid = QtWidgets.QGridLayout()
            grid.setHorizontalSpacing(10)
            grid.setVerticalSpacing(6)
            grid.setColumnStretch(1, 1)
            grid.setColumnMinimumWidth(0, 104)
            for row, one in enumerate(fields):
                self._add(grid, row, one)
            layout.addLayout(grid)
        layout.addStretch(1)

    def _add(self, grid: QtWidgets.QGridLayout, row: int, one: OptionField) -> None:
        """Add a field with its name."""
        if one.kind == "check":
            check = Check(one.help.rstrip("."))
            check.toggled.connect(lambda _: self.changed.emit())
            self.widgets[one.name] = check
            grid.addWidget(style.label(one.label, "muted"), row, 0)
            grid.addWidget(check, row, 1, 1, 2)
            return
        widget: QLineEdit | Dropdown
        if one.kind == "choice":
            widget = Dropdown(one.label, one.choices)
            widget.chosen.connect(lambda _: self.changed.emit())
        else:
            widget = QLineEdit()
            widget.setPlaceholderText(one.hint)
            widget.textChanged.connect(lambda _: self.changed.emit())
        widget.setAccessibleName(one.label)
        widget.setToolTip(style.tip(one.help))
        self.widgets[one.name] = widget
        label = style.label(one.label, "muted")
        label.setBuddy(widget)
        grid.addWidget(label, row, 0)
        grid.addWidget(widget, row, 1, 1, 1 if one.files else 2)
        if one.files and isinstance(widget, QLineEdit):
            button = QtWidgets.QPushButton("Choose…")
            button.setAutoDefault(False)
            button.setAccessibleName(f"Choose {one.label.lower()}")
            button.clicked.connect(lambda _=False, line=widget, field=one: self._choose(line, field))
            grid.addWidget(button, row, 2)

    def _choose(self, line: QLineEdit, one: OptionField) -> None:
        """Ask for a file."""
        start = line.text() or self._folder
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, one.label, start, one.files)
        if path:
            self._folder = os.path.dirname(path)
            line.setText(path)

    def typed(self) -> dict[str, str | bool]:
        """Return what stands in the fields, by option."""
        return {
            name: widget.isChecked() if isinstance(widget, Check)
            else widget.value if isinstance(widget, Dropdown) else widget.text()
            for name, widget in self.widgets.items()
        }  # fmt: skip


class PreviewPane(QWidget):
    """Shows one image as it is and as the network gets it, and what was found."""

    SIDE = 112

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 0, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(style.label("One image, prepared", "section"))
        self.pictures = QWidget()
        row = QHBoxLayout(self.pictures)
        row.setContentsMargins(0, 0, 0, 0)
        self.image, self.prepared = QtWidgets.QLabel(), QtWidgets.QLabel()
        for label, name in ((self.image, "as it is"), (self.prepared, "as the network gets it")):
            column = QVBoxLayout()
            label.setFixedSize(self.SIDE, self.SIDE)
            label.setAccessibleName(f"The image {name}")
            column.addWidget(label)
            column.addWidget(style.label(name, "muted"))
            row.addLayout(column)
        row.addStretch(1)
        layout.addWidget(self.pictures)
        self.lines = style.label("", wrap=True)
        self.notes = style.label("", "muted", wrap=True)
        for label in (self.lines, self.notes):
            layout.addWidget(label)
        layout.addStretch(1)
        self.say("Name a network and data: one image is prepared here as the analysis would do it.")

    def show_preview(self, preview: PreparedImage) -> None:
        """Show an image and what was found."""
        self.pictures.show()
        for label, pixels in ((self.image, preview.image), (self.prepared, preview.prepared)):
            pixmap = QtGui.QPixmap.fromImage(to_image(pixels))
            # Squares of small images stay squares.
            way = Qt.FastTransformation if max(pixels.shape[:2]) < self.SIDE else Qt.SmoothTransformation
            label.setPixmap(pixmap.scaled(self.SIDE, self.SIDE, Qt.KeepAspectRatio, way))
        self.lines.setText("\n".join(f"{name}: {text}" for name, text in preview.lines))
        self.notes.setText("\n".join(preview.notes))

    def say(self, text: str) -> None:
        """Say why there is no image."""
        self.pictures.hide()
        self.lines.setText(text)
        self.notes.setText("")
