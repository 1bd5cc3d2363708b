"""Two pictures side by side: the same view and the same selection, of two snapshots or two models."""

from __future__ import annotations

from dataclasses import replace

from cnnvis_caffe.aggregation.edits import History
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.pane import Pane
from cnnvis_caffe.viewer.qt import QObject, Signal
from cnnvis_caffe.viewer.session import Session
from cnnvis_caffe.viewer.widgets.inputs import Dropdown


class Comparison(QObject):
    """Keeps a second pane in step with the first.

    Signals
    -------
    failed : object
    """

    failed = Signal(object)

    def __init__(self, first: Pane, analysis: Analysis, snapshot: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.first = first
        self.session = Session()
        self.pane = Pane(self.session)
        self.pane.shows_legend = False  # one is enough
        self.snapshot = snapshot
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
        left.picture_changed.connect(self._name)
        self.session.picture_changed.connect(self._name)
        self.session.open(analysis, History(self._view(left.view)))
        self._name()
        self._follow_selection(left.selection)

    def _view(self, view: View) -> View:
        analysis = self.session.analysis
        labels = [one.label for one in analysis.snapshots] if analysis is not None else [self.snapshot]
        label = self.snapshot if self.snapshot in labels else ""
        if analysis is not None and analysis is not self.first.session.analysis:
            # Neurons of another model are others; what was moved by hand there means nothing here.
            n_classes = analysis.data.n_classes
            view = replace(
                view,
                moves=(),
                bicluster_edits=(),
                facets=(),
                representatives=(),
                classes=tuple(c for c in view.classes if c < n_classes),
            )
        return replace(view, snapshot=label)

    def show_snapshot(self, label: str) -> None:
        """Show another snapshot on the right."""
        self.snapshot = label
        self._follow_view(self.first.session.view)

    def _follow_view(self, view: View) -> None:
        if self.session.analysis is not None:
            self.session.history = History(self._view(view))
            self.session.refresh()
            self._name()

    def _follow_selection(self, target: Target | None) -> None:
        self._link(self.session, target)

    def _lead_selection(self, target: Target | None) -> None:
        self._link(self.first.session, target)

    def _link(self, session: Session, target: Target | None) -> None:
        """Select the same on the other side, if it is there."""
        if self._is_linking or session.analysis is None:
            return
        self._is_linking = True
        try:
            session.select(target if target is None or self._is_there(session, target) else None)
        finally:
            self._is_linking = False

    @staticmethod
    def _is_there(session: Session, target: Target) -> bool:
        analysis = session.analysis
        assert analysis is not None
        if target.kind == "class":
            return target.members[0] < analysis.data.n_classes
        names = {node.name: node for node in analysis.nodes}
        if target.kind == "neuron":
            return target.node in names and all(i < names[target.node].n_neurons for i in target.members)
        return target.kind == "column" and target.node in names

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
                label = session.snapshot.label
                is_chosen = session is right and self.chooser.isVisibleTo(self.pane.head)
                pane.set_heading(session.analysis.title, "" if is_chosen else label)

    def end(self) -> bool:
        """Let go of the second picture."""
        left = self.first.session
        left.view_changed.disconnect(self._follow_view)
        left.selection_changed.disconnect(self._follow_selection)
        left.picture_changed.disconnect(self._name)
        self.first.canvas.camera_changed.disconnect(self._follow_camera)
        self.first.set_heading("")
        ended = self.pane.shutdown(0)  # the other picture stays alive meanwhile
        self.pane.setParent(None)
        self.pane.deleteLater()
        self.session.deleteLater()
        return ended
