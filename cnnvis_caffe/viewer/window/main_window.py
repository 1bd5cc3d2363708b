"""The window of the paper: the picture, the line chart below it, the control panel at its side, and all around it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import Edit
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.finding import Finding
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import whole
from cnnvis_caffe.viewer.model import stages
from cnnvis_caffe.viewer.model.actions import MENUS, SPECS, make_actions
from cnnvis_caffe.viewer.model.describe import describe
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.model.stages import FinishedPicture
from cnnvis_caffe.viewer.pages.start_page import StartPage, WorkPage
from cnnvis_caffe.viewer.panels.control_panel import WIDTH as CONTROL_WIDTH
from cnnvis_caffe.viewer.panels.control_panel import ControlPanel
from cnnvis_caffe.viewer.panels.debugging_panel import DebuggingPanel
from cnnvis_caffe.viewer.panels.findings_panel import FindingsPanel
from cnnvis_caffe.viewer.panels.layers_panel import LayersPanel
from cnnvis_caffe.viewer.panels.snapshot_bar import SnapshotBar
from cnnvis_caffe.viewer.qt import (
    QPoint,
    QSize,
    Qt,
    QTimer,
    QtWidgets,
    QVBoxLayout,
    QWidget,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.dock import Dock
from cnnvis_caffe.viewer.widgets.inputs import Line
from cnnvis_caffe.viewer.widgets.search_box import SearchBox
from cnnvis_caffe.viewer.window.commands import Commands
from cnnvis_caffe.viewer.window.context_menu import context_menu
from cnnvis_caffe.viewer.window.message_bar import MessageBar
from cnnvis_caffe.viewer.window.navigation import Places
from cnnvis_caffe.viewer.window.opening import Opening
from cnnvis_caffe.viewer.window.pane import Pane
from cnnvis_caffe.viewer.window.settings import Settings
from cnnvis_caffe.viewer.window.side_by_side import Comparison
from cnnvis_caffe.viewer.work.threads import Job, Jobs

SIZE = QSize(1600, 1000)
LEFT_WIDTH, LEAST_LEFT_WIDTH = 256, 184
BOTTOM_HEIGHT = 176
TITLE_WIDTH = 120  # of the network's name, whatever else is said of it
SAY_MS = 6000
#: Networks of more columns than this are compared below each other.
LONG = 9
#: The picture comes first, then what stands out in it.
FINDINGS_AFTER_MS = 400


class MainWindow(QtWidgets.QMainWindow):
    """One window.

    Signals
    -------
    opened : Analysis
        An analysis is there; its picture follows.
    """

    opened = Signal(object)

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings if settings is not None else Settings(parent=self)
        style.wear(self.settings.theme)
        self.setWindowTitle("cnnvis_caffe")
        self.setWindowIcon(style.program_icon())
        self.setAcceptDrops(True)
        self.setAnimated(False)
        self.resize(SIZE)
        self.session = Session(self)
        self.session.history = History(View(theme=self.settings.theme))
        self.jobs = Jobs(self)
        self.jobs.failed.connect(self.show_error)
        self.commands = Commands(self)
        self.comparison: Comparison | None = None
        self._active: Pane | None = None
        self._findings_job: Job | None = None
        self._findings_of: tuple | None = None
        self._is_closed = False
        self._build_centre()
        self._build_docks()
        self.opening, self.places = Opening(self), Places(self)
        self.actions_by_name = make_actions(self, self.commands)
        self._build_menus()
        self._build_toolbar()
        self._build_status()
        self._connect()
        self._default_layout = self.saveState()
        self._restore_layout()
        self.set_reduced_motion(self.settings.reduced_motion)
        self._view_changed(self.session.view)
        self._show_start()

    # -- building

    def _build_centre(self) -> None:
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.message = MessageBar()
        layout.addWidget(self.message)
        self.stack = QtWidgets.QStackedWidget()
        layout.addWidget(self.stack, 1)
        self.start_page = StartPage(self.settings)
        self.work_page = WorkPage()
        self.workspace = QWidget()
        inner = QVBoxLayout(self.workspace)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        self.tabs = QtWidgets.QTabBar()
        self.tabs.setDocumentMode(True)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setTabsClosable(False)
        self.tabs.setMovable(False)
        self.tabs.setElideMode(Qt.ElideMiddle)
        self.tabs.setAccessibleName("Pages")
        self.tabs.hide()
        self.pages = QtWidgets.QStackedWidget()
        self.picture_area = QWidget()
        area = QVBoxLayout(self.picture_area)
        area.setContentsMargins(0, 0, 0, 0)
        area.setSpacing(0)
        self.splitter = QtWidgets.QSplitter(Qt.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(1)
        self.pane = Pane(self.session)
        self.splitter.addWidget(self.pane)
        self.snapshots = SnapshotBar(self.session)
        area.addWidget(self.splitter, 1)
        area.addWidget(self.pane.legend)  # one for both pictures, where two are compared
        area.addWidget(self.snapshots)
        self.pages.addWidget(self.picture_area)
        self.tabs.addTab("Network")
        inner.addWidget(self.tabs)
        inner.addWidget(self.pages, 1)
        for page in (self.start_page, self.work_page, self.workspace):
            self.stack.addWidget(page)
        self.setCentralWidget(centre)

    def _build_docks(self) -> None:
        self.setDockOptions(QtWidgets.QMainWindow.AllowTabbedDocks | QtWidgets.QMainWindow.AllowNestedDocks)
        self.setTabPosition(Qt.AllDockWidgetAreas, QtWidgets.QTabWidget.North)
        self.setCorner(Qt.BottomLeftCorner, Qt.BottomDockWidgetArea)
        self.setCorner(Qt.BottomRightCorner, Qt.BottomDockWidgetArea)
        self.findings = FindingsPanel()
        self.layers = LayersPanel(self.session)
        self.control_panel = ControlPanel(self.session)
        self.debugging = DebuggingPanel(self.session)
        for panel in (self.findings, self.layers):
            panel.setMinimumWidth(LEAST_LEFT_WIDTH)
        self.docks = {
            "findings": Dock("findings", "Findings", self.findings),
            "layers": Dock("layers", "Layers", self.layers),
            "control": Dock("control", "Control panel", self.control_panel),
            "debugging": Dock("debugging", "Debugging information", self.debugging),
        }
        self.addDockWidget(Qt.LeftDockWidgetArea, self.docks["findings"])
        self.addDockWidget(Qt.LeftDockWidgetArea, self.docks["layers"])
        self.addDockWidget(Qt.RightDockWidgetArea, self.docks["control"])
        self.addDockWidget(Qt.BottomDockWidgetArea, self.docks["debugging"])
        self._size_docks()

    def _size_docks(self) -> None:
        docks = self.docks
        self.resizeDocks([docks["findings"], docks["control"]], [LEFT_WIDTH, CONTROL_WIDTH], Qt.Horizontal)
        self.resizeDocks([docks["findings"], docks["layers"]], [560, 440], Qt.Vertical)
        self.resizeDocks([docks["debugging"]], [BOTTOM_HEIGHT], Qt.Vertical)

    def _build_menus(self) -> None:
        self.menus: dict[str, QtWidgets.QMenu] = {}
        for name in MENUS:
            menu = self.menuBar().addMenu(f"&{name}")
            self.menus[name] = menu
            for spec in SPECS:
                if spec.menu == name:
                    if spec.starts and not menu.isEmpty():
                        menu.addSeparator()
                    menu.addAction(self.actions_by_name[spec.name])
        recent = QtWidgets.QMenu("Recent", self)
        recent.aboutToShow.connect(lambda: self._fill_recent(recent))
        self.menus["File"].insertMenu(self.actions_by_name["open_demo"], recent)
        view = self.menus["View"]
        panels = QtWidgets.QMenu("Panels", self)
        for dock in self.docks.values():
            panels.addAction(dock.toggleViewAction())
        view.insertMenu(self.actions_by_name["reset_layout"], panels)
        self.addActions(list(self.actions_by_name.values()))

    def _fill_recent(self, menu: QtWidgets.QMenu) -> None:
        menu.clear()
        for path in self.settings.recent:
            action = menu.addAction(path.replace(os.path.expanduser("~"), "~", 1))
            action.triggered.connect(lambda _=False, path=path: self.open_path(path))
        if menu.isEmpty():
            menu.addAction("none yet").setEnabled(False)

    def _build_toolbar(self) -> None:
        bar = QtWidgets.QToolBar("Tools")
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.setFloatable(False)
        bar.setIconSize(QSize(16, 16))
        bar.setContextMenuPolicy(Qt.PreventContextMenu)
        for name in (
            "open_file",
            "",
            "undo",
            "redo",
            "",
            "fit",
            "zoom_in",
            "zoom_out",
            "",
            "compare_snapshot",
            "export_picture",
            "dark_theme",
        ):
            if name:
                bar.addAction(self.actions_by_name[name])
            else:
                bar.addSeparator()
        for left in (True, False):
            spacer = QWidget()
            spacer.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Preferred)
            bar.addWidget(spacer)
            if left:
                self.title_label, self.subtitle_label = Line("", "section", TITLE_WIDTH), Line("", "muted")
                self.subtitle_label.setContentsMargins(8, 0, 0, 0)
                bar.addWidget(self.title_label)
                bar.addWidget(self.subtitle_label)
        self.search = SearchBox(self.session)
        bar.addWidget(self.search)
        self.toolbar = bar
        self.addToolBar(Qt.TopToolBarArea, bar)

    def _build_status(self) -> None:
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        self.status_line = style.label()
        self.status_line.setContentsMargins(style.SPACE, 0, 0, 0)
        self.status_line.setMinimumWidth(40)
        bar.addWidget(self.status_line, 1)
        self.status_facts = style.label("", "muted")
        self.status_facts.setContentsMargins(0, 0, style.SPACE, 0)
        bar.addPermanentWidget(self.status_facts)
        self._said = QTimer(self)
        self._said.setSingleShot(True)
        self._said.timeout.connect(self._status)
        self._pointed_text = ""
        self._find_soon = QTimer(self)
        self._find_soon.setSingleShot(True)
        self._find_soon.setInterval(FINDINGS_AFTER_MS)
        self._find_soon.timeout.connect(self._find)

    def _connect(self) -> None:
        session = self.session
        session.view_changed.connect(self._view_changed)
        session.selection_changed.connect(self._selection_changed)
        session.hover_changed.connect(lambda target, number: self.point_at(session, target, number))
        session.picture_changed.connect(self._picture_changed)
        session.failed.connect(self.show_error)
        self._connect_pane(self.pane)
        self.pane.canvas.camera_changed.connect(self._facts)
        # The lists are about the first picture.
        self.layers.chosen.connect(lambda target: self._in_first(self.places.choose, target))
        self.layers.opened.connect(lambda target: self._in_first(self.places.open_target, target))
        self.layers.menu_requested.connect(self._menu_of_list)
        self.search.chosen.connect(lambda target: self._in_first(self.places.find, target))
        self.findings.chosen.connect(self.places.go_to_finding)
        self.debugging.node_chosen.connect(lambda node: self._in_first(self.places.go_to_layer, node))
        self.debugging.pointed.connect(self._point_text)
        self.start_page.open_requested.connect(self.commands.open_file)
        self.start_page.model_requested.connect(self.commands.open_model)
        self.start_page.demo_requested.connect(self.commands.open_demo)
        self.start_page.file_requested.connect(self.open_path)
        self.work_page.cancelled.connect(self.opening.cancel)
        self.tabs.currentChanged.connect(self.places.show_tab)
        self.tabs.tabCloseRequested.connect(self.places.close_tab)
        self.tabs.setContextMenuPolicy(Qt.NoContextMenu)

    def _connect_pane(self, pane: Pane) -> None:
        """Let a picture answer to clicks; each of two does so in the same way."""
        pane.used.connect(self.activate)
        pane.menu_requested.connect(self._show_menu)
        pane.opened.connect(self.places.open_target)

    def _in_first(self, function: Callable[[Any], None], what: Any) -> None:
        """Do something in the first picture, where two are compared."""
        self.activate(self.pane)
        function(what)

    # -- layout

    def _restore_layout(self) -> None:
        kept = self.settings.layout()
        if kept is not None:
            geometry, state = kept
            if geometry is not None:
                self.restoreGeometry(geometry)
            if state is not None:
                self.restoreState(state)

    def reset_layout(self) -> None:
        """Put everything back in its place."""
        self.settings.forget_layout()
        self.restoreState(self._default_layout)
        for dock in self.docks.values():
            dock.setFloating(False)
            dock.setVisible(self.session.analysis is not None)
        self._size_docks()

    def set_reduced_motion(self, on: bool) -> None:
        """Let nothing glide."""
        self.settings.reduced_motion = on
        for pane in self.panes:
            pane.canvas.reduced_motion = on
        self.actions_by_name["reduced_motion"].setChecked(on)

    def _show_start(self) -> None:
        self.stack.setCurrentWidget(self.start_page)
        self._show_docks(False)
        self._point_text("")
        self._enable()
        self._title()

    def _show_docks(self, on: bool) -> None:
        """Hide the docks while there is nothing that they could show."""
        if on:
            for name, dock in self.docks.items():
                if name in self._hidden_docks:
                    dock.show()
            self._hidden_docks: set[str] = set()
        else:
            self._hidden_docks = getattr(self, "_hidden_docks", set()) | {
                name for name, dock in self.docks.items() if not dock.isHidden()
            }
            for dock in self.docks.values():
                dock.hide()

    # -- what is shown in the middle

    def open_path(self, path: str) -> None:
        """Open an analysis, a session, or a model, as the file's name says."""
        self.opening.path(path)

    def show_work(self, title: str) -> None:
        """Show how far the work is."""
        self.work_page.begin(title)
        self.stack.setCurrentWidget(self.work_page)
        if self.session.analysis is None:
            self._show_docks(False)
        self._enable()

    def show_analysis(self, analysis: Analysis, history: History | None = None) -> None:
        """Look at an analysis."""
        self.end_comparison()
        self.places.close_pages()
        self._findings_of = None
        self.stack.setCurrentWidget(self.workspace)
        self._show_docks(True)
        self.findings.show_state("Looking for what stands out…")
        self.pane.tell_size_now()
        self.session.open(analysis, history)
        self._enable()
        self._title()
        self.pane.canvas.setFocus(Qt.OtherFocusReason)
        self.opened.emit(analysis)

    def show_what_was(self) -> None:
        """Go back to what was seen before something was opened."""
        if self.session.analysis is not None:
            self.stack.setCurrentWidget(self.workspace)
        else:
            self._show_start()
        self._enable()

    def close_analysis(self) -> None:
        """Back to the start page."""
        self.end_comparison()
        self.places.close_pages()
        self.session.open(None)
        self.findings.show_state("")
        self._show_start()

    # -- what the session says

    def _view_changed(self, view: View) -> None:
        self._show_undo()
        if view.theme != self._worn_theme:
            self._wear(view.theme)
        self._facts()
        self._title()

    @property
    def history(self) -> History:
        """The edits that undo and redo are about: of the picture that was used last, where it has its own."""
        if self.comparison is not None and self.active_pane is self.comparison.pane:
            own = self.comparison.own
            if own.can_undo or own.can_redo:
                return own
        return self.session.history

    def step_history(self, *, back: bool) -> None:
        """Take the last edit back, or do it again."""
        if self.history is self.session.history:
            self.session.undo() if back else self.session.redo()
        elif self.comparison is not None:
            self.comparison.step_history(back=back)

    def _show_undo(self) -> None:
        """Say what can be taken back."""
        history = self.history
        for name, can, text in (
            ("undo", history.can_undo, history.undo_text),
            ("redo", history.can_redo, history.redo_text),
        ):
            action = self.actions_by_name[name]
            action.setEnabled(can)
            action.setText(f"{name.capitalize()} {text[:1].lower() + text[1:]}".strip())
            action.setToolTip(f"{action.text()}  ({action.shortcut().toString()})")

    _worn_theme = ""

    def _wear(self, theme: str) -> None:
        self._worn_theme = theme
        self.settings.theme = theme
        style.wear(theme)
        for action in self.actions_by_name.values():
            icon = action.property("cnnvis_icon")
            if icon:
                action.setIcon(style.icon(icon))
        action = self.actions_by_name["dark_theme"]
        action.blockSignals(True)
        action.setChecked(theme == "dark")
        action.blockSignals(False)
        for pane in self.panes:
            pane.canvas.set_theme(theme)
        for dock in self.docks.values():
            dock.head.restyle()
        self.snapshots.restyle()
        self.search.restyle()
        self.control_panel.classes.show_classes(self.session.view.classes)

    def _selection_changed(self, target: Target | None) -> None:
        self._enable()
        self._status()

    def point_at(self, session: Session, target: Target | None, class_index: int = -1) -> None:
        """Say what the pointer is on, in a picture or on a page."""
        text = ""
        if target is not None and session.analysis is not None and target.kind not in ("legend", "ground"):
            text = describe(session.analysis, session.aggregation, session.view, target, class_index).line
        self._point_text(text)

    def _point_text(self, text: str) -> None:
        self._pointed_text = text
        self._status()

    def _status(self) -> None:
        """Say what the pointer is on, else what is selected."""
        text = self._pointed_text
        session = self.active_session
        if not text and self._said.isActive():
            return
        if not text and session.selection is not None and session.analysis is not None:
            text = describe(session.analysis, session.aggregation, session.view, session.selection).line
        self.status_line.setText(text)

    def say(self, text: str) -> None:
        """Say something in the status line for a while."""
        self.status_line.setText(text)
        self._said.start(SAY_MS)

    def _picture_changed(self, made: FinishedPicture) -> None:
        self._enable()
        self._facts()
        self._title()
        self._find_soon.start()
        self.places.arrive()

    def _find(self) -> None:
        """Look for findings once for each snapshot, after its picture has been painted."""
        analysis, aggregation, snapshot = self.session.analysis, self.session.aggregation, self.session.snapshot
        if analysis is None or aggregation is None or snapshot is None:
            return
        key = (id(analysis), snapshot.label)
        if key == self._findings_of:
            return
        self._findings_of = key
        if self._findings_job is not None:
            self._findings_job.cancel()
        self._findings_job = self.jobs.start(
            stages.find_all,
            analysis,
            aggregation,
            snapshot.label,
            succeeded=lambda findings: self._found_findings(key, findings),
            failed=self._findings_failed,
        )

    def _found_findings(self, key: tuple, findings: tuple[Finding, ...]) -> None:
        self._findings_job = None
        if key == self._findings_of:
            self.findings.show_findings(findings)

    def _findings_failed(self, error: BaseException) -> None:
        self._findings_job = None
        self.findings.show_state("The findings could not be made.")
        self.show_error(error)

    def _facts(self) -> None:
        """What the picture holds, at the right of the status line."""
        aggregation, view = self.session.aggregation, self.session.view
        if aggregation is None:
            self.status_facts.setText("")
            return
        n = sum(len(column.labels) for column in aggregation.columns)
        parts = [
            f"{len(aggregation.columns)} layers",
            f"{whole(n)} neurons",
            f"{round(100 * view.edge_filter)}% of strength",
            f"zoom {round(100 * self.pane.canvas.camera.zoom)}%",
        ]
        self.status_facts.setText("  ·  ".join(parts))

    def _title(self) -> None:
        analysis, snapshot = self.session.analysis, self.session.snapshot
        if analysis is None or snapshot is None:
            self.setWindowTitle("cnnvis_caffe")
            self.title_label.setText("")
            self.subtitle_label.setText("")
            return
        self.setWindowTitle(f"{analysis.title} · {snapshot.label} — cnnvis_caffe")
        self.title_label.setText(analysis.title)
        data = analysis.data
        parts = [snapshot.label]
        if snapshot.error == snapshot.error:
            parts.append(f"error {100 * snapshot.error:.2f}%")
        parts += [data.source, f"{whole(data.n_images)} images"]
        parts = [part for part in parts if part]
        text, *shorter = ["  ·  ".join(parts[:n]) for n in range(len(parts), 0, -1)]
        self.subtitle_label.setText(text, shorter)

    def _enable(self) -> None:
        """Let those actions be chosen that can do something now."""
        session = self.active_session
        selection = session.selection
        there = session.analysis is not None and self.stack.currentWidget() is self.workspace
        kind = selection.kind if selection is not None else ""
        group = session.group_of(selection.node) if selection is not None and selection.node else None
        has = {
            "": True,
            "analysis": there,
            "selection": there and selection is not None,
            "neuron": there and kind in ("neuron", "cluster"),
            "cluster": there and kind in ("neuron", "cluster"),
            "bicluster": there and kind in ("edge", "bicluster"),
            "group": there and group is not None and len(group.columns) > 1,
            "candidates": there and group is not None and len(group.candidates) > 1 and not group.is_expanded,
            "snapshots": there and session.analysis is not None and len(session.analysis.snapshots) > 1,
            "other_clusters": there and session.aggregation is not None and session.aggregation.kept is not None,
        }
        for spec in SPECS:
            if spec.name not in ("undo", "redo"):
                self.actions_by_name[spec.name].setEnabled(has[spec.needs])
        self.actions_by_name["end_comparison"].setEnabled(self.comparison is not None)
        self.search.setEnabled(there)

    # -- the picture that keys and menus are about

    @property
    def panes(self) -> list[Pane]:
        """The picture, and the one beside it where two are compared."""
        return [self.pane] + ([self.comparison.pane] if self.comparison is not None else [])

    @property
    def active_pane(self) -> Pane:
        """The picture that was used last."""
        return self._active if self._active is not None and self._active in self.panes else self.pane

    @property
    def active_session(self) -> Session:
        """What it shows."""
        return self.active_pane.session

    def activate(self, pane: Pane) -> None:
        """Let keys and menus be about a picture."""
        if pane is not self.active_pane:
            self._active = pane
            self._show_active()
            self._enable()
            self._show_undo()
            self._status()

    def _show_active(self) -> None:
        for pane in self.panes:
            pane.set_active(pane is self.active_pane)

    def apply(self, edit: Edit, *, together: bool = False) -> None:
        """Do an edit in the picture that was used last."""
        if self.session.analysis is None:
            return
        if self.comparison is not None and self.active_pane is self.comparison.pane:
            self.comparison.apply(edit, together=together)
        else:
            self.session.apply(edit, together=together)

    def _show_menu(self, target: Target | None, position: QPoint) -> None:
        if self.session.analysis is not None:
            self.menu = context_menu(self, target)
            self.menu.popup(position)

    def _menu_of_list(self, target: Target, position: QPoint) -> None:
        self.session.select(target)
        self._show_menu(target, position)

    # -- comparing

    def toggle_snapshot_comparison(self) -> None:
        """Put the snapshot before beside this one, or end that."""
        analysis = self.session.analysis
        if self.comparison is not None or analysis is None:
            self.end_comparison()
            return
        index = self.snapshots.index
        other = analysis.snapshots[index - 1 if index > 0 else min(1, len(analysis.snapshots) - 1)]
        self.compare_with(analysis, other.label)

    def compare_with_path(self, path: str) -> None:
        """Put another analysis beside this one."""
        self.say(f"Opening {os.path.basename(path)}…")
        self.jobs.start(stages.load_analysis, path, succeeded=lambda analysis: self.compare_with(analysis, ""))

    def compare_with(self, analysis: Analysis, snapshot: str) -> None:
        """Put a picture beside this one."""
        self.end_comparison()
        self._said.stop()
        self._status()
        self.tabs.setCurrentIndex(0)
        self.comparison = Comparison(self.pane, analysis, analysis.snapshot(snapshot).label, self)
        pane = self.comparison.pane
        self.comparison.failed.connect(self.show_error)
        self._connect_pane(pane)
        pane.canvas.reduced_motion = self.settings.reduced_motion
        pane.minimap.set_wanted(self.actions_by_name["minimap"].isChecked())
        pane.canvas.set_theme(self.session.view.theme)
        beside = pane.session
        beside.hover_changed.connect(lambda target, number: self.point_at(beside, target, number))
        beside.selection_changed.connect(self._selection_changed)
        beside.picture_changed.connect(lambda _: self._enable())
        self.comparison.own_changed.connect(self._show_undo)
        self.splitter.setOrientation(self._best_orientation())
        self.splitter.addWidget(pane)
        self.splitter.setSizes([1000, 1000])
        self._show_active()
        self._enable()

    def _best_orientation(self) -> Qt.Orientation:
        """Beside each other; very long networks below each other, where they are larger."""
        aggregation = self.session.aggregation
        is_long = aggregation is not None and len(aggregation.columns) > LONG
        return Qt.Vertical if is_long else Qt.Horizontal

    def end_comparison(self) -> None:
        """Back to one picture."""
        if self.comparison is not None:
            comparison, self.comparison = self.comparison, None
            self.places.close_pages(comparison.session)
            comparison.end()
            comparison.deleteLater()
            self._enable()

    # -- errors

    def show_error(self, error: BaseException) -> None:
        """Say what went wrong, with everything about it to copy."""
        self.message.show_error(error)

    def run_safely(self, function) -> None:
        """Call something; an error becomes a message."""
        try:
            function()
        except Exception as error:  # noqa: BLE001 - shown, with everything about it
            self.show_error(error)

    # -- the window

    def dragEnterEvent(self, event) -> None:  # noqa: N802
        """Take files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.start_page.show_drop(True)

    def dragLeaveEvent(self, event) -> None:  # noqa: N802
        """They go elsewhere."""
        self.start_page.show_drop(False)

    def dropEvent(self, event) -> None:  # noqa: N802
        """Open the first of them."""
        self.start_page.show_drop(False)
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_path(paths[0])

    def closeEvent(self, event) -> None:  # noqa: N802
        """Keep the layout, end all work."""
        if not self._is_closed:
            self._is_closed = True
            if self.session.analysis is not None:
                self.settings.save_layout(self.saveGeometry(), self.saveState())
            self.settings.sync()
            self.end_comparison()
            self.places.close_pages()
            self._find_soon.stop()
            self.jobs.close()
            self.pane.shutdown()
        super().closeEvent(event)
