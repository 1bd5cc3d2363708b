"""Keeps from one run to the next: recent files, window layout, theme, motion."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass

from cnnvis_caffe.records.view import THEMES
from cnnvis_caffe.viewer.model.file_names import sessions_of, with_recent
from cnnvis_caffe.viewer.qt import QByteArray, QObject, QSettings, Signal

N_RECENT = 12
#: Raised when docks come, go or change their names, so that an old layout is not forced on new ones.
LAYOUT_VERSION = 2


@dataclass(frozen=True)
class WindowLayout:
    """Where a window and its panels are.

    Attributes
    ----------
    geometry, state : QByteArray
        As Qt saves them.
    sizes : dict of str to (int, int)
        Width and height of each panel, in pixels.
    collapsed, by_hand : tuple of str
        As in `PanelRoom`.
    """

    geometry: QByteArray
    state: QByteArray
    sizes: dict[str, tuple[int, int]]
    collapsed: tuple[str, ...]
    by_hand: tuple[str, ...]


class Settings(QObject):
    """The user's settings.

    Signals
    -------
    recent_changed : ()
    """

    recent_changed = Signal()

    def __init__(self, path: str | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        if path is not None:
            self._store = QSettings(path, QSettings.IniFormat)
        else:
            self._store = QSettings(QSettings.IniFormat, QSettings.UserScope, "cnnvis_caffe", "viewer")

    @property
    def recent(self) -> list[str]:
        """Files opened last, the newest first; those that are gone are left out."""
        value = self._store.value("recent", [])
        paths = [value] if isinstance(value, str) else list(value or [])
        return [path for path in paths if os.path.exists(path)]

    def add_recent(self, path: str) -> None:
        """Put a file on top of the list."""
        path = os.path.abspath(path)
        self._set_recent([path, *(other for other in self.recent if other != path)])

    def forget_recent(self, path: str | None = None) -> None:
        """Take one file off the list, or all with their sessions."""
        if path is None:
            self._store.remove("sessions")
        self._set_recent([] if path is None else [other for other in self.recent if other != path])

    def _set_recent(self, paths: Iterable[str]) -> None:
        self._store.setValue("recent", list(paths)[:N_RECENT])
        self.recent_changed.emit()

    def _sessions(self) -> list[tuple[str, str]]:
        """Sessions opened or saved last, each with its analysis; nothing where what is kept is damaged."""
        with contextlib.suppress(ValueError, TypeError):
            kept = json.loads(str(self._store.value("sessions", "[]")))
            return [(str(session), str(analysis)) for session, analysis in kept]
        return []

    def sessions_of(self, analysis: str) -> list[str]:
        """Return the sessions of an analysis file that were opened or saved last, the newest first."""
        return sessions_of(self._sessions(), analysis)

    def add_session(self, session: str, analysis: str) -> None:
        """Remember a session as one of an analysis file."""
        self._store.setValue("sessions", json.dumps(with_recent(self._sessions(), session, analysis)))
        self.recent_changed.emit()

    @property
    def recovery_folder(self) -> str:
        """Return the folder for edits that are not saved yet, beside the settings."""
        return os.path.join(os.path.dirname(self._store.fileName()), "recovery")

    @property
    def theme(self) -> str:
        """The theme of new windows."""
        value = str(self._store.value("theme", "light"))
        return value if value in THEMES else "light"

    @theme.setter
    def theme(self, name: str) -> None:
        self._store.setValue("theme", name)

    @property
    def reduced_motion(self) -> bool:
        """Return whether nothing glides."""
        return str(self._store.value("reduced_motion", os.environ.get("CNNVIS_REDUCED_MOTION", "0"))) in ("true", "1")

    @reduced_motion.setter
    def reduced_motion(self, value: bool) -> None:
        self._store.setValue("reduced_motion", "1" if value else "0")

    @property
    def folder(self) -> str:
        """Return the folder where a file was opened or saved last."""
        value = str(self._store.value("folder", ""))
        return value if os.path.isdir(value) else os.getcwd()

    @folder.setter
    def folder(self, path: str) -> None:
        self._store.setValue("folder", path)

    def save_layout(self, layout: WindowLayout) -> None:
        """Keep where the window and its docks are."""
        self._store.setValue("layout/version", LAYOUT_VERSION)
        self._store.setValue("layout/geometry", layout.geometry)
        self._store.setValue("layout/state", layout.state)
        panels = {"sizes": layout.sizes, "collapsed": layout.collapsed, "by_hand": layout.by_hand}
        self._store.setValue("layout/panels", json.dumps(panels))

    def layout(self) -> WindowLayout | None:
        """Return where the window and its docks were; None if nothing fitting was kept, or what is kept is damaged."""
        if str(self._store.value("layout/version", "")) != str(LAYOUT_VERSION):
            return None
        geometry, state = self._store.value("layout/geometry"), self._store.value("layout/state")
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            panels = json.loads(str(self._store.value("layout/panels", "")))
            sizes = {str(name): (int(width), int(height)) for name, (width, height) in panels["sizes"].items()}
            names = [tuple(str(name) for name in panels[which]) for which in ("collapsed", "by_hand")]
            if isinstance(geometry, QByteArray) and isinstance(state, QByteArray):
                return WindowLayout(geometry, state, sizes, *names)
        return None

    def forget_layout(self) -> None:
        """Let windows open as they did at first."""
        self._store.remove("layout")

    def sync(self) -> None:
        """Write to the disk now."""
        self._store.sync()
