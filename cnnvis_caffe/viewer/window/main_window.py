"""The window of the paper: the picture, the line chart below it, the control panel at its side, and all around it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cnnvis_caffe.datasets.opening import is_image_file
from cnnvis_caffe.edits.history import History
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model import captions
from cnnvis_caffe.viewer.model.actions import ACTION_SPECS, MENUS
from cnnvis_caffe.viewer.model.edit_actions import edit_of, what_is_there
from cnnvis_caffe.viewer.model.preview import NOTHING, Preview, targets_of
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.image_tab import ImageTab
from cnnvis_caffe.viewer.pages.start_page import StartPage, WorkPage
from cnnvis_caffe.viewer.panels.changes_panel import ChangesPanel
from cnnvis_caffe.viewer.panels.control_panel import ControlPanel
from cnnvis_caffe.viewer.panels.debugging_panel import DebuggingPanel
from cnnvis_caffe.viewer.panels.findings_panel import FindingsPanel
from cnnvis_caffe.viewer.panels.layers_panel import LayersPanel
from cnnvis_caffe.viewer.panels.neurons_panel import NeuronsPanel
from cnnvis_caffe.viewer.qt import QPoint, QSize, Qt, QtGui, QtWidgets, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.inputs import Line
from cnnvis_caffe.viewer.widgets.search_box import SearchBox
from cnnvis_caffe.viewer.window import actions
from cnnvis_caffe.viewer.window.commands import commands_of
from cnnvis_caffe.viewer.window.context_menu import ContextMenu
from cnnvis_caffe.viewer.window.docks import Docks
from cnnvis_caffe.viewer.window.edits_keeper import EditsKeeper
from cnnvis_caffe.viewer.window.findings_search import FindingsSearch
from cnnvis_caffe.viewer.window.message_bar import MessageBar
from cnnvis_caffe.viewer.window.navigation import Navigation
from cnnvis_caffe.viewer.window.opening import Opening
from cnnvis_caffe.viewer.window.page_tabs import PageTabs
from cnnvis_caffe.viewer.window.pane import new_session
from cnnvis_caffe.viewer.window.picture_area import PictureArea
from cnnvis_caffe.viewer.window.settings import Settings
from cnnvis_caffe.viewer.window.status_line import StatusLine
from cnnvis_caffe.viewer.work.threads import Jobs

SIZE = QSize(1600, 1000)
TITLE_WIDTH = 120  # of the network's name, whatever else is said of it
#: Names of actions, with "" for a line between them.
TOOLS = (
    *("open_file", "", "undo", "redo", "", "fit", "zoom_in", "zoom_out", ""),
    *("compare_snapshot", "export_picture", "dark_theme"),
)


class MainWindow(QtWidgets.QMainWindow):
    """Puts the parts of one window together, and passes on what one says to the others.

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
        self._worn_theme = self.settings.theme
        self._is_closed = self._may_close = False
        self.jobs = Jobs(self)
        self.session = new_session(self, self.settings.theme)
        self._build_centre()
        self._build_docks()
        self.keeper = EditsKeeper(self, self.session, self.settings)
        self.keeper.beside = lambda: self.pictures.comparison.unsaved if self.pictures.comparison is not None else None
        self.opening = Opening(self, self.session, self.settings, self.jobs, self.keeper)
        self.navigation = Navigation(self.pictures, self.pages, self)
        self.findings_search = FindingsSearch(self.session, self.jobs, self.findings, self)
        self.search = SearchBox(self.session)
        self.commands = commands_of(self)
        self.actions_by_name = actions.make_actions(self, self.commands)
        self._build_menus()
        self._build_toolbar()
        self.status = StatusLine(self.statusBar(), lambda: captions.selection_line(self.pictures.session))
        self._connect_pictures()
        self._connect_panels()
        self._connect_opening()
        self.docks.remember_default()
        self.docks.restore(self.settings)
        self.set_reduced_motion(self.settings.reduced_motion)
        self._show_theme(self.settings.theme)
        self._view_changed(self.session.view)
        self._show_start()

    # -- building

    def _build_centre(self) -> None:
        self.message = MessageBar()
        self.start_page = StartPage(self.settings)
        self.work_page = WorkPage()
        self.pictures = PictureArea(self.session)
        self.pane = self.pictures.pane
        self.pages = PageTabs(self.pictures, self.session, self.jobs)
        self.stack = QtWidgets.QStackedWidget()
        for page in (self.start_page, self.work_page, self.pages):
            self.stack.addWidget(page)
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.message)
        layout.addWidget(self.stack, 1)
        self.setCentralWidget(centre)

    def _build_docks(self) -> None:
        self.findings = FindingsPanel()
        self.layers = LayersPanel(self.session)
        self.control_panel = ControlPanel(self.session)
        self.debugging = DebuggingPanel(self.session)
        self.neurons = NeuronsPanel(self.session, self.jobs)
        self.changes = ChangesPanel(self.jobs)
        panels = {"findings": self.findings, "layers": self.layers, "control": self.control_panel}
        panels = {**panels, "debugging": self.debugging, "neurons": self.neurons, "changes": self.changes}
        self.docks = Docks(self, panels)

    def _build_menus(self) -> None:
        self.menus = {name: self.menuBar().addMenu(f"&{name}") for name in MENUS}
        for spec in ACTION_SPECS:
            menu = self.menus[spec.menu]
            if spec.starts and not menu.isEmpty():
                menu.addSeparator()
            menu.addAction(self.actions_by_name[spec.name])
        for menu in self.menus.values():
            menu.hovered.connect(self._preview)
            menu.aboutToHide.connect(lambda: self.pictures.active.canvas.set_preview(NOTHING))
        recent = QtWidgets.QMenu("Recent", self)
        recent.aboutToShow.connect(lambda: self._fill_recent(recent))
        self.menus["File"].insertMenu(self.actions_by_name["open_demo"], recent)
        sessions = QtWidgets.QMenu("Sessions of this analysis", self)
        sessions.aboutToShow.connect(lambda: self._fill_sessions(sessions))
        self.menus["File"].insertMenu(self.actions_by_name["export_picture"], sessions)
        self.panels_menu = QtWidgets.QMenu("Panels", self)
        for dock in self.docks.by_name.values():
            self.panels_menu.addAction(dock.toggleViewAction())
        self.menus["View"].insertMenu(self.actions_by_name["reset_layout"], self.panels_menu)
        self.addActions(list(self.actions_by_name.values()))

    def _preview(self, action: QtWidgets.QAction) -> None:
        """Show in the picture what an entry of the menu bar would change."""
        edit = edit_of(action.objectName(), self.pictures.session) if action.isEnabled() else None
        shown = Preview(targets_of(self.pictures.session, edit)) if edit is not None else NOTHING
        self.pictures.active.canvas.set_preview(shown)

    def _fill_recent(self, menu: QtWidgets.QMenu) -> None:
        self._fill_with_files(menu, self.settings.recent)

    def _fill_sessions(self, menu: QtWidgets.QMenu) -> None:
        analysis = self.session.analysis
        self._fill_with_files(menu, self.settings.sessions_of(analysis.path if analysis is not None else ""))

    def _fill_with_files(self, menu: QtWidgets.QMenu, paths: list[str]) -> None:
        menu.clear()
        for path in paths:
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
        for name in TOOLS:
            if name:
                bar.addAction(self.actions_by_name[name])
            else:
                bar.addSeparator()
        self.panels_button = style.menu_button("panels", "Panels: show or hide", self.panels_menu)
        bar.addWidget(self.panels_button)
        self.title_label, self.subtitle_label = Line("", "section", TITLE_WIDTH), Line("", "muted")
        self.subtitle_label.setContentsMargins(8, 0, 0, 0)
        for widget in (_spacer(), self.title_label, self.subtitle_label, _spacer(), self.search):
            bar.addWidget(widget)
        self.addToolBar(Qt.TopToolBarArea, bar)

    def _connect_pictures(self) -> None:
        pictures, session = self.pictures, self.session
        session.view_changed.connect(self._view_changed)
        session.picture_changed.connect(self._picture_changed)
        self.pane.canvas.camera_changed.connect(self._show_facts)
        pictures.active_changed.connect(self._active_changed)
        pictures.history_changed.connect(self._show_history)
        pictures.pointed.connect(self.point_at)
        pictures.opened.connect(self.navigation.open_target)
        pictures.menu_requested.connect(self.show_context_menu)
        pictures.failed.connect(self.show_error)
        pictures.comparison_begins.connect(self.pages.show_network)
        pictures.comparison_begins.connect(self.status.stop_saying)
        pictures.comparison_ends.connect(self.pages.close_pages)
        self.pages.chosen.connect(self.navigation.find_in)
        self.pages.turned.connect(self._page_turned)
        self.pages.opened.connect(self.navigation.open_in)
        self.pages.pointed.connect(lambda *what: self.point_at(*what, has_card=False))

    def _connect_panels(self) -> None:
        # The lists are about the first picture.
        self.layers.chosen.connect(self._in_first(self.pictures.choose))
        for panel in (self.layers, self.neurons):
            panel.opened.connect(self._in_first(self.navigation.open_target))
            panel.menu_requested.connect(self._menu_of_list)
        self.changes.chosen.connect(self._in_first(self.navigation.go_to_place))
        self.neurons.chosen.connect(self._in_first(self.pictures.choose))
        self.neurons.export_requested.connect(self.commands["export_neurons"])
        self.search.chosen.connect(self._in_first(self.navigation.find))
        self.debugging.node_chosen.connect(self._in_first(self.navigation.go_to_layer))
        self.debugging.pointed.connect(self.status.point_at)
        self.findings.chosen.connect(self.navigation.go_to_finding)
        self.findings.layer_chosen.connect(self._in_first(self.navigation.go_to_layer))
        self.findings_search.failed.connect(self.show_error)
        self.navigation.said.connect(self.status.say)
        self.jobs.failed.connect(self.show_error)

    def _connect_opening(self) -> None:
        opening, start = self.opening, self.start_page
        opening.began.connect(self._show_work)
        opening.progressed.connect(self.work_page.show_progress)
        opening.opened.connect(self.show_analysis)
        opening.failed.connect(self._opening_failed)
        opening.stopped.connect(self._opening_stopped)
        opening.said.connect(self.status.say)
        opening.noted.connect(self.message.show_text)
        start.open_requested.connect(self.commands["open_file"])
        start.model_requested.connect(lambda: opening.ask_for_model())
        start.demo_requested.connect(opening.open_demo)
        start.file_requested.connect(self.open_path)
        self.work_page.cancelled.connect(opening.cancel)

    def _in_first(self, function: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return a function that does this in the first picture, where two are compared."""

        def do(what: Any) -> None:
            self.pictures.activate(self.pane)
            function(what)

        return do

    # -- what is shown in the middle

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is under way: no work, no picture, nothing to paint."""
        is_at_work = self.opening.is_busy or self.jobs.n_running or self.findings_search.soon.isActive()
        is_at_work = is_at_work or self.pages.is_busy
        return not is_at_work and all(pane.is_settled for pane in self.pictures.panes)

    def open_path(self, path: str) -> None:
        """Open an analysis, a session, a model or an image, as the file's name says."""
        if is_image_file(path) and self.session.analysis is not None:
            self.open_image_page().look_at(os.path.abspath(path))
        else:
            self.opening.open_path(path)

    def open_image_page(self) -> ImageTab:
        """Open the page of an image on the network of the picture that was used last."""
        return self.pages.open_image(self.pictures.session)

    def _page_turned(self) -> None:
        """Give the page of an image the whole window, and the others their panels."""
        if self.session.analysis is not None:
            (self.docks.hide if self.pages.shows_image else self.docks.show)()

    def _show_work(self, title: str) -> None:
        self.message.hide()
        self.work_page.begin(title)
        self.stack.setCurrentWidget(self.work_page)
        if self.session.analysis is None:
            self.docks.hide()
        self._enable()

    def show_analysis(self, analysis: Analysis, history: History | None = None) -> None:
        """Look at an analysis."""
        self.pictures.end_comparison()
        self.pages.close_pages()
        self.stack.setCurrentWidget(self.pages)
        self.docks.show()
        self.findings_search.start_again()
        self.pane.tell_size_now()
        self.session.open(analysis, history)
        self._enable()
        self._show_title()
        self.pane.canvas.setFocus(Qt.OtherFocusReason)
        self.opened.emit(analysis)
        image = self.opening.take_image()
        if image:
            self.open_image_page().look_at(image)

    def _opening_failed(self, error: BaseException) -> None:
        self._show_what_was()
        self.show_error(error)

    def _opening_stopped(self) -> None:
        self._show_what_was()
        self.status.say("Stopped")

    def _show_what_was(self) -> None:
        """Go back to what was seen before something was opened."""
        if self.session.analysis is not None:
            self.stack.setCurrentWidget(self.pages)
            self._enable()
        else:
            self._show_start()

    def _show_start(self) -> None:
        self.stack.setCurrentWidget(self.start_page)
        self.docks.hide()
        self.status.point_at("")
        self._enable()
        self._show_title()

    def close_analysis(self) -> None:
        """Go back to the start page."""
        self.pictures.end_comparison()
        self.pages.close_pages()
        self.session.open(None)
        self.findings.show_state("")
        self._show_start()

    # -- what the pictures say

    def _view_changed(self, view: View) -> None:
        self._show_history()
        if view.theme != self._worn_theme:
            self._wear(view.theme)
        self._show_facts()
        self._show_title()

    def _picture_changed(self, _: object) -> None:
        self._show_facts()
        self._show_title()
        self.findings_search.soon.start()
        self.navigation.arrive()

    def _active_changed(self) -> None:
        self._enable()
        beside = self.pictures.comparison
        self.changes.set_sides(self.session, beside.pane.session if beside is not None else None)
        self.status.refresh()

    def _show_history(self) -> None:
        actions.show_history(self.actions_by_name, captions.history_texts(self.pictures.history))

    def _show_facts(self) -> None:
        self.status.show_facts(captions.picture_facts(self.session, self.pane.canvas.camera.zoom))

    def _show_title(self) -> None:
        self.setWindowTitle(captions.window_title(self.session))
        self.title_label.setText(self.session.analysis.title if self.session.analysis is not None else "")
        text, *shorter = captions.subtitles(self.session)
        self.subtitle_label.setText(text, shorter)

    def _enable(self) -> None:
        """Let those actions be chosen that can do something now."""
        is_open = self.stack.currentWidget() is self.pages
        there = what_is_there(self.pictures.session, is_open=is_open)
        actions.enable(self.actions_by_name, there)
        self.actions_by_name["end_comparison"].setEnabled(self.pictures.comparison is not None)
        self.search.setEnabled("analysis" in there)

    def point_at(
        self, session: Session, target: Target | None, class_index: int = -1, *, has_card: bool = True
    ) -> None:
        """Say what the pointer is on, in a picture or on a page, which has no card."""
        self.status.point_at(captions.pointed_line(session, target, class_index, has_card=has_card))

    def show_context_menu(self, target: Target | None, position: QPoint) -> None:
        """Open the menu of a thing, or of the ground."""
        pictures = self.pictures
        if self.session.analysis is not None:
            self.menu = ContextMenu(self, self.actions_by_name, pictures.session, target, pictures.apply)
            self.menu.previewed.connect(pictures.active.canvas.set_preview)
            self.menu.popup(position)

    def _menu_of_list(self, target: Target, position: QPoint) -> None:
        self.session.select(target)
        self.show_context_menu(target, position)

    def show_error(self, error: BaseException) -> None:
        """Say what went wrong, with everything about it to copy."""
        self.message.show_error(error)

    # -- appearance

    def _wear(self, theme: str) -> None:
        """Dress everything in another theme."""
        self._worn_theme = theme
        self.settings.theme = theme
        style.wear(theme)
        actions.restyle(self.actions_by_name)
        self.panels_button.setIcon(style.icon("panels"))
        self.pictures.snapshots.restyle()
        self.docks.restyle()
        self.search.restyle()
        self.control_panel.classes.show_classes(self.session.view.classes)
        self._show_theme(theme)

    def _show_theme(self, theme: str) -> None:
        action = self.actions_by_name["dark_theme"]
        action.blockSignals(True)
        action.setChecked(theme == "dark")
        action.blockSignals(False)
        self.pictures.set_theme(theme)

    def set_reduced_motion(self, on: bool) -> None:
        """Let nothing glide."""
        self.settings.reduced_motion = on
        self.pictures.set_reduced_motion(on)
        self.actions_by_name["reduced_motion"].setChecked(on)

    def toggle_neurons(self) -> None:
        """Show the table of neurons, ready to be filtered, or hide it."""
        if self.docks.toggle_table("neurons"):
            self.neurons.filter.setFocus(Qt.ShortcutFocusReason)
        else:
            self.pictures.active.canvas.setFocus(Qt.OtherFocusReason)

    def toggle_changes(self) -> None:
        """Show what changed between two pictures, putting the snapshot before beside this one where there is one."""
        pictures, analysis = self.pictures, self.session.analysis
        if pictures.comparison is None and analysis is not None and len(analysis.snapshots) > 1:
            pictures.toggle_comparison()
            self.docks.toggle_table("changes", only_show=True)
        else:
            self.docks.toggle_table("changes")

    def set_full_screen(self, on: bool) -> None:
        """Use the whole screen, or go back to what was before."""
        if on:
            self.showFullScreen()
        elif self.isFullScreen():
            self.showNormal()

    def reset_layout(self) -> None:
        """Put everything back in its place."""
        self.settings.forget_layout()
        self.docks.reset(are_seen=self.session.analysis is not None)

    # -- the window

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Let panels come and go with the room that there is."""
        super().resizeEvent(event)
        hidden = self.docks.fit(event.size())
        if hidden:
            self.status.say(f"Hidden for want of room: {hidden}. The button Panels brings them back")

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent) -> None:  # noqa: N802
        """Take files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            _accept_copy(event)
            self.start_page.show_drop(True)

    def dragLeaveEvent(self, event: QtGui.QDragLeaveEvent) -> None:  # noqa: N802
        """Let them go elsewhere."""
        self.start_page.show_drop(False)

    def dropEvent(self, event: QtGui.QDropEvent) -> None:  # noqa: N802
        """Open the first of them."""
        self.start_page.show_drop(False)
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            _accept_copy(event)
            self.open_path(paths[0])

    def offer_leftovers(self) -> None:
        """Ask about edits that a crash has left."""
        self.keeper.offer_leftovers(self.opening.restore)

    def close_now(self) -> None:
        """Close without a question; unsaved edits are offered at the next start."""
        self.keeper.keep()
        self._may_close = True
        self.close()

    def discard_and_close(self) -> None:
        """Close without a question; unsaved edits are gone."""
        self.keeper.discard()
        self.close()

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:  # noqa: N802
        """Ask about unsaved edits; then keep the layout, end all work."""
        if not self._is_closed:
            if self.keeper.has_unsaved and not self._may_close:
                event.ignore()
                self.keeper.before_leaving(self.discard_and_close)
                return
            self._is_closed = True
            self.pages.show_network()  # with all panels, whose places are kept
            if self.session.analysis is not None:
                self.docks.keep(self.settings)
            self.settings.sync()
            self.pictures.end_comparison()
            self.pages.close_pages()
            self.findings_search.soon.stop()
            self.keeper.stop()
            self.jobs.close()
            self.pane.shutdown()
        super().closeEvent(event)


def _accept_copy(event: QtGui.QDropEvent) -> None:
    """Take files as copies: where a drop proposes to move them, the other program would delete them."""
    event.setDropAction(Qt.CopyAction)
    event.accept()


def _spacer() -> QWidget:
    widget = QWidget()
    widget.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Preferred)
    return widget
