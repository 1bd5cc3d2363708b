"""Keeps a second session in step with a first one: the same view and the same selection, of two snapshots or models."""

from __future__ import annotations

from dataclasses import replace

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import (
    ArrangeAnew,
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
from cnnvis_caffe.viewer.model.counterparts import CounterpartSide, counterpart
from cnnvis_caffe.viewer.model.listeners import Listeners
from cnnvis_caffe.viewer.model.session import Session

#: They name neurons, clusters or snapshots of one model.
_BY_HAND = (
    *(MoveNeuron, NewCluster, MergeBiclusters, SplitBicluster),
    *(ChooseRepresentative, ChooseClustersOf, ArrangeAnew),
)


class PairedSessions:
    """Two sessions that show one view.

    What is done by hand to the neurons of another model, its clusters and bundles, is that model's own.

    Parameters
    ----------
    first, second : Session
        The second one is opened here.
    analysis : Analysis
        For the second.
    snapshot : str
        The label of the snapshot that the second one shows.

    Attributes
    ----------
    own : History
        What was done by hand to the second one's model, where it is another.
    own_changed : listeners of ()
    """

    def __init__(self, first: Session, second: Session, analysis: Analysis, snapshot: str) -> None:
        self.first, self.second = first, second
        self.snapshot = snapshot
        self.own = History()
        self.own_changed = Listeners()
        self._leader = first  # the one in which the user selected something last
        self._is_linking = False
        second.open(analysis, History(self._view(first.view, analysis)))
        self._share_scales()
        first.view_changed.connect(self._follow_view)
        first.selection_changed.connect(self._first_selected)
        second.selection_changed.connect(self._second_selected)
        for one in (first, second):
            one.picture_changed.connect(self._pictured)  # other clusters and bundles are there now
        self._first_selected(first.selection)

    @property
    def is_of_one_analysis(self) -> bool:
        """Return whether two snapshots of one analysis are compared."""
        return self.second.analysis is self.first.analysis

    def _view(self, view: View, analysis: Analysis) -> View:
        """The first one's view as the second one shows it."""
        if analysis is not self.first.analysis:
            # Neurons of another model are others; what was moved by hand there means nothing here.
            view = replace(
                view,
                moves=(),
                bicluster_edits=(),
                facets=(),
                representatives=(),
                clusters_of="",
                arranged=View().arranged,
                classes=tuple(c for c in view.classes if c < analysis.data.n_classes),
            )
            for edit in self.own.all_edits:
                view = edit.apply(view)
        return replace(view, snapshot=self.snapshot)

    # -- edits

    def apply(self, edit: Edit, *, together: bool = False) -> None:
        """Do an edit in the second: in both, unless it is about neurons of another model."""
        if self.is_of_one_analysis or not is_by_hand(edit):
            self.first.apply(edit, together=together)
            return
        self.own.apply(edit, together=together)
        self._follow_own()

    def step_history(self, *, back: bool) -> None:
        """Take back what was done by hand in the second, or do it again."""
        self.own.undo() if back else self.own.redo()
        self._follow_own()

    def _follow_own(self) -> None:
        self.own_changed.emit()
        self._follow_view(self.first.view)

    def show_snapshot(self, label: str) -> None:
        """Show another snapshot in the second."""
        self.snapshot = label
        self._follow_view(self.first.view)

    def step(self, by: int) -> None:
        """Show a snapshot before or after the one of the second."""
        analysis = self.second.analysis
        if analysis is not None:
            at = min(max(analysis.snapshot_index(self.snapshot) + by, 0), len(analysis.snapshots) - 1)
            self.show_snapshot(analysis.snapshots[at].label)

    def _follow_view(self, view: View) -> None:
        if self.second.analysis is not None:
            theirs = self._view(view, self.second.analysis)
            if theirs != self.second.view:
                self.second.history = History(theirs)
                self.second.refresh()
            self._share_scales()

    def _share_scales(self) -> None:
        """What is compared has the same scales and one legend."""
        for one, other in ((self.first, self.second), (self.second, self.first)):
            one.stand_beside(other)

    def _pictured(self, _: object = None) -> None:
        self._link()
        if not self.is_of_one_analysis:
            self._share_scales()

    # -- selection

    def _first_selected(self, target: Target | None) -> None:
        self._leader = self.first
        self._link()

    def _second_selected(self, target: Target | None) -> None:
        self._leader = self.second
        self._link()

    def _link(self, _: object = None) -> None:
        """Select the counterpart of what the user selected, if there is one on the other side."""
        other = self.first if self._leader is self.second else self.second
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

    def end(self) -> None:
        """Let go of the first one."""
        self.first.view_changed.disconnect(self._follow_view)
        self.first.selection_changed.disconnect(self._first_selected)
        self.first.picture_changed.disconnect(self._pictured)
        self.first.stand_beside(None)


def is_by_hand(edit: Edit) -> bool:
    """Return whether an edit names neurons, clusters or snapshots of one model."""
    return isinstance(edit, _BY_HAND) or (isinstance(edit, ChooseFacet) and bool(edit.node))


def _is_same(one: Target | None, two: Target | None) -> bool:
    """Whether two targets name one thing; numbers of clusters and bundles change with the picture."""
    if one is None or two is None:
        return one is two
    return replace(one, index=-1) == replace(two, index=-1)


def _side(session: Session) -> CounterpartSide | None:
    """What a session shows; None where that is nothing."""
    if session.analysis is None or session.snapshot is None:
        return None
    return CounterpartSide(session.analysis, session.snapshot, session.aggregation)
