"""Does what the actions say that are not edits: files, clipboard, zoom, snapshots, dialogs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cnnvis_caffe.edits.kinds import ChooseRepresentative, ChooseTheme, Edit
from cnnvis_caffe.edits.sessions import save_session
from cnnvis_caffe.files.atomic import atomic_write, write_bytes
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.table_files import delimited
from cnnvis_caffe.viewer.canvas.pictures import to_image
from cnnvis_caffe.viewer.model import export
from cnnvis_caffe.viewer.model.edit_actions import DECISIONS, TOGETHER
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.help import AboutDialog, HelpDialog
from cnnvis_caffe.viewer.qt import QApplication, Qt, QtWidgets
from cnnvis_caffe.viewer.window.pane import Pane
from cnnvis_caffe.viewer.work import tasks

if TYPE_CHECKING:
    from cnnvis_caffe.viewer.window.main_window import MainWindow

ZOOM_STEP = 1.25
ANALYSES = "Analyses and sessions (*.cnnvis.h5 *.h5 *.json);;All files (*)"
SESSIONS = "Sessions (*.cnnvis.json *.json);;All files (*)"


class Commands:
    """A method for each name in `actions.SPECS` that is not in `edit_actions.DECISIONS`."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    @property
    def _pane(self) -> Pane:
        return self._window.pictures.active

    @property
    def _session(self) -> Session:
        return self._pane.session

    def decide(self, name: str) -> None:
        """Do the edit that an action is, or say why it is none."""
        decision = DECISIONS[name](self._session)
        if isinstance(decision, str):
            self._window.status.say(decision)
        elif isinstance(decision, Edit):
            self._window.pictures.apply(decision, together=name in TOGETHER)

    def _ask_to_open(self, title: str, kinds: str) -> str:
        """A file to read, or nothing; its folder is where the next question begins."""
        settings = self._window.settings
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self._window, title, settings.folder, kinds)
        if path:
            settings.folder = os.path.dirname(path)
        return path

    def _ask_to_save(self, title: str, name: str, kinds: str) -> str:
        """A file to write, or nothing."""
        settings = self._window.settings
        start = os.path.join(settings.folder, name)
        path, _ = QtWidgets.QFileDialog.getSaveFileName(self._window, title, start, kinds)
        if path:
            settings.folder = os.path.dirname(path)
        return path

    # -- File

    def open_file(self) -> None:
        """Ask for a file and open it."""
        path = self._ask_to_open("Open", ANALYSES)
        if path:
            self._window.opening.open_path(path)

    def open_model(self) -> None:
        """Ask for a model and analyse it."""
        self._window.opening.ask_for_model()

    def open_demo(self) -> None:
        """Make the demo and open it."""
        self._window.opening.open_demo()

    def save_session(self) -> None:
        """Ask for a name and write the edits."""
        analysis = self._window.session.analysis
        if analysis is None:
            return
        name = os.path.basename(analysis.path or analysis.title).replace(".cnnvis.h5", "")
        path = self._ask_to_save("Save session", f"{name}.cnnvis.json", SESSIONS)
        if path:
            self.save_session_to(path)

    def save_session_to(self, path: str) -> None:
        """Write the edits."""
        save_session(path, self._window.session.history)
        self._window.status.say(f"Session saved in {path}")

    def open_session(self) -> None:
        """Ask for a session and do its edits."""
        path = self._ask_to_open("Open session", SESSIONS)
        if path:
            self._window.opening.open_session(path)

    def export_picture(self) -> None:
        """Ask for a name and write the picture, in the background."""
        analysis, picture = self._session.analysis, self._session.picture
        if analysis is None or picture is None:
            return
        path = self._ask_to_save("Export picture", f"{analysis.title}.svg", export.PICTURE_FILTER)
        if path:
            window = self._window
            window.status.say(f"Writing {path}…")
            window.jobs.start(
                export.write_picture,
                path,
                analysis,
                picture.request.view,
                picture.request.selection,
                succeeded=lambda written: window.status.say(f"Written: {written}"),
            )

    def _table(self, delimiter: str) -> str:
        session = self._session
        if session.analysis is None or session.selection is None:
            return ""
        table = export.table_of(session.analysis, session.aggregation, session.view, session.selection)
        return delimited(*table, delimiter)

    def export_table(self) -> None:
        """Ask for a name and write the numbers of what is selected."""
        path = self._ask_to_save("Export table", "selection.csv", "Tables (*.csv)")
        if path:
            write_bytes(path, self._table(",").encode("utf-8"))
            self._window.status.say(f"Written: {path}")

    def export_patches(self) -> None:
        """Ask for a name and write the patches of what is selected."""
        session = self._session
        if session.analysis is None or session.selection is None:
            return
        path = self._ask_to_save("Export patches", "patches.png", "Pictures (*.png)")
        if not path:
            return
        sheet = export.patches_of(session.analysis, session.view, session.selection)
        if sheet is None:
            self._window.message.show_text("What is selected has no patches: select a neuron, a cluster or a layer.")
            return
        with atomic_write(path) as temporary:
            if not to_image(sheet).save(str(temporary), "PNG"):
                raise OSError(0, "it cannot be written", path)
        self._window.status.say(f"Written: {path}")

    def close_analysis(self) -> None:
        """Go back to the start page."""
        self._window.close_analysis()

    def quit(self) -> None:
        """End the program."""
        self._window.close()

    # -- Edit

    def undo(self) -> None:
        """Take the last edit back."""
        self._window.pictures.step_history(back=True)

    def redo(self) -> None:
        """Do it again."""
        self._window.pictures.step_history(back=False)

    def copy_picture(self) -> None:
        """Copy the picture as it is seen."""
        QApplication.clipboard().setPixmap(self._pane.canvas.grab())
        self._window.status.say("Picture copied")

    def copy_table(self) -> None:
        """Copy the numbers of what is selected."""
        QApplication.clipboard().setText(self._table("\t"))
        self._window.status.say("Table copied")

    def find(self) -> None:
        """Go to the search field."""
        self._window.search.setFocus(Qt.ShortcutFocusReason)
        self._window.search.selectAll()

    def select_nothing(self) -> None:
        """Select what is around the selection."""
        if self._pane.canvas.is_dragging:
            self._pane.canvas.cancel_drag()
        else:
            self._pane.step_out()

    def select_inside(self) -> None:
        """Select what is in the selection."""
        self._pane.step_into()

    # -- View

    def fit(self) -> None:
        """Show everything."""
        for pane in self._window.pictures.panes:
            pane.canvas.fit()

    def go_to_selection(self) -> None:
        """Show the selection."""
        if self._session.selection is not None:
            self._window.navigation.go_to(self._session.selection)

    def zoom_in(self) -> None:
        """Zoom in."""
        self._pane.canvas.zoom_by(ZOOM_STEP)

    def zoom_out(self) -> None:
        """Zoom out."""
        self._pane.canvas.zoom_by(1 / ZOOM_STEP)

    def actual_size(self) -> None:
        """Show one pixel for one unit of the picture."""
        self._pane.canvas.zoom_to_actual()

    def minimap(self, on: bool) -> None:
        """Show or hide the minimap."""
        self._window.pictures.set_minimap(on)

    def dark_theme(self, on: bool) -> None:
        """Choose the dark theme or the light one."""
        if (self._session.view.theme == "dark") != on:
            self._window.pictures.apply(ChooseTheme("dark" if on else "light"))

    def reduced_motion(self, on: bool) -> None:
        """Let nothing glide."""
        self._window.set_reduced_motion(on)

    def full_screen(self, on: bool) -> None:
        """Use the whole screen."""
        if on:
            self._window.showFullScreen()
        elif self._window.isFullScreen():
            self._window.showNormal()

    def reset_layout(self) -> None:
        """Put all docks back."""
        self._window.reset_layout()

    # -- Network

    def next_representative(self) -> None:
        """Let the next layer stand for the group of the selection, and select it if its layer was."""
        session = self._session
        edit, selection = DECISIONS["next_representative"](session), session.selection
        if isinstance(edit, ChooseRepresentative):
            self._window.pictures.apply(edit)
            if selection is not None and selection.kind != "group":
                session.select(Target("column", edit.node))

    def open_page(self) -> None:
        """Open the page of what is selected."""
        if self._session.selection is not None:
            self._window.navigation.open_target(self._session.selection)

    def snapshot_before(self) -> None:
        """Go back in the training."""
        self._window.pictures.step_snapshot(-1)

    def snapshot_after(self) -> None:
        """Go on in the training."""
        self._window.pictures.step_snapshot(1)

    def play_snapshots(self) -> None:
        """Play, or stop; of two pictures, in the first."""
        self._window.pictures.snapshots.play.toggle()

    def compare_snapshot(self) -> None:
        """Put two snapshots side by side, or end that."""
        self._window.pictures.toggle_comparison()

    def compare_file(self) -> None:
        """Ask for another analysis and put it beside this one."""
        path = self._ask_to_open("Compare with", "Analyses (*.cnnvis.h5 *.h5)")
        if path:
            window = self._window
            window.status.say(f"Opening {os.path.basename(path)}…")
            window.jobs.start(tasks.load_analysis, path, succeeded=window.pictures.compare_with)

    def end_comparison(self) -> None:
        """Go back to one picture."""
        self._window.pictures.end_comparison()

    # -- Help

    def help(self) -> None:
        """Show all keys."""
        self._show(HelpDialog(self._window))

    def about(self) -> None:
        """Show versions."""
        self._show(AboutDialog(self._window))

    @staticmethod
    def _show(dialog: QtWidgets.QDialog) -> None:
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        dialog.show()
