"""Says over a picture that the next one takes a while, how far it is, and lets it be cancelled."""

from __future__ import annotations

from cnnvis_caffe.viewer.qt import QEvent, QHBoxLayout, QObject, QTimer, QtWidgets, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style

#: It comes after so long, in ms: most pictures are there before.
AFTER_MS = 700
WIDTH, TOP = 380, 12


class BusyBar(QtWidgets.QFrame):
    """Lies over the top of a widget.

    Signals
    -------
    cancelled : ()
    """

    cancelled = Signal()

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setProperty("role", "card")
        self.setAutoFillBackground(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(style.MARGIN, 6, 8, 6)
        row.setSpacing(style.SPACE)
        self.words = style.label()
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setAccessibleName("How far the picture is")
        self.cancel = QtWidgets.QPushButton("Cancel")
        self.cancel.setToolTip("Go back to what is shown  (Escape)")
        self.cancel.clicked.connect(self.cancelled)
        row.addWidget(self.words)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AFTER_MS)
        self._soon.timeout.connect(self._come)
        over.installEventFilter(self)
        self.hide()

    def set_busy(self, busy: bool) -> None:
        """Come in a while, or go."""
        if busy:
            self.show_progress("Making the picture", 0, 0)
            self._soon.start()
        else:
            self._soon.stop()
            self.hide()

    def show_progress(self, words: str, done: int, total: int) -> None:
        """Say how far it is."""
        self.words.setText(words)
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _come(self) -> None:
        self._place()
        self.show()
        self.raise_()

    def _place(self) -> None:
        over = self.parentWidget()
        width = min(WIDTH, over.width() - 2 * TOP)
        self.setGeometry((over.width() - width) // 2, TOP, width, self.sizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stay in the middle."""
        if event.type() == QEvent.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)
