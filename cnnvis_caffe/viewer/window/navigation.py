"""Goes to a neuron, a layer, a finding or a page, bringing hidden layers into the picture."""

from __future__ import annotations

from cnnvis_caffe.edits.kinds import Edit
from cnnvis_caffe.records.finding import Finding
from cnnvis_caffe.scene.mistakes_page import why_nothing
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.destinations import (
    changes_between,
    column_for_layer,
    edits_that_show,
    in_shown_column,
    page_neuron,
    page_target,
    said_of_edits,
    target_of_finding,
    view_of_finding,
)
from cnnvis_caffe.viewer.model.edit_actions import EDIT_OF_ACTION
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QObject, Qt, Signal
from cnnvis_caffe.viewer.window.page_tabs import PageTabs
from cnnvis_caffe.viewer.window.picture_area import PictureArea


class Navigation(QObject):
    """Moves the picture that was used last, and opens pages.

    Signals
    -------
    said : str
        Why it goes nowhere, or what it changed on its way.
    """

    said = Signal(str)

    def __init__(self, pictures: PictureArea, pages: PageTabs, parent: QObject) -> None:
        super().__init__(parent)
        self._pictures, self._pages = pictures, pages
        self._awaited: Target | None = None

    def find(self, target: Target) -> None:
        """Leave the pages and go to something."""
        self._pages.show_network()
        self.go_to(target)
        self._pictures.active.canvas.setFocus(Qt.OtherFocusReason)

    def find_in(self, session: Session, target: Target) -> None:
        """Find something in the picture of a session."""
        self._pictures.activate(self._pictures.pane_of(session))
        self.find(target)

    def go_to(self, target: Target) -> None:
        """Select something and bring it into sight, expanding its group where it is hidden."""
        if target.kind in ("neuron", "column"):
            edits = edits_that_show(self._pictures.session.aggregation, target.node)
            for edit in edits:
                self._pictures.apply(edit)
            if edits:
                self.said.emit(said_of_edits(edits, f"To show {target.node}"))
        self._pictures.choose(target)

    def go_to_selection(self) -> None:
        """Bring what is selected into sight."""
        if self._pictures.session.selection is not None:
            self.go_to(self._pictures.session.selection)

    def go_to_layer(self, node: str) -> None:
        """Select the column of a layer, or the one of its group."""
        session = self._pictures.session
        if session.analysis is not None and session.aggregation is not None:
            target = column_for_layer(session.analysis, session.aggregation, node)
            if target is not None:
                self.go_to(target)

    def go_to_place(self, target: Target) -> None:
        """Select something in the column that stands for its layer, without changing what is shown."""
        session = self._pictures.session
        if session.analysis is not None and session.aggregation is not None:
            self._pages.show_network()
            self._pictures.choose(in_shown_column(session.analysis, session.aggregation, target))

    def go_to_finding(self, finding: Finding) -> None:
        """Show what a finding shows, and where."""
        session = self._pictures.pane.session
        if session.analysis is None:
            return
        self._pages.show_network()
        self._pictures.activate(self._pictures.pane)
        before = session.view
        session.show_view(view_of_finding(session.analysis, finding), "Go to a finding")
        said = said_of_edits(changes_between(before, session.view), "For this finding")
        if said:
            self.said.emit(said)
        target = target_of_finding(finding)
        if target is not None:
            self._awaited = target
            if not session.is_busy:
                self.arrive()

    def arrive(self) -> None:
        """Select where a finding is, once its picture is there."""
        target, self._awaited = self._awaited, None
        session = self._pictures.pane.session
        if target is not None and session.aggregation is not None and session.analysis is not None:
            target = in_shown_column(session.analysis, session.aggregation, target)
            session.select(target)
            self._pictures.pane.reveal(target)

    def open_target(self, target: Target) -> None:
        """Do what a double click means: expand or collapse a group of several layers, else open a page."""
        session = self._pictures.session
        if target.kind in ("column", "group"):
            session.select(target)
            edit = EDIT_OF_ACTION["toggle_group"](session)
            if isinstance(edit, Edit):
                self._pictures.apply(edit)
                return
        self.open_page_of(target)

    def open_page_of(self, target: Target) -> None:
        """Open the page of a neuron, of a cluster, of several neurons, or of a layer."""
        neuron = page_neuron(target)
        if neuron is not None:
            self.open_neuron(*neuron)
            return
        session = self._pictures.session
        several = page_target(session.aggregation, target)
        if several is None or session.snapshot is None:
            return
        if several.node in session.snapshot.features:
            self._pages.open_layer(session, several)
        else:
            self.said.emit(f"{several.node} was not analysed: it has no page")

    def open_page_of_selection(self) -> None:
        """Open the page of what is selected."""
        if self._pictures.session.selection is not None:
            self.open_page_of(self._pictures.session.selection)

    def open_selection(self) -> None:
        """Do the same with what is selected."""
        if self._pictures.session.selection is not None:
            self.open_target(self._pictures.session.selection)

    def open_neuron(self, node: str, neuron: int) -> None:
        """Open the page of a neuron in a tab."""
        session = self._pictures.session
        if session.snapshot is None or node not in session.snapshot.features:
            self.said.emit(f"{node} was not analysed: it has no pages")
        else:
            self._pages.open_neuron(session, node, neuron)

    def open_in(self, session: Session, target: Target) -> None:
        """Open the page of something in the picture of a session."""
        self._pictures.activate(self._pictures.pane_of(session))
        self.open_page_of(target)

    def open_mistakes(self) -> None:
        """Open the page that says where the network errs."""
        session = self._pictures.session
        if session.analysis is None or session.snapshot is None:
            return
        if session.snapshot.confusion is None and not session.snapshot.measures:
            self.said.emit(why_nothing(session.analysis))
        else:
            self._pages.open_mistakes(session)
