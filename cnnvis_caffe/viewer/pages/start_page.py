"""Shows, before anything is open, how to begin: recent files, open, drag and drop, the demo."""

from __future__ import annotations

import os
import time

from cnnvis_caffe.viewer.qt import (
    QColor,
    QHBoxLayout,
    QPainter,
    QPen,
    QRectF,
    QSize,
    Qt,
    QtGui,
    QtWidgets,
    QVBoxLayout,
    QWidget,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.window.settings import Settings

WIDTH = 640
#: Also with all panels beside it, a window is no wider than the smallest screens.
LEAST_WIDTH = 420
HEADING = 24
#: Rows of files and their sessions, and sessions of one file.
MOST_ROWS, MOST_SESSIONS = 6, 2
SESSION_INSET = 22


class FileRow(QtWidgets.QAbstractButton):
    """A recent file: its name, and where it is; a session stands below its analysis, further in."""

    def __init__(self, path: str, *, is_session: bool = False) -> None:
        super().__init__()
        self.path, self.is_session = path, is_session
        self.setFixedHeight(44)
        self.setCursor(Qt.PointingHandCursor)
        self.setFocusPolicy(Qt.StrongFocus)
        self.setToolTip(style.tip(path))
        self.setAccessibleName(f"Open {os.path.basename(path)}")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a wide low size."""
        return QSize(280, 44)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint an icon and two lines."""
        chrome = style.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing, True)
        if self.underMouse() or self.hasFocus():
            painter.setPen(QPen(QColor(chrome.focus), 1) if self.hasFocus() else QPen(Qt.NoPen))
            painter.setBrush(QColor(chrome.hover))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), style.CORNER, style.CORNER)
        painter.save()
        inset = SESSION_INSET if self.is_session else 0
        painter.translate(9 + inset, 14)
        painter.setPen(QPen(QColor(chrome.muted), 1.3))
        painter.setBrush(Qt.NoBrush)
        painter.drawPath(style.icon_path("file"))
        painter.restore()
        room = self.width() - 46 - inset
        bold = QtGui.QFontMetrics(style.text_font(style.TEXT, bold=True))
        painter.setFont(style.text_font(style.TEXT, bold=True))
        painter.setPen(QColor(chrome.ink))
        name = os.path.basename(self.path).replace(".cnnvis.h5", "").replace(".cnnvis.json", "")
        painter.drawText(36 + inset, 19, bold.elidedText(name, Qt.ElideMiddle, room))
        painter.setFont(style.text_font(style.SMALL))
        painter.setPen(QColor(chrome.muted))
        where = os.path.dirname(self.path).replace(os.path.expanduser("~"), "~", 1)
        if self.is_session:
            where = f"session saved {time.strftime('%d %B, %H:%M', time.localtime(_written(self.path)))}"
        painter.drawText(36 + inset, 35, painter.fontMetrics().elidedText(where, Qt.ElideMiddle, room))
        painter.end()


def _written(path: str) -> float:
    """When a file was written, in seconds since 1970; 0 for one that has just gone."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _head() -> QHBoxLayout:
    """The program's icon, its name and what it is for."""
    icon = style.label()
    icon.setPixmap(style.program_icon().pixmap(48, 48))
    words = QVBoxLayout()
    words.setSpacing(2)
    words.addWidget(style.label("cnnvis_caffe", "head"))
    words.addWidget(style.label("See what the neurons of a convolutional network have learned.", "muted"))
    head = QHBoxLayout()
    head.setSpacing(14)
    head.addWidget(icon)
    head.addLayout(words, 1)
    return head


def _heading(text: str) -> QtWidgets.QLabel:
    heading = style.label(text, "section")
    heading.setFixedHeight(HEADING)
    return heading


class StartPage(QWidget):
    """Says what the program is for and how to begin.

    Signals
    -------
    open_requested, model_requested, demo_requested : ()
    file_requested : str
    """

    open_requested = Signal()
    model_requested = Signal()
    demo_requested = Signal()
    file_requested = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._drop = False
        columns = QHBoxLayout()
        columns.setSpacing(32)
        columns.addWidget(self._ways_to_begin())
        columns.addLayout(self._recent_files(), 1)
        body = QWidget()
        body.setMaximumWidth(WIDTH)
        body.setMinimumWidth(LEAST_WIDTH)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(_head())
        layout.addSpacing(22)
        layout.addLayout(columns)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(body, 100)
        middle.addStretch(1)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addLayout(middle)
        outer.addStretch(3)
        settings.recent_changed.connect(self.refresh)
        self.refresh()

    def _ways_to_begin(self) -> QWidget:
        column = QWidget()
        column.setFixedWidth(210)
        begin = QVBoxLayout(column)
        begin.setContentsMargins(0, 0, 0, 0)
        begin.setSpacing(8)
        begin.addWidget(_heading("Begin"))
        self.buttons: dict[str, QtWidgets.QPushButton] = {}
        for name, text, tip, signal in (
            ("open", "Open an analysis…", "A file written by cnnvis-caffe analyze", self.open_requested),
            ("model", "Analyse a model…", "Network, weights and data", self.model_requested),
            ("demo", "Show the demo", "Trains a small network on handwritten digits", self.demo_requested),
        ):
            button = QtWidgets.QPushButton(text)
            button.setToolTip(tip)
            button.setMinimumHeight(34)
            button.setProperty("primary", "true" if name == "open" else "false")
            button.clicked.connect(signal)
            begin.addWidget(button)
            self.buttons[name] = button
        begin.addSpacing(4)
        begin.addWidget(style.label("Or drop a file anywhere on this window.", "muted", wrap=True))
        begin.addStretch(1)
        return column

    def _recent_files(self) -> QVBoxLayout:
        self.clear_button = QtWidgets.QPushButton("Clear")
        self.clear_button.setProperty("link", "true")
        self.clear_button.setAccessibleName("Clear the list of recent files")
        self.clear_button.clicked.connect(lambda: self._settings.forget_recent())
        line = QHBoxLayout()
        line.addWidget(_heading("Recent"))
        line.addStretch(1)
        line.addWidget(self.clear_button)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(2)
        self.none = style.label("Files that you open will be listed here.", "muted")
        recent = QVBoxLayout()
        recent.setSpacing(2)
        recent.addLayout(line)
        recent.addLayout(self._rows)
        recent.addWidget(self.none)
        recent.addStretch(1)
        return recent

    @property
    def rows(self) -> list[FileRow]:
        """The recent files."""
        return [self._rows.itemAt(i).widget() for i in range(self._rows.count())]

    def refresh(self) -> None:
        """Show the recent files as they are now."""
        while self._rows.count():
            widget = self._rows.takeAt(0).widget()
            widget.hide()
            widget.deleteLater()
        paths = self._settings.recent
        rows = []
        for path in paths:
            rows.append(FileRow(path))
            rows += [FileRow(one, is_session=True) for one in self._settings.sessions_of(path)[:MOST_SESSIONS]]
        for row in rows[:MOST_ROWS]:
            row.clicked.connect(lambda _=False, path=row.path: self.file_requested.emit(path))
            self._rows.addWidget(row)
        self.none.setVisible(not paths)
        self.clear_button.setVisible(bool(paths))

    def show_drop(self, over: bool) -> None:
        """Say that a file may be dropped."""
        self._drop = over
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint the ground, and a frame while a file is over it."""
        chrome = style.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(style.current_theme().ground))
        if self._drop:
            painter.setRenderHint(QPainter.Antialiasing, True)
            painter.setPen(QPen(QColor(chrome.focus), 2, Qt.DashLine))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(12, 12, -12, -12), 10, 10)
        painter.end()


class WorkPage(QWidget):
    """Shows what is being opened or analysed, how far it is, and a button to stop it.

    Signals
    -------
    cancelled : ()
    """

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        middle = QHBoxLayout()
        middle.addStretch(1)
        body = QWidget()
        body.setFixedWidth(420)
        layout = QVBoxLayout(body)
        layout.setSpacing(10)
        self.title = style.label("", "title", wrap=True)
        self.step = style.label("", "muted")
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.cancel_button = QtWidgets.QPushButton("Cancel")
        self.cancel_button.clicked.connect(self._cancel)
        for widget in (self.title, self.bar, self.step):
            layout.addWidget(widget)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.cancel_button)
        layout.addLayout(row)
        middle.addWidget(body)
        middle.addStretch(1)
        outer.addLayout(middle)
        outer.addStretch(3)

    def begin(self, title: str, step: str = "") -> None:
        """Begin something."""
        self.title.setText(title)
        self.step.setText(step)
        self.bar.setRange(0, 0)
        self.cancel_button.setEnabled(True)
        self.cancel_button.setText("Cancel")

    def show_progress(self, what: str, done: int, total: int) -> None:
        """Say how far it is."""
        if total > 0:
            self.bar.setRange(0, total)
            self.bar.setValue(min(done, total))
            self.step.setText(f"{what} · {done} of {total}" if what else f"{done} of {total}")
        else:
            self.bar.setRange(0, 0)
            self.step.setText(what)

    def _cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self.cancel_button.setText("Stopping…")
        self.cancelled.emit()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Escape cancels."""
        if event.key() == Qt.Key_Escape and self.cancel_button.isEnabled():
            self._cancel()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint the ground."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(style.current_theme().ground))
        painter.end()
