"""Holds the panels around the picture, where they are and which of them are seen."""

from __future__ import annotations

from cnnvis_caffe.viewer.panels.control_panel import WIDTH as CONTROL_WIDTH
from cnnvis_caffe.viewer.qt import Qt, QtWidgets, QWidget
from cnnvis_caffe.viewer.widgets.dock import Dock
from cnnvis_caffe.viewer.window.settings import Settings

LEFT_WIDTH, LEAST_LEFT_WIDTH = 256, 184
BOTTOM_HEIGHT = 176
_TITLES = {
    "findings": "Findings",
    "layers": "Layers",
    "control": "Control panel",
    "debugging": "Debugging information",
    "neurons": "Neurons",
    "changes": "What changed",
}
_AREAS = {
    "findings": Qt.LeftDockWidgetArea,
    "layers": Qt.LeftDockWidgetArea,
    "control": Qt.RightDockWidgetArea,
    "debugging": Qt.BottomDockWidgetArea,
    "neurons": Qt.BottomDockWidgetArea,
    "changes": Qt.BottomDockWidgetArea,
}
#: Tables that are hidden until somebody asks for them; they share a place with the chart.
TABLES = ("neurons", "changes")
TABLE_HEIGHT, TABLE_SHARE = 268, 0.3


class Docks:
    """The docks of a window.

    Parameters
    ----------
    window : QMainWindow
    panels : dict of str to QWidget
        By the names of `_TITLES`.
    """

    def __init__(self, window: QtWidgets.QMainWindow, panels: dict[str, QWidget]) -> None:
        self._window = window
        self._hidden: set[str] = set()
        window.setDockOptions(QtWidgets.QMainWindow.AllowTabbedDocks | QtWidgets.QMainWindow.AllowNestedDocks)
        window.setTabPosition(Qt.AllDockWidgetAreas, QtWidgets.QTabWidget.North)
        for corner in (Qt.BottomLeftCorner, Qt.BottomRightCorner):
            window.setCorner(corner, Qt.BottomDockWidgetArea)
        for name in ("findings", "layers"):
            panels[name].setMinimumWidth(LEAST_LEFT_WIDTH)
        self.by_name = {name: Dock(name, title, panels[name]) for name, title in _TITLES.items()}
        for name, dock in self.by_name.items():
            window.addDockWidget(_AREAS[name], dock)
        for name in TABLES:
            window.tabifyDockWidget(self.by_name["debugging"], self.by_name[name])
            self.by_name[name].hide()
        self._size()

    def _size(self) -> None:
        docks = self.by_name
        resize = self._window.resizeDocks
        resize([docks["findings"], docks["control"]], [LEFT_WIDTH, CONTROL_WIDTH], Qt.Horizontal)
        resize([docks["findings"], docks["layers"]], [560, 440], Qt.Vertical)
        resize([docks["debugging"]], [BOTTOM_HEIGHT], Qt.Vertical)

    def remember_default(self) -> None:
        """Take the window as it is now for its usual layout."""
        self._default = self._window.saveState()

    def restore(self, settings: Settings) -> None:
        """Put window and docks where they were when a window was closed last."""
        geometry, state = settings.layout() or (None, None)
        if geometry is not None:
            self._window.restoreGeometry(geometry)
        if state is not None:
            self._window.restoreState(state)

    def reset(self, *, are_seen: bool) -> None:
        """Put all docks back in their places."""
        self._window.restoreState(self._default)
        for name, dock in self.by_name.items():
            dock.setFloating(False)
            dock.setVisible(are_seen and name not in TABLES)
        self._size()

    def toggle_table(self, name: str, *, only_show: bool = False) -> bool:
        """Show one of `TABLES` in front of the others, or hide it where it is in front; True if it is seen now."""
        dock = self.by_name[name]
        if not only_show and not dock.isHidden() and not dock.visibleRegion().isEmpty():
            dock.hide()
            return False
        dock.show()
        dock.raise_()
        self._name_tabs()
        height = min(TABLE_HEIGHT, round(TABLE_SHARE * self._window.height()))
        if not dock.isFloating() and dock.height() < height:
            self._window.resizeDocks([dock], [height], Qt.Vertical)
        return True

    def show(self) -> None:
        """Show those that the user has not closed."""
        for name in self._hidden:
            self.by_name[name].show()
        self._hidden = set()
        self._name_tabs()

    def _name_tabs(self) -> None:
        """Name the bars of tabs, which Qt makes itself, for those who cannot see them."""
        for bar in self._window.findChildren(QtWidgets.QTabBar, "", Qt.FindDirectChildrenOnly):
            bar.setAccessibleName("Panels in one place")

    def hide(self) -> None:
        """Hide all while there is nothing that they could show."""
        self._hidden |= {name for name, dock in self.by_name.items() if not dock.isHidden()}
        for dock in self.by_name.values():
            dock.hide()

    def restyle(self) -> None:
        """Draw their heads in the colours of another theme."""
        for dock in self.by_name.values():
            dock.head.restyle()
