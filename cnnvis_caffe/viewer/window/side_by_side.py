"""Two pictures side by side: the same view and the same selection, of two snapshots or two models."""

from __future__ import annotations

import os
from dataclasses import replace

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import (
    ChooseClustersOf,
    ChooseFacet,
    ChooseRepresentative,
    Edit,
    MergeBiclusters,
    MoveNeuron,
    NewCluster,
    SplitBicluster,
)
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.counterparts import Side, counterpart
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QObject, Signal
from cnnvis_caffe.viewer.widgets.inputs import Dropdown
from cnnvis_caffe.viewer.window.pane import Pane


class Comparison(QObject):
    """Keeps a second pane in step with the first.

    Both show one view. What is done by hand to the neurons of another model, its clusters and bundles, is its own.

    Signals
    -------
    failed : object
    own_changed : ()
        What was done by hand on the right is another.
    """

    failed = Signal(object)
    own_changed = Signal()

    def __init__(self, first: Pane, analysis: Analysis, snapshot: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.first = first
        self.session = Session()
        self._leader = first.session  # the side on which the user selected something last
        self.pane = Pane(self.session)
        self.pane.shows_legend = False  # one is enough
        self.pane.apply = self.apply
        self.pane.sized_like = first.canvas
        self.snapshot = snapshot
        self.own = History()
        self._is_linking = False
        self.chooser = Dropdown("Snapshot on the right", [(one.label, one.label) for one in analysis.snapshots])
        self.chooser.setFixedHeight(24)
        self.chooser.setVisible(len(analysis.snapshots) > 1)
        self.pane.head.layout().insertWidget(1, self.chooser)
        self.chooser.set_value(snapshot)
        self.chooser.chosen.connect(self.show_snapshot)
        self.session.failed.connect(self.failed)
        left = first.session
        left.view_changed.connect(self._follow_view)
        left.selection_changed.connect(self._follow_selection)
        self.session.selection_changed.connect(self._lead_selection)
        first.canvas.camera_changed.connect(self._follow_camera)
        self.pane.canvas.camera_changed.connect(self._lead_camera)
        for one in (left, self.session):
            one.picture_changed.connect(self._picture_changed)
        self.session.open(analysis, History(self._view(left.view)))
        self._name()
        self._follow_selection(left.selection)

    def _view(self, view: View) -> View:
        analysis = self.session.analysis
        if analysis is not None and analysis is not self.first.session.analysis:
            # Neurons of another model are others; what was moved by hand there means nothing here.
            n_classes = analysis.data.n_classes
            view = replace(
                view,
                moves=(),
                bicluster_edits=(),
                facets=(),
                representatives=(),
                clusters_of="",
                classes=tuple(c for c in view.classes if c < n_classes),
            )
            for edit in self.own.all_edits:
                view = edit.apply(view)
        return replace(view, snapshot=self.snapshot)

    # -- edits

    @property
    def is_of_one_analysis(self) -> bool:
        """Whether two snapshots of one analysis are compared."""
        return self.session.analysis is self.first.session.analysis

    def apply(self, edit: Edit, *, together: bool = False) -> None:
        """Do an edit on the right: on both sides, unless it is about neurons of another model."""
        if self.is_of_one_analysis or not _is_by_hand(edit):
            self.first.session.apply(edit, together=together)
            return
        self.own.apply(edit, together=together)
        self._follow_own()

    def step_history(self, *, back: bool) -> None:
        """Take back what was done by hand on the right, or do it again."""
        self.own.undo() if back else self.own.redo()
        self._follow_own()

    def _follow_own(self) -> None:
        self.own_changed.emit()
        self._follow_view(self.first.session.view)

    def show_snapshot(self, label: str) -> None:
        """Show another snapshot on the right."""
        self.snapshot = label
        self.chooser.set_value(label)
        self._follow_view(self.first.session.view)

    def step(self, by: int) -> None:
        """Show a snapshot before or after the one on the right."""
        analysis = self.session.analysis
        if analysis is not None:
            at = min(max(analysis.snapshot_index(self.snapshot) + by, 0), len(analysis.snapshots) - 1)
            self.show_snapshot(analysis.snapshots[at].label)

    def _follow_view(self, view: View) -> None:
        if self.session.analysis is not None:
            theirs = self._view(view)
            if theirs != self.session.view:
                self.session.history = History(theirs)
                self.session.refresh()
            self._name()

    # -- selection

    def _follow_selection(self, target: Target | None) -> None:
        self._leader = self.first.session
        self._link()

    def _lead_selection(self, target: Target | None) -> None:
        self._leader = self.session
        self._link()

    def _picture_changed(self, _: object) -> None:
        self._name()
        self._link()  # other clusters and bundles are there now

    def _link(self) -> None:
        """Select the counterpart of what the user selected, if there is one on the other side."""
        other = self.first.session if self._leader is self.session else self.session
        here, there = _side(self._leader), _side(other)
        if self._is_linking or here is None or there is None:
            return
        found = counterpart(self._leader.selection, here, there)
        if _is_same(found, other.selection):
            return
        self._is_linking = True
        try:
            other.select(found)
        finally:
            self._is_linking = False

    def _follow_camera(self) -> None:
        self._same_camera(self.first, self.pane)

    def _lead_camera(self) -> None:
        self._same_camera(self.pane, self.first)

    def _same_camera(self, one: Pane, other: Pane) -> None:
        """Look at the same place where both pictures are of one size."""
        a, b = one.canvas, other.canvas
        if self._is_linking or a.display is None or b.display is None or b.camera == a.camera:
            return
        if abs(a.display.scene.width - b.display.scene.width) > 1:
            return
        self._is_linking = True
        try:
            b.follow(a)
        finally:
            self._is_linking = False

    def _name(self, *_: object) -> None:
        left, right = self.first.session, self.session
        for pane, session in ((self.first, left), (self.pane, right)):
            if session.analysis is not None and session.snapshot is not None:
                is_chosen = session is right and self.chooser.isVisibleTo(self.pane.head)
                # Two trainings of one network have one title: their files tell them apart.
                file = "" if self.is_of_one_analysis else os.path.basename(session.analysis.path)
                parts = ["" if is_chosen else session.snapshot.label, file.replace(".cnnvis.h5", "")]
                pane.set_heading(session.analysis.title, "  ·  ".join(part for part in parts if part))

    def end(self) -> bool:
        """Let go of the second picture."""
        left = self.first.session
        left.view_changed.disconnect(self._follow_view)
        left.selection_changed.disconnect(self._follow_selection)
        left.picture_changed.disconnect(self._picture_changed)
        self.first.canvas.camera_changed.disconnect(self._follow_camera)
        self.first.set_heading("")
        ended = self.pane.shutdown(0)  # the other picture stays alive meanwhile
        self.pane.setParent(None)
        self.pane.deleteLater()
        self.session.deleteLater()
        return ended


def _is_by_hand(edit: Edit) -> bool:
    """Whether an edit names neurons, clusters or snapshots of one model."""
    kinds = (MoveNeuron, NewCluster, MergeBiclusters, SplitBicluster, ChooseRepresentative, ChooseClustersOf)
    return isinstance(edit, kinds) or (isinstance(edit, ChooseFacet) and bool(edit.node))


def _is_same(one: Target | None, two: Target | None) -> bool:
    """Whether two targets name one thing; numbers of clusters and bundles change with the picture."""
    if one is None or two is None:
        return one is two
    return replace(one, index=-1) == replace(two, index=-1)


def _side(session: Session) -> Side | None:
    """What a session shows; None where that is nothing."""
    if session.analysis is None or session.snapshot is None:
        return None
    return Side(session.analysis, session.snapshot, session.aggregation)
