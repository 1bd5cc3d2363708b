"""Says at the bottom of the window what the pointer is on, what is selected and what has just been done."""

from __future__ import annotations

from collections.abc import Callable

from cnnvis_caffe.viewer.qt import QObject, QTimer, QtWidgets
from cnnvis_caffe.viewer.widgets import style

SAY_MS = 6000


class StatusLine(QObject):
    """The words in a status bar.

    Parameters
    ----------
    bar : QStatusBar
    otherwise : callable
        Returns what is said where the pointer is on nothing.
    """

    def __init__(self, bar: QtWidgets.QStatusBar, otherwise: Callable[[], str]) -> None:
        super().__init__(bar)
        self._otherwise = otherwise
        bar.setSizeGripEnabled(False)
        self._line = style.label()
        self._line.setContentsMargins(style.SPACE, 0, 0, 0)
        self._line.setMinimumWidth(40)
        bar.addWidget(self._line, 1)
        self._facts = style.label("", "muted")
        self._facts.setContentsMargins(0, 0, style.SPACE, 0)
        bar.addPermanentWidget(self._facts)
        self._pointed = ""
        self._said = QTimer(self)
        self._said.setSingleShot(True)
        self._said.timeout.connect(self.refresh)

    @property
    def text(self) -> str:
        """Return what it says."""
        return self._line.text()

    def point_at(self, text: str) -> None:
        """Say what the pointer is on; nothing when it has left."""
        self._pointed = text
        self.refresh()

    def say(self, text: str) -> None:
        """Say something for a while."""
        self._line.setText(text)
        self._said.start(SAY_MS)

    def stop_saying(self) -> None:
        """Say again what is pointed at or selected."""
        self._said.stop()
        self.refresh()

    def refresh(self) -> None:
        """Say what the pointer is on, else what is selected."""
        if self._pointed or not self._said.isActive():
            self._line.setText(self._pointed or self._otherwise())

    def show_facts(self, text: str) -> None:
        """Say something at the right, always."""
        self._facts.setText(text)
