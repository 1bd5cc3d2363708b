"""Shows a second picture beside the first, in step with it."""

from __future__ import annotations

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.viewer.model.captions import heading
from cnnvis_caffe.viewer.model.paired_sessions import PairedSessions
from cnnvis_caffe.viewer.model.unsaved import EditsBeside
from cnnvis_caffe.viewer.qt import QObject
from cnnvis_caffe.viewer.widgets.inputs import Dropdown
from cnnvis_caffe.viewer.window.pane import Pane, new_session


class SideBySide(QObject):
    """The second pane, its choice of a snapshot, and one camera for both."""

    def __init__(self, first: Pane, analysis: Analysis, snapshot: str, parent: QObject) -> None:
        super().__init__(parent)
        self.first = first
        self.pane = Pane(new_session(self))
        self.pane.shows_legend = False  # one is enough
        self.pane.sized_like = first.canvas
        self._is_moving = False
        self.chooser = Dropdown("Snapshot on the right", [(one.label, one.label) for one in analysis.snapshots])
        self.chooser.setFixedHeight(24)
        self.chooser.setVisible(len(analysis.snapshots) > 1)
        self.pane.head.layout().insertWidget(1, self.chooser)
        self.chooser.set_value(snapshot)
        first.canvas.camera_changed.connect(self._follow_camera)
        self.pane.canvas.camera_changed.connect(self._lead_camera)
        self._pair = PairedSessions(first.session, self.pane.session, analysis, snapshot)
        self.pane.apply = self._pair.apply
        self.own_changed = self._pair.own_changed
        self.unsaved = EditsBeside(self._pair)
        self.chooser.chosen.connect(self._show_snapshot)
        first.session.view_changed.connect(self._name)
        for pane in (first, self.pane):
            pane.session.picture_changed.connect(self._name)
        self._name()

    @property
    def own_history(self) -> History:
        """Return the edits that the second picture alone has."""
        return self._pair.own

    def step_history(self, *, back: bool) -> None:
        """Take back what was done by hand on the right, or do it again."""
        self._pair.step_history(back=back)

    def step(self, by: int) -> None:
        """Show a snapshot before or after the one on the right."""
        self._pair.step(by)
        self.chooser.set_value(self._pair.snapshot)
        self._name()

    def _show_snapshot(self, label: str) -> None:
        self._pair.show_snapshot(label)
        self._name()

    def _name(self, _: object = None) -> None:
        is_two_models = not self._pair.is_of_one_analysis
        has_chooser = self.chooser.isVisibleTo(self.pane.head)
        for pane, says_snapshot in ((self.first, True), (self.pane, not has_chooser)):
            if pane.session.snapshot is not None:
                pane.set_heading(*heading(pane.session, says_snapshot=says_snapshot, says_file=is_two_models))

    def _follow_camera(self) -> None:
        self._same_camera(self.first, self.pane)

    def _lead_camera(self) -> None:
        self._same_camera(self.pane, self.first)

    def _same_camera(self, one: Pane, other: Pane) -> None:
        """Look at the same place where both pictures are of one size."""
        a, b = one.canvas, other.canvas
        if self._is_moving or a.display is None or b.display is None or b.camera == a.camera:
            return
        if abs(a.display.scene.width - b.display.scene.width) > 1:
            return
        self._is_moving = True
        try:
            b.follow(a)
        finally:
            self._is_moving = False

    def end(self) -> bool:
        """Let go of the second picture."""
        self._pair.end()
        self.first.session.view_changed.disconnect(self._name)
        self.first.session.picture_changed.disconnect(self._name)
        self.first.canvas.camera_changed.disconnect(self._follow_camera)
        self.first.set_heading("")
        ended = self.pane.shutdown(0)  # the other picture stays alive meanwhile
        self.pane.setParent(None)
        self.pane.deleteLater()
        return ended
