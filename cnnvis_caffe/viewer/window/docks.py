"""Holds the panels around the picture, where they are and which of them are seen."""

from __future__ import annotations

from functools import partial

from cnnvis_caffe.viewer.model.room import PanelRoom
from cnnvis_caffe.viewer.panels.control_panel import WIDTH as CONTROL_WIDTH
from cnnvis_caffe.viewer.qt import QSize, Qt, QTimer, QtWidgets, QWidget
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.dock import Dock
from cnnvis_caffe.viewer.window.settings import Settings, WindowLayout

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
_PLACES = {Qt.LeftDockWidgetArea: "left", Qt.RightDockWidgetArea: "right", Qt.BottomDockWidgetArea: "bottom"}
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
        self._sizes: dict[str, tuple[int, int]] = {}  # as the user left them, whatever was hidden since
        self._are_away = False
        self.room = PanelRoom({name: _PLACES[area] for name, area in _AREAS.items()})
        self._dressing = QTimer(window)
        self._dressing.setSingleShot(True)
        self._dressing.setInterval(0)
        self._dressing.timeout.connect(self._dress_tabs)
        window.setDockOptions(QtWidgets.QMainWindow.AllowTabbedDocks | QtWidgets.QMainWindow.AllowNestedDocks)
        window.setTabPosition(Qt.AllDockWidgetAreas, QtWidgets.QTabWidget.North)
        for corner in (Qt.BottomLeftCorner, Qt.BottomRightCorner):
            window.setCorner(corner, Qt.BottomDockWidgetArea)
        for name in ("findings", "layers"):
            panels[name].setMinimumWidth(LEAST_LEFT_WIDTH)
        self.by_name = {name: Dock(name, title, panels[name]) for name, title in _TITLES.items()}
        for name, dock in self.by_name.items():
            window.addDockWidget(_AREAS[name], dock)
            dock.toggleViewAction().triggered.connect(partial(self._toggled_by_hand, name))
            for changed in (dock.visibilityChanged, dock.topLevelChanged, dock.dockLocationChanged):
                changed.connect(lambda _: self._dressing.start())
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
        kept = settings.layout()
        if kept is None:
            return
        self._window.restoreGeometry(kept.geometry)
        self._window.restoreState(kept.state)
        known = self.by_name.keys()
        self._sizes = {name: size for name, size in kept.sizes.items() if name in known}
        self.room.collapsed = {name for name in kept.collapsed if name in known}
        self.room.by_hand = {name for name in kept.by_hand if name in known}

    def keep(self, settings: Settings) -> None:
        """Let the next window open as this one is."""
        self._note_sizes()
        settings.save_layout(
            WindowLayout(
                self._window.saveGeometry(),
                self._window.saveState(),
                self._sizes,
                tuple(sorted(self.room.collapsed)),
                tuple(sorted(self.room.by_hand)),
            )
        )

    def _note_sizes(self) -> None:
        for name, dock in self.by_name.items():
            if dock.isVisible() and not dock.isFloating() and not dock.visibleRegion().isEmpty():
                self._sizes[name] = (dock.width(), dock.height())

    def _apply_sizes(self) -> None:
        """Give the docks the sizes that they were left in: Qt forgets those of hidden ones."""
        shown = [name for name, dock in self.by_name.items() if not dock.isHidden() and not dock.isFloating()]
        known = [name for name in shown if name in self._sizes]
        docks = [self.by_name[name] for name in known]
        for which, orientation in ((0, Qt.Horizontal), (1, Qt.Vertical)):
            self._window.resizeDocks(docks, [self._sizes[name][which] for name in known], orientation)

    def fit(self, size: QSize) -> str:
        """Collapse panels for which a window of a size has no room, and bring back those for which it has.

        Returns
        -------
        str
            What was hidden, in words; empty for nothing.
        """
        if self._are_away or size.isEmpty():
            return ""
        shown = {name for name, dock in self.by_name.items() if not dock.isHidden() and not dock.isFloating()}
        hide, show = self.room.fit(size.width(), size.height(), shown)
        if hide:
            self._note_sizes()
        for name in self.by_name:
            if name in hide | show:
                self.by_name[name].setVisible(name in show)
        if show:
            self._apply_sizes()
        return ", ".join(_TITLES[name] for name in _TITLES if name in hide)

    def _toggled_by_hand(self, name: str, is_shown: bool) -> None:
        (self.room.shown_by_hand if is_shown else self.room.hidden_by_hand)(name)

    def reset(self, *, are_seen: bool) -> None:
        """Put all docks back in their places, as far as there is room."""
        self._window.restoreState(self._default)
        self._sizes = {}
        self.room.collapsed, self.room.by_hand = set(), set()
        for name, dock in self.by_name.items():
            dock.setFloating(False)
            dock.setVisible(are_seen and name not in TABLES)
        self._size()
        self.fit(self._window.size())

    def toggle_table(self, name: str, *, only_show: bool = False) -> bool:
        """Show one of `TABLES` in front of the others, or hide it where it is in front; True if it is seen now."""
        dock = self.by_name[name]
        if not only_show and not dock.isHidden() and not dock.visibleRegion().isEmpty():
            dock.hide()
            self.room.hidden_by_hand(name)
            return False
        dock.show()
        dock.raise_()
        self.room.shown_by_hand(name)
        self._dress_tabs()
        height = min(TABLE_HEIGHT, round(TABLE_SHARE * self._window.height()))
        if not dock.isFloating() and dock.height() < height:
            self._window.resizeDocks([dock], [height], Qt.Vertical)
        return True

    def show(self) -> None:
        """Show those that the user has not closed and for which there is room."""
        for name in self._hidden:
            self.by_name[name].show()
        was_away, self._hidden, self._are_away = self._are_away, set(), False
        self.fit(self._window.size())
        if was_away:
            self._apply_sizes()
        self._dress_tabs()

    def _dress_tabs(self) -> None:
        """Let a tab stand for the head of its dock, with a button to close it."""
        shown = {name: dock for name, dock in self.by_name.items() if not dock.isHidden() and not dock.isFloating()}
        for name, dock in self.by_name.items():
            beside = self._window.tabifiedDockWidgets(dock) if name in shown else ()
            dock.head.fold(any(other in shown.values() for other in beside))
        for bar in self._window.findChildren(QtWidgets.QTabBar, "", Qt.FindDirectChildrenOnly):
            bar.setAccessibleName("Panels in one place")
            bar.setExpanding(False)
            for at in range(bar.count()):
                before = bar.tabButton(at, QtWidgets.QTabBar.RightSide)
                title = bar.tabText(at).replace("&", "")
                if before is None or before.accessibleName() != f"Close {title}":
                    bar.setTabButton(at, QtWidgets.QTabBar.RightSide, self._close_button(title))
                    if before is not None:
                        before.deleteLater()

    def _close_button(self, title: str) -> QtWidgets.QToolButton:
        """A button that hides a dock; it holds nothing of Qt's own bar, which would let it be collected."""
        action = next(dock.toggleViewAction() for dock in self.by_name.values() if dock.windowTitle() == title)
        button = style.close_button()
        button.setAccessibleName(f"Close {title}")
        button.clicked.connect(action.trigger)
        return button

    def hide(self) -> None:
        """Hide all while there is nothing that they could show."""
        if not self._are_away:
            self._note_sizes()
        self._are_away = True
        self._hidden |= {name for name, dock in self.by_name.items() if not dock.isHidden()}
        for dock in self.by_name.values():
            dock.hide()

    def restyle(self) -> None:
        """Draw their heads in the colours of another theme."""
        for dock in self.by_name.values():
            dock.head.restyle()
