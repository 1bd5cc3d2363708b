"""Holds what is looked at and how: the analysis, the view with its history, the selection. The rest listens to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import ChooseSnapshot, ChooseTheme, Edit, as_edits
from cnnvis_caffe.readings.scales import Beside
from cnnvis_caffe.records.aggregation import Aggregation, LayerGroup
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.geometry import strongest_connections
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.listeners import Listeners
from cnnvis_caffe.viewer.model.lookup import group_of, in_picture
from cnnvis_caffe.viewer.model.pictures import FinishedPicture, PictureRequest


class PictureSource(Protocol):
    """Makes pictures that are asked for, now or later; a `Latest` around a `PictureMaker`, as a rule.

    Attributes
    ----------
    answered, sketched : signal of (PictureRequest, FinishedPicture)
        `sketched` has a quick one that is followed by the whole.
    failed : signal of (PictureRequest, exception)
    busy_changed : signal of bool
    progressed : signal of (str, int, int)
        What is being done for a picture, steps done, of how many.
    """

    answered: Any
    sketched: Any
    failed: Any
    busy_changed: Any
    progressed: Any

    @property
    def is_busy(self) -> bool:
        """Return whether a picture is on its way."""

    def request(self, request: PictureRequest) -> None:
        """Ask for a picture; one that was asked for before need not come any more."""

    def touch(self) -> None:
        """Prepare nothing for a while."""

    def close(self, patience_ms: int) -> bool:
        """End the work; False if it does not end in time."""


class Session:
    """One analysis as one user looks at it.

    Every change of what is shown is an edit, so that it can be taken back and saved; what is selected is not.

    Parameters
    ----------
    pictures : PictureSource
    theme : str
        Of the first view.

    Attributes
    ----------
    analysis_changed : listeners of ()
    view_changed : listeners of View
        The user wants to see something else; the picture of it follows.
    selection_changed : listeners of Target or None
    hover_changed : listeners of (Target or None, int)
        What the pointer is on, and the class of a matrix's cell or -1.
    picture_changed : listeners of FinishedPicture
    busy_changed : listeners of bool
        Whether a picture is on its way.
    progressed : listeners of (str, int, int)
        How far it is.
    failed : listeners of exception
        What happened while a picture was made.
    """

    def __init__(self, pictures: PictureSource, theme: str = "light") -> None:
        self.analysis_changed, self.view_changed, self.selection_changed = Listeners(), Listeners(), Listeners()
        self.hover_changed, self.picture_changed = Listeners(), Listeners()
        self.busy_changed, self.failed, self.progressed = Listeners(), Listeners(), Listeners()
        self.analysis: Analysis | None = None
        self.history = History(View(theme=theme))
        self.selection: Target | None = None
        self.hover: Target | None = None
        self.picture: FinishedPicture | None = None
        self.model_places: tuple[str, ...] = ()  # where the user said that model and weights are now
        self.legend_comes = False  # a pane says so, whose legend has no room yet
        self.beside: Beside | None = None
        self._size, self._legend_width, self._legend_is_line = (1000.0, 640.0), 1000.0, False
        self._pictures = pictures
        pictures.answered.connect(self._take)
        pictures.sketched.connect(self._take)
        pictures.failed.connect(self._fail)
        pictures.busy_changed.connect(self.busy_changed.emit)
        pictures.progressed.connect(self.progressed.emit)
        self._is_closed = False

    # -- what is looked at

    @property
    def view(self) -> View:
        """Return what the user wants to see."""
        return self.history.view

    @property
    def aggregation(self) -> Aggregation | None:
        """Return the aggregation of the picture that is shown."""
        return self.picture.aggregation if self.picture is not None else None

    @property
    def snapshot(self) -> Snapshot | None:
        """Return the snapshot that is looked at."""
        return self.analysis.snapshot(self.view.snapshot) if self.analysis is not None else None

    @property
    def is_busy(self) -> bool:
        """Return whether a picture is on its way."""
        return self._pictures.is_busy

    def open(self, analysis: Analysis | None, history: History | None = None) -> None:
        """Look at another analysis, with the edits of a saved session or none."""
        theme = self.view.theme
        self.analysis = analysis
        self.history = history if history is not None else History(View(theme=theme))
        self.picture = None
        self.selection = self.hover = None
        self.analysis_changed.emit()
        self.selection_changed.emit(None)
        self.view_changed.emit(self.view)
        self._ask()

    def touch(self) -> None:
        """Say that the user moves over the picture: nothing is prepared meanwhile."""
        self._pictures.touch()

    def set_size(self, width: float, height: float, legend_width: float, *, legend_is_line: bool = False) -> None:
        """Say how large the canvas and how wide its legend are; a picture of another shape follows."""
        new = (width, height), legend_width, legend_is_line
        if new != (self._size, self._legend_width, self._legend_is_line):
            self._size, self._legend_width, self._legend_is_line = new
            self._ask()

    def stand_beside(self, other: Session | None) -> None:
        """Share scales and legend with another picture, or with none."""
        before, self.beside = self.beside, None
        if other is not None and other.analysis is not None and other.snapshot is not None:
            shown = other.aggregation if other.analysis is not self.analysis else None
            strongest = strongest_connections(shown) if shown is not None else {}
            self.beside = Beside(other.analysis, other.snapshot, strongest)
        shared = [(one.snapshot, one.strongest) if one is not None else None for one in (before, self.beside)]
        if shared[0] != shared[1]:
            self._ask()

    # -- edits

    def apply(self, edit: Edit, *, together: bool = False) -> None:
        """Do an edit; `together` with the one before, while a slider is dragged."""
        before = self.view
        self.history.apply(edit, together=together)
        self._tell(before)

    def apply_all(self, edits: Iterable[Edit], text: str) -> None:
        """Do several edits as one step."""
        before = self.view
        self.history.apply_all(edits, text)
        self._tell(before)

    def undo(self) -> None:
        """Take the last edit back."""
        before = self.view
        self.history.undo()
        self._tell(before)

    def cancel(self) -> None:
        """Take back the edits whose picture is still being made, where an earlier one is shown."""
        if self.picture is None or not self.is_busy:
            return
        before, shown, n_back = self.view, self.picture.request.view, 0
        while self.view != shown and self.history.can_undo:
            self.history.undo()
            n_back += 1
        if self.view != shown:  # what is shown is of another history
            for _ in range(n_back):
                self.history.redo()
        self._tell(before)

    def redo(self) -> None:
        """Do again what was taken back."""
        before = self.view
        self.history.redo()
        self._tell(before)

    def show_view(self, view: View, text: str) -> None:
        """Go over to another view in one step, keeping the theme and what the other view leaves as usual."""
        self.apply_all([edit for edit in as_edits(view) if not isinstance(edit, ChooseTheme)], text)

    def _tell(self, before: View) -> None:
        # Listeners also show what can be taken back, which may change while the view does not.
        self.view_changed.emit(self.view)
        if self.view != before:
            self._ask()

    def refresh(self) -> None:
        """Show the view of a history that somebody else has changed."""
        self.view_changed.emit(self.view)
        self._ask()

    # -- snapshots

    @property
    def snapshot_index(self) -> int:
        """Return the number of the snapshot that is looked at; 0 without an analysis."""
        return 0 if self.analysis is None else self.analysis.snapshot_index(self.view.snapshot)

    def name_of_snapshot(self, number: int) -> str:
        """Return a snapshot as views name it: the last one by nothing."""
        snapshots = self.analysis.snapshots if self.analysis is not None else ()
        return "" if number >= len(snapshots) - 1 else snapshots[number].label

    def go_to_snapshot(self, number: int, *, together: bool = False) -> None:
        """Show a snapshot by its number, if there is one."""
        if self.analysis is not None and 0 <= number < len(self.analysis.snapshots):
            self.apply(ChooseSnapshot(self.name_of_snapshot(number)), together=together)

    # -- selection

    def select(self, target: Target | None) -> None:
        """Select something everywhere; None for nothing."""
        if target != self.selection:
            self.selection = target
            self.selection_changed.emit(target)
            self._ask()

    def point_at(self, target: Target | None, class_index: int = -1) -> None:
        """Say what the pointer is on."""
        self.hover = target
        self.hover_changed.emit(target, class_index)

    def group_of(self, node: str) -> LayerGroup | None:
        """Return the layer group that a node belongs to, or that has this name."""
        return group_of(self.aggregation, node)

    # -- pictures

    def _ask(self) -> None:
        if self.analysis is not None and not self._is_closed:
            size, legend = self._size, (self._legend_width, self._legend_is_line, self.legend_comes)
            self._pictures.request(PictureRequest(self.analysis, self.view, self.selection, size, *legend, self.beside))

    def _take(self, request: PictureRequest, picture: FinishedPicture) -> None:
        self.picture, before = picture, self.selection
        selection = in_picture(picture.aggregation, before)
        self.picture_changed.emit(picture)
        if self.selection is not before:
            return  # somebody was waiting for this picture, to select something else in it
        if selection is None and self.selection is not None and self.selection.kind != "neuron":
            # The edit took away what was selected: a cluster that is none any more.
            self.select(None)
        elif selection is not None and selection != self.selection:
            self.selection = selection

    def _fail(self, request: PictureRequest, error: BaseException) -> None:
        self.failed.emit(error)

    def close(self, patience_ms: int) -> bool:
        """End the work; False if it does not end in time, which is not waited for with a patience of 0."""
        self._is_closed = True
        self.analysis = self.picture = None  # nothing of it is held on to, and no more pictures are asked for
        return self._pictures.close(patience_ms)
