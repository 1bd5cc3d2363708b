"""The window of the paper: the picture, the line chart below it, the control panel at its side, and all around it."""

from __future__ import annotations

import os
from dataclasses import replace

from cnnvis_caffe.aggregation.edits import History, load_session
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.finding import Finding, Place
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.scene.wording import whole
from cnnvis_caffe.viewer import look, stages
from cnnvis_caffe.viewer.actions import MENUS, SPECS, make_actions
from cnnvis_caffe.viewer.child import run_in_child
from cnnvis_caffe.viewer.commands import Commands
from cnnvis_caffe.viewer.comparison import Comparison
from cnnvis_caffe.viewer.describe import describe
from cnnvis_caffe.viewer.menus import context_menu
from cnnvis_caffe.viewer.messages import MessageBar
from cnnvis_caffe.viewer.pages.neuron_tab import NeuronTab
from cnnvis_caffe.viewer.pages.open_dialog import ModelRequest, OpenModelDialog
from cnnvis_caffe.viewer.pages.start_page import StartPage, WorkPage
from cnnvis_caffe.viewer.pane import Pane
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
from cnnvis_caffe.viewer.session import Session
from cnnvis_caffe.viewer.settings import Settings
from cnnvis_caffe.viewer.stages import Made
from cnnvis_caffe.viewer.widgets.dock import Dock
from cnnvis_caffe.viewer.widgets.search_box import SearchBox
from cnnvis_caffe.viewer.worker import Job, Jobs

SIZE = QSize(1600, 1000)
LEFT_WIDTH = 256
BOTTOM_HEIGHT = 176
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
        look.wear(self.settings.theme)
        self.setWindowTitle("cnnvis_caffe")
        self.setWindowIcon(look.program_icon())
        self.setAcceptDrops(True)
        self.setAnimated(False)
        self.resize(SIZE)
        self.session = Session(self)
        self.session.history = History(View(theme=self.settings.theme))
        self.jobs = Jobs(self)
        self.jobs.failed.connect(self.show_error)
        self.commands = Commands(self)
        self.comparison: Comparison | None = None
        self._opening: Job | None = None
        self._wanted_history: History | None = None
        self._findings_job: Job | None = None
        self._findings_of: tuple | None = None
        self._wanted_place: Target | None = None
        self._is_closed = False
        self._build_centre()
        self._build_docks()
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
                self.title_label = look.label("", "section")
                self.subtitle_label = look.label("", "muted")
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
        self.status_line = look.label()
        self.status_line.setContentsMargins(look.SPACE, 0, 0, 0)
        self.status_line.setMinimumWidth(40)
        bar.addWidget(self.status_line, 1)
        self.status_facts = look.label("", "muted")
        self.status_facts.setContentsMargins(0, 0, look.SPACE, 0)
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
        session.hover_changed.connect(self._hover_changed)
        session.picture_changed.connect(self._picture_changed)
        session.failed.connect(self.show_error)
        self.pane.menu_requested.connect(self._show_menu)
        self.pane.opened.connect(self.open_target)
        self.pane.canvas.camera_changed.connect(self._facts)
        self.layers.chosen.connect(self._choose)
        self.layers.opened.connect(self.open_target)
        self.layers.menu_requested.connect(self._menu_of_list)
        self.search.chosen.connect(self._found)
        self.findings.chosen.connect(self.go_to_finding)
        self.debugging.node_chosen.connect(self.go_to_layer)
        self.debugging.pointed.connect(self._point_text)
        self.start_page.open_requested.connect(self.commands.open_file)
        self.start_page.model_requested.connect(self.commands.open_model)
        self.start_page.demo_requested.connect(self.commands.open_demo)
        self.start_page.file_requested.connect(self.open_path)
        self.work_page.cancelled.connect(self.cancel_opening)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.tabs.tabCloseRequested.connect(self.close_tab)
        self.tabs.setContextMenuPolicy(Qt.NoContextMenu)

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

    @property
    def panes(self) -> list[Pane]:
        """The picture, and the one beside it where two are compared."""
        return [self.pane] + ([self.comparison.pane] if self.comparison is not None else [])

    def _show_start(self) -> None:
        self.stack.setCurrentWidget(self.start_page)
        self._show_docks(False)
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

    # -- opening

    def open_path(self, path: str) -> None:
        """Open an analysis, a session, or a model, as the file's name says."""
        path = os.path.abspath(path)
        name = path.lower()
        if name.endswith((".prototxt", ".caffemodel")):
            self.ask_for_model(path)
            return
        if name.endswith(".json"):
            self._open_session_file(path)
            return
        self._begin_opening(f"Opening {os.path.basename(path)}")
        self._opening = self.jobs.start(
            stages.load_analysis,
            path,
            succeeded=lambda analysis: self._opened(analysis, path),
            failed=self._opening_failed,
            stopped=self._opening_stopped,
        )

    def _open_session_file(self, path: str) -> None:
        if self.session.analysis is not None:
            self.run_safely(lambda: self.commands.open_session_from(path))
            return
        history = None
        try:
            history = load_session(path)
        except Exception as error:  # noqa: BLE001 - shown, with everything about it
            self.show_error(error)
            return
        # A session lies beside its analysis, as a rule.
        beside = path.replace(".cnnvis.json", ".cnnvis.h5").replace(".json", ".cnnvis.h5")
        if os.path.exists(beside):
            self._wanted_history = history
            self.open_path(beside)
        else:
            self.message.show_text("Open the analysis first that the session belongs to, then the session.")

    def _begin_opening(self, title: str) -> None:
        self.message.hide()
        if self._opening is not None:
            self._opening.cancel()
        self.work_page.begin(title)
        self.stack.setCurrentWidget(self.work_page)
        if self.session.analysis is None:
            self._show_docks(False)
        self._enable()

    def _opened(self, analysis: Analysis, path: str) -> None:
        self._opening = None
        if path:
            self.settings.add_recent(path)
        history, self._wanted_history = self._wanted_history, None
        if history is not None:
            try:
                history.check(analysis, path)
            except Exception as error:  # noqa: BLE001 - the analysis is shown without the session
                self.show_error(error)
                history = None
        self.show_analysis(analysis, history)

    def show_analysis(self, analysis: Analysis, history: History | None = None) -> None:
        """Look at an analysis."""
        self.end_comparison()
        self._close_pages()
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

    def _opening_failed(self, error: BaseException) -> None:
        self._opening = None
        self._back()
        self.show_error(error)

    def _opening_stopped(self) -> None:
        self._opening = None
        self._back()
        self.say("Stopped")

    def _back(self) -> None:
        """To what was seen before something was opened."""
        if self.session.analysis is not None:
            self.stack.setCurrentWidget(self.workspace)
        else:
            self._show_start()
        self._enable()

    def cancel_opening(self) -> None:
        """Stop what is being opened or analysed."""
        if self._opening is not None:
            self._opening.cancel()

    def ask_for_model(self, path: str = "") -> None:
        """Ask for a model, its weights and data."""
        dialog = OpenModelDialog(self.settings, self)
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        if path.lower().endswith(".caffemodel"):
            dialog.weights.setText(path)
        elif path:
            dialog.model.setText(path)
        dialog.accepted.connect(lambda: self.analyse(dialog.request()))
        dialog.open()

    def analyse(self, request: ModelRequest) -> None:
        """Run data through a model in a process of its own, and look at the result."""
        self._in_child(
            f"Analysing {os.path.basename(os.path.dirname(os.path.abspath(request.model))) or request.model}",
            "cnnvis_caffe.pipeline",
            "analyze",
            request.arguments(),
            lambda _: request.out,
        )

    def open_demo(self) -> None:
        """Make the demo, if it is not there yet, and look at it."""
        folder = os.path.join(os.path.expanduser(os.environ.get("XDG_CACHE_HOME", "~/.cache")), "cnnvis_caffe", "demo")
        self._in_child(
            "Training a small network on handwritten digits",
            "cnnvis_caffe.demo",
            "make_demo",
            {"folder": folder},
            str,
        )

    def _in_child(self, title: str, module: str, name: str, arguments: dict, path_of) -> None:
        self._begin_opening(title)
        self._opening = self.jobs.start(
            run_in_child,
            module,
            name,
            arguments,
            succeeded=lambda result: self.open_path(path_of(result)),
            failed=self._opening_failed,
            stopped=self._opening_stopped,
            progressed=self.work_page.show_progress,
        )

    def close_analysis(self) -> None:
        """Back to the start page."""
        self.end_comparison()
        self._close_pages()
        self.session.open(None)
        self.findings.show_state("")
        self._show_start()

    # -- what the session says

    def _view_changed(self, view: View) -> None:
        history = self.session.history
        for name, can, text in (
            ("undo", history.can_undo, history.undo_text),
            ("redo", history.can_redo, history.redo_text),
        ):
            action = self.actions_by_name[name]
            action.setEnabled(can)
            action.setText(f"{name.capitalize()} {text[:1].lower() + text[1:]}".strip())
            action.setToolTip(f"{action.text()}  ({action.shortcut().toString()})")
        if view.theme != self._worn_theme:
            self._wear(view.theme)
        self._facts()
        self._title()

    _worn_theme = ""

    def _wear(self, theme: str) -> None:
        self._worn_theme = theme
        self.settings.theme = theme
        look.wear(theme)
        for action in self.actions_by_name.values():
            icon = action.property("cnnvis_icon")
            if icon:
                action.setIcon(look.icon(icon))
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

    def _hover_changed(self, target: Target | None, class_index: int) -> None:
        text = ""
        session = self.session
        if target is not None and session.analysis is not None and target.kind not in ("legend", "ground"):
            text = describe(session.analysis, session.aggregation, session.view, target, class_index).line
        self._point_text(text)

    def _point_text(self, text: str) -> None:
        self._pointed_text = text
        self._status()

    def _status(self) -> None:
        """Say what the pointer is on, else what is selected."""
        text = self._pointed_text
        session = self.session
        if not text and self._said.isActive():
            return
        if not text and session.selection is not None and session.analysis is not None:
            text = describe(session.analysis, session.aggregation, session.view, session.selection).line
        self.status_line.setText(text)

    def say(self, text: str) -> None:
        """Say something in the status line for a while."""
        self.status_line.setText(text)
        self._said.start(SAY_MS)

    def _picture_changed(self, made: Made) -> None:
        self._enable()
        self._facts()
        self._title()
        self._find_soon.start()
        if self._wanted_place is not None:
            self._go_to_place()

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
        parts = [snapshot.label, data.source, f"{whole(data.n_images)} images"]
        if snapshot.error == snapshot.error:
            parts.append(f"error {100 * snapshot.error:.2f}%")
        self.subtitle_label.setText("  ·  ".join(part for part in parts if part))

    def _enable(self) -> None:
        """Let those actions be chosen that can do something now."""
        session, selection = self.session, self.session.selection
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
            "snapshots": there and session.analysis is not None and len(session.analysis.snapshots) > 1,
            "other_clusters": there and session.aggregation is not None and session.aggregation.kept is not None,
        }
        for spec in SPECS:
            if spec.name not in ("undo", "redo"):
                self.actions_by_name[spec.name].setEnabled(has[spec.needs])
        self.actions_by_name["end_comparison"].setEnabled(self.comparison is not None)
        self.search.setEnabled(there)

    # -- going places

    def cluster_of(self, target: Target | None) -> Target | None:
        """Return the cluster that a neuron is in, or the cluster itself."""
        aggregation = self.session.aggregation
        if target is None or aggregation is None or target.kind not in ("neuron", "cluster"):
            return None
        for column in aggregation.columns:
            if column.node == target.node:
                for index, cluster in enumerate(column.clusters):
                    if target.members and target.members[0] in cluster.neurons:
                        return Target("cluster", column.node, tuple(cluster.neurons.tolist()), index=index)
        return None

    def _choose(self, target: Target) -> None:
        self.session.select(target)
        self.pane.reveal(target)

    def _found(self, target: Target) -> None:
        self.tabs.setCurrentIndex(0)
        self.go_to(target)
        self.pane.canvas.setFocus(Qt.OtherFocusReason)

    def go_to(self, target: Target) -> None:
        """Select something and bring it into sight, expanding its group where it is hidden."""
        if target.kind in ("neuron", "column") and not self._is_shown(target.node):
            self._uncover(target.node)
        self.session.select(target)
        self.pane.reveal(target)

    def _is_shown(self, node: str) -> bool:
        aggregation = self.session.aggregation
        return aggregation is not None and any(column.node == node for column in aggregation.columns)

    def _uncover(self, node: str) -> None:
        """Bring a layer into the picture: expand its group, or let it stand for it."""
        from cnnvis_caffe.aggregation.edits import ChooseRepresentative, CollapseGroup, ExpandGroup

        group = self.session.group_of(node)
        if group is None:
            return
        if node in group.columns and len(group.columns) > 1:
            self.session.apply(ExpandGroup(group.name))
        elif node in group.candidates:
            if group.is_expanded:
                self.session.history.apply(CollapseGroup(group.name))
            self.session.apply(ChooseRepresentative(group.name, node))

    def go_to_layer(self, node: str) -> None:
        """Select the column of a layer, or the one of its group."""
        aggregation = self.session.aggregation
        if aggregation is None or self.session.analysis is None:
            return
        for column in aggregation.columns:
            if node in (column.node, self.session.analysis.node(column.node).owner):
                self.go_to(Target("column", column.node))
                return
        group = self.session.group_of(node)
        if group is not None:
            self.go_to(Target("column", group.representative) if not group.is_expanded else Target("group", group.name))

    def go_to_finding(self, finding: Finding) -> None:
        """Show what a finding shows, and where."""
        view = replace(finding.view, snapshot=finding.view.snapshot or finding.snapshot)
        analysis = self.session.analysis
        if analysis is not None and view.snapshot == analysis.snapshots[-1].label:
            view = replace(view, snapshot="")
        self.tabs.setCurrentIndex(0)
        self.session.show_view(view)
        target = self._target_of(finding.places[0])
        if target is not None:
            self._wanted_place = target
            if not self.session.is_busy:
                self._go_to_place()

    def _go_to_place(self) -> None:
        """Select where a finding is, in the column that stands for its layer."""
        target, self._wanted_place = self._wanted_place, None
        aggregation, analysis = self.session.aggregation, self.session.analysis
        if target is None or aggregation is None or analysis is None:
            return
        if target.node and not self._is_shown(target.node):
            owner = analysis.node(target.node).owner
            for column in aggregation.columns:
                node = analysis.node(column.node)
                if node.owner == owner and (not target.members or node.n_neurons > max(target.members)):
                    target = replace(target, node=column.node)
                    break
        self.session.select(target)
        self.pane.reveal(target)

    @staticmethod
    def _target_of(place: Place) -> Target | None:
        if not place.node:
            return Target("class", members=place.classes[:1]) if place.classes else None
        if place.neurons:
            return Target("neuron", place.node, place.neurons)
        return Target("column", place.node)

    def open_target(self, target: Target) -> None:
        """Open what a double click means: a page, a group."""
        if target.kind == "neuron" and target.members:
            self.open_neuron(target.node, target.members[0])
        elif target.kind == "cluster" and target.members:
            aggregation = self.session.aggregation
            column = aggregation.column(target.node) if aggregation is not None else None
            first = (
                int(column.clusters[target.index].representatives[0])
                if column is not None and (0 <= target.index < len(column.clusters))
                else target.members[0]
            )
            self.open_neuron(target.node, first)
        elif target.kind in ("column", "group"):
            self.session.select(target)
            self.commands.toggle_group()

    def open_neuron(self, node: str, neuron: int) -> None:
        """Open the page of a neuron in a tab."""
        snapshot = self.session.snapshot
        if snapshot is None or node not in snapshot.features:
            self.say(f"{node} was not analysed: it has no pages")
            return
        for i in range(1, self.tabs.count()):
            tab = self.pages.widget(i)
            if (tab.node, tab.neuron) == (node, neuron):
                self.tabs.setCurrentIndex(i)
                return
        tab = NeuronTab(self.session, self.jobs, node, neuron)
        tab.chosen.connect(self._found)
        tab.pointed.connect(lambda target: self._hover_changed(target, -1))
        self.pages.addWidget(tab)
        at = self.tabs.addTab(tab.name)
        self.tabs.setTabsClosable(True)
        for side in (QtWidgets.QTabBar.LeftSide, QtWidgets.QTabBar.RightSide):
            self.tabs.setTabButton(0, side, None)
        self._close_button(at)
        self.tabs.show()
        self.tabs.setCurrentIndex(at)

    def _close_button(self, at: int) -> None:
        button = QtWidgets.QToolButton()
        button.setIcon(look.icon("close", look.current().muted))
        button.setIconSize(QSize(9, 9))
        button.setFixedSize(18, 18)
        button.setStyleSheet("padding: 0;")
        button.setAccessibleName(f"Close {self.tabs.tabText(at)}")
        widget = self.pages.widget(at)
        button.clicked.connect(lambda: self.close_tab(self.pages.indexOf(widget)))
        self.tabs.setTabButton(at, QtWidgets.QTabBar.RightSide, button)

    def _tab_changed(self, at: int) -> None:
        if 0 <= at < self.pages.count():
            self.pages.setCurrentIndex(at)

    def close_tab(self, at: int) -> None:
        """Close a neuron's page."""
        if at <= 0 or at >= self.tabs.count():
            return
        tab = self.pages.widget(at)
        self.tabs.setCurrentIndex(0)
        self.tabs.removeTab(at)
        self.pages.removeWidget(tab)
        tab.deleteLater()
        self.tabs.setVisible(self.tabs.count() > 1)

    def _close_pages(self) -> None:
        while self.tabs.count() > 1:
            self.close_tab(self.tabs.count() - 1)

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
        label = snapshot or analysis.snapshots[-1].label
        self.comparison = Comparison(self.pane, analysis, label, self)
        pane = self.comparison.pane
        self.comparison.failed.connect(self.show_error)
        pane.menu_requested.connect(lambda target, position: None)
        pane.canvas.reduced_motion = self.settings.reduced_motion
        pane.minimap.set_wanted(self.actions_by_name["minimap"].isChecked())
        pane.canvas.set_theme(self.session.view.theme)
        pane.session.hover_changed.connect(self._hover_beside)
        self.splitter.setOrientation(self._best_orientation())
        self.splitter.addWidget(pane)
        self.splitter.setSizes([1000, 1000])
        self._enable()

    def _best_orientation(self) -> Qt.Orientation:
        """Beside each other; very long networks below each other, where they are larger."""
        aggregation = self.session.aggregation
        is_long = aggregation is not None and len(aggregation.columns) > LONG
        return Qt.Vertical if is_long else Qt.Horizontal

    def _hover_beside(self, target: Target | None, class_index: int) -> None:
        session = self.comparison.session if self.comparison is not None else None
        if session is not None and session.analysis is not None:
            text = ""
            if target is not None and target.kind not in ("legend", "ground"):
                text = describe(session.analysis, session.aggregation, session.view, target, class_index).line
            self._point_text(text)

    def end_comparison(self) -> None:
        """Back to one picture."""
        if self.comparison is not None:
            comparison, self.comparison = self.comparison, None
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
            self._close_pages()
            self._find_soon.stop()
            self.jobs.close()
            self.pane.shutdown()
        super().closeEvent(event)
