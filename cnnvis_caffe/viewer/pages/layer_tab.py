"""Shows a layer, a cluster, or some neurons of a layer, in a tab beside the picture."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.viewer.model.describe import group_name
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.scene_tab import SceneTab
from cnnvis_caffe.viewer.qt import QtWidgets, QWidget
from cnnvis_caffe.viewer.work.tasks import layer_of
from cnnvis_caffe.viewer.work.threads import Jobs


class LayerTab(SceneTab):
    """Shows all neurons of a target: a column, a cluster, or several neurons of a layer."""

    def __init__(self, session: Session, jobs: Jobs, target: Target, parent: QWidget | None = None) -> None:
        self._target = target
        # A cluster keeps its number on its page, whatever the picture makes of its neurons later.
        self.named = group_name(session.aggregation, target)
        super().__init__(session, jobs, parent)
        self.refresh()

    def fill_head(self) -> None:
        """Put the title and buttons into the head."""
        super().fill_head()
        self.back = QtWidgets.QPushButton("Show in the picture")
        self.back.clicked.connect(lambda: self.chosen.emit(self._target))
        self.head.addWidget(self.back)

    @property
    def key(self) -> Hashable:
        """The layer and the neurons."""
        return "layer", self._target.node, self._target.members

    @property
    def target(self) -> Target:
        """The layer, the cluster or the neurons."""
        return self._target

    @property
    def name(self) -> str:
        """For the tab."""
        return f"{self._target.node} · {self.named}" if self.named else self._target.node

    def what_to_show(self) -> tuple[Hashable, ...]:
        """Return what the scene depends on."""
        return (self._target.node, self._target.members)

    def make(self) -> tuple[Callable[..., Scene], tuple[object, ...]]:
        """Lay out the page."""
        snapshot, target = self.session.snapshot, self._target
        label = snapshot.label if snapshot is not None else ""
        return layer_of, (self.session.analysis, label, target.node, target.members, self.named)
