"""Holds the picture, or two side by side, with legend and snapshots; one of them has keys and menus."""

from __future__ import annotations

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import Edit
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.panels.snapshot_bar import SnapshotBar
from cnnvis_caffe.viewer.qt import QPoint, Qt, QtWidgets, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.window.pane import Pane
from cnnvis_caffe.viewer.window.side_by_side import SideBySide

#: Networks of more columns than this are compared below each other.
LONG = 9


class PictureArea(QWidget):
    """One picture or two.

    Signals
    -------
    active_changed : ()
        Keys and menus are about another picture now, or it is in another state: see `session`.
    history_changed : ()
        What can be taken back is another.
    pointed : (Session, Target or None, int)
        What the pointer is on, and the class of a matrix's cell or -1.
    opened : Target
        Something was double-clicked, or Enter was pressed on it.
    menu_requested : (Target or None, QPoint)
    comparison_begins : ()
    comparison_ends : Session
        The one that goes.
    failed : exception
    """

    active_changed = Signal()
    history_changed = Signal()
    pointed = Signal(object, object, int)
    opened = Signal(object)
    menu_requested = Signal(object, QPoint)
    comparison_begins = Signal()
    comparison_ends = Signal(object)
    failed = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.comparison: SideBySide | None = None
        self.pane = Pane(session)
        self._active = self.pane
        self._splitter = QtWidgets.QSplitter(Qt.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(1)
        self._splitter.addWidget(self.pane)
        self.snapshots = SnapshotBar(session)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._splitter, 1)
        layout.addWidget(self.pane.legend)  # one for both pictures, where two are compared
        layout.addWidget(self.snapshots)
        self._connect(self.pane)

    def _connect(self, pane: Pane) -> None:
        """Let a picture be heard; each of two is in the same way."""
        session = pane.session
        pane.used.connect(self.activate)
        pane.menu_requested.connect(self.menu_requested)
        pane.opened.connect(self.opened)
        session.hover_changed.connect(lambda target, number: self.pointed.emit(session, target, number))
        session.selection_changed.connect(lambda _: self.active_changed.emit())
        session.picture_changed.connect(lambda _: self.active_changed.emit())
        session.failed.connect(self.failed.emit)

    # -- the picture that keys and menus are about

    @property
    def panes(self) -> list[Pane]:
        """Return the picture, and the one beside it where two are compared."""
        return [self.pane] + ([self.comparison.pane] if self.comparison is not None else [])

    @property
    def active(self) -> Pane:
        """Return the picture that was used last."""
        return self._active if self._active in self.panes else self.pane

    @property
    def session(self) -> Session:
        """Return what that one shows."""
        return self.active.session

    def activate(self, pane: Pane) -> None:
        """Let keys and menus be about a picture."""
        if pane is not self.active:
            self._active = pane
            self._show_active()
            self.active_changed.emit()
            self.history_changed.emit()

    def _show_active(self) -> None:
        for pane in self.panes:
            pane.set_active(pane is self.active)

    def pane_of(self, session: Session) -> Pane:
        """Return the picture of a session; the first one if it is gone."""
        return next((pane for pane in self.panes if pane.session is session), self.pane)

    # -- edits

    def _active_comparison(self) -> SideBySide | None:
        """The comparison, if its own picture is the one that was used last."""
        comparison = self.comparison
        return comparison if comparison is not None and self.active is comparison.pane else None

    def apply(self, edit: Edit, *, together: bool = False) -> None:
        """Do an edit in the picture that was used last."""
        if self.pane.session.analysis is not None:
            self.active.apply(edit, together=together)

    @property
    def history(self) -> History:
        """Return the edits that undo and redo are about: the second picture's own, where it has some."""
        beside = self._active_comparison()
        own = beside.own_history if beside is not None else None
        return own if own is not None and (own.can_undo or own.can_redo) else self.pane.session.history

    def step_history(self, *, back: bool) -> None:
        """Take the last edit back, or do it again."""
        beside = self._active_comparison()
        if beside is not None and self.history is beside.own_history:
            beside.step_history(back=back)
        elif back:
            self.pane.session.undo()
        else:
            self.pane.session.redo()

    def step_snapshot(self, by: int) -> None:
        """Go on in the training, or back, in the picture that was used last."""
        beside = self._active_comparison()
        if beside is not None:
            beside.step(by)
        else:
            self.pane.session.go_to_snapshot(self.pane.session.snapshot_index + by)

    # -- what holds for both

    def set_reduced_motion(self, on: bool) -> None:
        """Let nothing glide."""
        for pane in self.panes:
            pane.canvas.reduced_motion = on

    def fit(self) -> None:
        """Show everything."""
        for pane in self.panes:
            pane.canvas.fit()

    def set_theme(self, theme: str) -> None:
        """Dress the pictures in a theme."""
        for pane in self.panes:
            pane.canvas.set_theme(theme)

    def set_minimap(self, on: bool) -> None:
        """Show or hide the minimap."""
        for pane in self.panes:
            pane.minimap.set_wanted(on)

    # -- comparing

    def toggle_comparison(self) -> None:
        """Put the snapshot before beside this one, or end that."""
        session = self.pane.session
        analysis = session.analysis
        if self.comparison is not None or analysis is None:
            self.end_comparison()
            return
        at = session.snapshot_index
        self.compare_with(analysis, analysis.snapshots[at - 1 if at > 0 else min(1, len(analysis.snapshots) - 1)].label)

    def compare_with(self, analysis: Analysis, snapshot: str = "") -> None:
        """Put a picture beside this one."""
        self.end_comparison()
        self.comparison_begins.emit()
        first = self.pane
        self.comparison = SideBySide(first, analysis, analysis.snapshot(snapshot).label, self)
        pane = self.comparison.pane
        self._connect(pane)
        pane.canvas.reduced_motion = first.canvas.reduced_motion
        pane.minimap.set_wanted(first.minimap.is_wanted)
        pane.canvas.set_theme(first.session.view.theme)
        self.comparison.own_changed.connect(self.history_changed.emit)
        # Very long networks are larger below each other.
        aggregation = first.session.aggregation
        is_long = aggregation is not None and len(aggregation.columns) > LONG
        self._splitter.setOrientation(Qt.Vertical if is_long else Qt.Horizontal)
        self._splitter.addWidget(pane)
        self._splitter.setSizes([1000, 1000])
        self._show_active()
        self.active_changed.emit()

    def end_comparison(self) -> None:
        """Go back to one picture."""
        if self.comparison is not None:
            comparison, self.comparison = self.comparison, None
            self.comparison_ends.emit(comparison.pane.session)
            comparison.end()
            comparison.deleteLater()
            self.active_changed.emit()

    # -- moving

    def choose(self, target: Target) -> None:
        """Select something and bring it into sight."""
        self.session.select(target)
        self.active.reveal(target)
