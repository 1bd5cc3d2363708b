"""Says what each action does, by its name: an edit, or what one line or `Files` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from cnnvis_caffe.edits.kinds import ChooseRepresentative, ChooseTheme, Edit
from cnnvis_caffe.errors import SessionError
from cnnvis_caffe.files.atomic import atomic_write, write_bytes
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.table_files import delimited
from cnnvis_caffe.viewer.canvas.pictures import to_image
from cnnvis_caffe.viewer.model import export
from cnnvis_caffe.viewer.model.edit_actions import EDIT_OF_ACTION, TOGETHER
from cnnvis_caffe.viewer.model.file_names import named_like
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.model.unsaved import EditsBeside, UnsavedEdits
from cnnvis_caffe.viewer.pages.edits_dialogs import may_replace
from cnnvis_caffe.viewer.pages.help import AboutDialog, HelpDialog
from cnnvis_caffe.viewer.qt import QApplication, Qt, QtWidgets
from cnnvis_caffe.viewer.work import tasks

if TYPE_CHECKING:
    from cnnvis_caffe.viewer.window.main_window import MainWindow

ZOOM_STEP = 1.25
ANALYSES = "Analyses and sessions (*.cnnvis.h5 *.h5 *.json);;All files (*)"
SESSIONS = "Sessions (*.cnnvis.json *.json);;All files (*)"


def commands_of(window: MainWindow) -> dict[str, Callable[..., None]]:
    """Return what each of `actions.ACTION_SPECS` does in a window; those with a mark are told whether it is set."""
    pictures, opening, files, keeper = window.pictures, window.opening, Files(window), window.keeper
    keeper.save = files.save_for_leaving
    return {
        **{name: partial(_decide, window, name) for name in EDIT_OF_ACTION},
        "open_file": files.open_file,
        "open_model": opening.ask_for_model,
        "open_demo": opening.open_demo,
        "save_session": files.save_session,
        "open_session": files.open_session,
        "export_picture": files.export_picture,
        "export_table": files.export_table,
        "export_patches": files.export_patches,
        "export_neurons": files.export_neurons,
        "close_analysis": lambda: keeper.before_leaving(window.close_analysis),
        "quit": window.close,
        "undo": lambda: pictures.step_history(back=True),
        "redo": lambda: pictures.step_history(back=False),
        "copy_picture": partial(_copy_picture, window),
        "copy_table": files.copy_table,
        "find": window.search.take_focus,
        "select_nothing": lambda: pictures.active.step_out(),
        "select_inside": lambda: pictures.active.step_into(),
        "fit": pictures.fit,
        "go_to_selection": window.navigation.go_to_selection,
        "zoom_in": lambda: pictures.active.canvas.zoom_by(ZOOM_STEP),
        "zoom_out": lambda: pictures.active.canvas.zoom_by(1 / ZOOM_STEP),
        "actual_size": lambda: pictures.active.canvas.zoom_to_actual(),
        "minimap": pictures.set_minimap,
        "dark_theme": lambda on: window.session.apply(ChooseTheme("dark" if on else "light")),
        "reduced_motion": window.set_reduced_motion,
        "full_screen": window.set_full_screen,
        "reset_layout": window.reset_layout,
        "next_representative": partial(_next_representative, window),
        "open_page": window.navigation.open_page_of_selection,
        "image_page": window.open_image_page,
        "mistakes": window.navigation.open_mistakes,
        "neuron_table": window.toggle_neurons,
        "what_changed": window.toggle_changes,
        "snapshot_before": lambda: pictures.step_snapshot(-1),
        "snapshot_after": lambda: pictures.step_snapshot(1),
        "play_snapshots": pictures.snapshots.play.toggle,
        "compare_snapshot": lambda: keeper.before_ending_comparison(pictures.toggle_comparison),
        "compare_file": files.compare_file,
        "end_comparison": lambda: keeper.before_ending_comparison(pictures.end_comparison),
        "help": lambda: _show(HelpDialog(window)),
        "about": lambda: _show(AboutDialog(window)),
    }


def _decide(window: MainWindow, name: str) -> None:
    """Do the edit of an action, or say why it does none."""
    decision = EDIT_OF_ACTION[name](window.pictures.session)
    if isinstance(decision, str):
        window.status.say(decision)
    elif isinstance(decision, Edit):
        window.pictures.apply(decision, together=name in TOGETHER)


def _next_representative(window: MainWindow) -> None:
    """Let the next layer stand for the group of the selection, and select it if its layer was."""
    session = window.pictures.session
    edit, selection = EDIT_OF_ACTION["next_representative"](session), session.selection
    if isinstance(edit, ChooseRepresentative):
        window.pictures.apply(edit)
        if selection is not None and selection.kind != "group":
            session.select(Target("column", edit.node))


def _copy_picture(window: MainWindow) -> None:
    QApplication.clipboard().setPixmap(window.pictures.active.canvas.grab())
    window.status.say("Picture copied")


def _show(dialog: QtWidgets.QDialog) -> None:
    dialog.setAttribute(Qt.WA_DeleteOnClose)
    dialog.show()


class Files:
    """Asks for files, reads and writes them."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    @property
    def _session(self) -> Session:
        return self._window.pictures.session

    def _ask_to_open(self, title: str, kinds: str) -> str:
        """A file to read, or nothing; its folder is where the next question begins."""
        settings = self._window.settings
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self._window, title, settings.folder, kinds)
        if path:
            settings.folder = os.path.dirname(path)
        return path

    def _ask_to_save(self, title: str, name: str, kinds: str) -> str:
        """A file to write, with an ending of its kind, or nothing."""
        settings = self._window.settings
        start = os.path.join(settings.folder, name)  # a name with a folder stays where it is
        typed, kind = QtWidgets.QFileDialog.getSaveFileName(self._window, title, start, kinds)
        if not typed:
            return ""
        path = named_like(typed, kind or kinds)
        if path != typed and os.path.exists(path) and not may_replace(path, self._window):
            return ""
        settings.folder = os.path.dirname(path)
        return path

    def open_file(self) -> None:
        """Ask for a file and open it."""
        path = self._ask_to_open("Open", ANALYSES)
        if path:
            self._window.opening.open_path(path)

    def save_session(self) -> bool:
        """Ask for a name and write the edits; False if nothing was written."""
        return self._session.analysis is not None and self._ask_and_write(self._window.keeper.unsaved)

    def save_for_leaving(self, edits: UnsavedEdits | EditsBeside) -> bool:
        """Write edits to their file; ask for a name where they have none yet."""
        return self._write_session(edits, edits.path) if edits.path else self._ask_and_write(edits)

    def _ask_and_write(self, edits: UnsavedEdits | EditsBeside) -> bool:
        path = self._ask_to_save("Save session", edits.suggested_path, SESSIONS)
        return bool(path) and self._write_session(edits, path)

    def _write_session(self, edits: UnsavedEdits | EditsBeside, path: str) -> bool:
        try:
            edits.save(path)
        except SessionError as error:
            self._window.show_error(error)
            return False
        if edits is self._window.keeper.unsaved:
            self._window.keeper.belong_to(path)
        self._window.status.say(f"Session saved in {path}")
        return True

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

    def copy_table(self) -> None:
        """Copy the numbers of what is selected."""
        QApplication.clipboard().setText(self._table("\t"))
        self._window.status.say("Table copied")

    def export_table(self) -> None:
        """Ask for a name and write the numbers of what is selected."""
        path = self._ask_to_save("Export table", "selection.csv", "Tables (*.csv)")
        if path:
            write_bytes(path, self._table(",").encode("utf-8"))
            self._window.status.say(f"Written: {path}")

    def export_neurons(self) -> None:
        """Ask for a name and write the table of neurons, as the command `export` does."""
        parts = self._window.neurons.parts()
        if not parts:
            self._window.status.say("The table of neurons has no rows; Ctrl+T shows it")
            return
        path = self._ask_to_save("Export neurons", "neurons.csv", "Tables (*.csv *.json *.npz)")
        if path:
            write_bytes(path, export.table_file(path, parts))
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

    def compare_file(self) -> None:
        """Ask for another analysis and put it beside this one."""
        path = self._ask_to_open("Compare with", "Analyses (*.cnnvis.h5 *.h5)")
        if path:
            window = self._window
            window.status.say(f"Opening {os.path.basename(path)}…")

            def compare(analysis: Analysis) -> None:
                window.keeper.before_ending_comparison(lambda: window.pictures.compare_with(analysis))

            window.jobs.start(tasks.load_analysis, path, succeeded=compare)
