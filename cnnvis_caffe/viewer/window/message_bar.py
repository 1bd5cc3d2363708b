"""Shows errors in a bar that does not stop the work, with everything about them to read and to copy."""

from __future__ import annotations

import platform
import traceback

from cnnvis_caffe import __version__
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.viewer.qt import (
    BINDING,
    BINDING_VERSION,
    QT_VERSION,
    QApplication,
    QDialog,
    QFontDatabase,
    QFrame,
    QHBoxLayout,
    QSize,
    Qt,
    QtWidgets,
    QVBoxLayout,
    QWidget,
)
from cnnvis_caffe.viewer.widgets import style


def message_of(error: BaseException) -> str:
    """Return an error in one or two sentences."""
    if isinstance(error, OSError) and not isinstance(error, CnnvisError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return "There is not enough memory for this."
    text = " ".join(str(error).split())
    if isinstance(error, CnnvisError):
        return text
    return f"Something went wrong that should not: {type(error).__name__}{': ' + text if text else ''}"


def details_of(error: BaseException) -> str:
    """Return everything that helps to mend an error: versions and the traceback."""
    lines = [
        f"cnnvis_caffe {__version__}, Python {platform.python_version()}, {BINDING} {BINDING_VERSION}, Qt {QT_VERSION}",
        platform.platform(),
        "",
        *"".join(traceback.format_exception(type(error), error, error.__traceback__)).splitlines(),
    ]
    return "\n".join(lines)


class MessageBar(QFrame):
    """One message above the picture, until it is closed or the next one comes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message_bar")
        self.setAccessibleName("Message")
        row = QHBoxLayout(self)
        row.setContentsMargins(style.MARGIN, 6, 8, 6)
        row.setSpacing(style.SPACE)
        self.label = style.label("", wrap=True)
        self.label.setTextInteractionFlags(Qt.TextSelectableByMouse | Qt.TextSelectableByKeyboard)
        self.details_button = QtWidgets.QPushButton("Details")
        self.copy_button = QtWidgets.QPushButton("Copy")
        for button in (self.details_button, self.copy_button):
            button.setProperty("link", "true")
        self._close = QtWidgets.QToolButton()
        self._close.setIconSize(QSize(12, 12))
        self._close.setAccessibleName("Close the message")
        row.addWidget(self.label, 1)
        for widget in (self.details_button, self.copy_button, self._close):
            row.addWidget(widget)
        self._details = ""
        self.details_button.clicked.connect(self._show_details)
        self.copy_button.clicked.connect(self._copy)
        self._close.clicked.connect(self.hide)
        self.hide()

    @property
    def text(self) -> str:
        """Return the message."""
        return self.label.text() if not self.isHidden() else ""

    def show_error(self, error: BaseException) -> None:
        """Say what went wrong."""
        self._show(message_of(error), details_of(error), warns=True)

    def show_text(self, text: str) -> None:
        """Say something that is not an error."""
        self._show(text, "", warns=False)

    def _show(self, text: str, details: str, *, warns: bool) -> None:
        chrome = style.current()
        colour = chrome.warning if warns else chrome.line
        self.setStyleSheet(
            f"#message_bar {{ background: {chrome.field}; border: none; border-left: 3px solid {colour};"
            f" border-bottom: 1px solid {chrome.line}; }}"
        )
        self._close.setIcon(style.icon("close", chrome.muted))
        self.label.setText(text)
        self._details = details
        self.details_button.setVisible(bool(details))
        self.copy_button.setVisible(bool(details))
        self.show()

    def _copy(self) -> None:
        QApplication.clipboard().setText(f"{self.label.text()}\n\n{self._details}".strip())

    def _show_details(self) -> None:
        dialog = TextDialog("Details", self._details, self.window())
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        dialog.show()


class TextDialog(QDialog):
    """Text to read and to copy."""

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(760, 420)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        self.view = QtWidgets.QPlainTextEdit(text)
        self.view.setReadOnly(True)
        font = QFontDatabase.systemFont(QFontDatabase.FixedFont)  # tracebacks point at columns
        self.view.setStyleSheet(f"font-family: '{font.family()}';")
        self.view.setLineWrapMode(QtWidgets.QPlainTextEdit.NoWrap)
        layout.addWidget(self.view, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        copy, close = QtWidgets.QPushButton("Copy"), QtWidgets.QPushButton("Close")
        close.setDefault(True)
        copy.clicked.connect(lambda: QApplication.clipboard().setText(text))
        close.clicked.connect(self.close)
        row.addWidget(copy)
        row.addWidget(close)
        layout.addLayout(row)
