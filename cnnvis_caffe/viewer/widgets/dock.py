"""Gives docks a quiet title."""

from __future__ import annotations

from cnnvis_caffe.viewer.qt import QHBoxLayout, QSize, Qt, QtWidgets, QWidget
from cnnvis_caffe.viewer.widgets import style


class DockTitle(QWidget):
    """Name, and buttons to float and to close."""

    def __init__(self, dock: Dock) -> None:
        super().__init__()
        self._dock = dock
        self._is_folded = False
        row = QHBoxLayout(self)
        row.setContentsMargins(style.MARGIN, 5, 6, 3)
        row.setSpacing(0)
        self.label = style.label(dock.windowTitle(), "title")
        row.addWidget(self.label)
        row.addStretch(1)
        self._buttons = []
        for icon, name, slot in (
            ("float", "Take out of the window, or put back", lambda: dock.setFloating(not dock.isFloating())),
            ("close", "Hide; View brings it back", dock.toggleViewAction().trigger),
        ):
            button = QtWidgets.QToolButton()
            button.setIconSize(QSize(12, 12))
            button.setToolTip(name)
            button.setAccessibleName(f"{dock.windowTitle()}: {name}")
            button.setProperty("cnnvis_icon", icon)
            button.setFocusPolicy(Qt.TabFocus)
            button.clicked.connect(lambda _=False, slot=slot: slot())
            row.addWidget(button)
            self._buttons.append(button)
        self.restyle()
        dock.windowTitleChanged.connect(self.label.setText)

    def fold(self, folded: bool) -> None:
        """Take no room, where a tab says the name already."""
        if folded != self._is_folded:
            self._is_folded = folded
            self.updateGeometry()
            for widget in (self.label, *self._buttons):
                widget.setVisible(not folded)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of the name, or nothing."""
        return QSize(0, 0) if self._is_folded else super().sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the same for the least size."""
        return QSize(0, 0) if self._is_folded else super().minimumSizeHint()

    def restyle(self) -> None:
        """Draw the icons in the colours of another theme."""
        for button in self._buttons:
            button.setIcon(style.icon(button.property("cnnvis_icon"), style.current().muted))


class Dock(QtWidgets.QDockWidget):
    """A panel that can be moved, taken out and hidden."""

    def __init__(self, name: str, title: str, widget: QWidget) -> None:
        super().__init__(title)
        self.setObjectName(name)
        self.setWidget(widget)
        self.head = DockTitle(self)
        self.setTitleBarWidget(self.head)
