"""Shows where the network errs, in a tab beside the picture."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from cnnvis_caffe.edits.kinds import ChooseClasses
from cnnvis_caffe.readings.mistakes import mistakes
from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.viewer.canvas.scene_index import Hit
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.scene_tab import SceneTab
from cnnvis_caffe.viewer.qt import QtWidgets, QWidget
from cnnvis_caffe.viewer.work.tasks import mistakes_of
from cnnvis_caffe.viewer.work.threads import Jobs


class MistakesTab(SceneTab):
    """Shows the confusion matrix, the error by class, and what is behind the square that was clicked."""

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget | None = None) -> None:
        self.cell: tuple[int, int] | None = None
        super().__init__(session, jobs, parent)
        self.refresh()

    def fill_head(self) -> None:
        """Put the title and buttons into the head."""
        super().fill_head()
        self.show_classes = QtWidgets.QPushButton("Show both classes in the picture")
        self.show_classes.setToolTip("Choose the two classes of the square: their neurons stay, the others fade")
        self.show_classes.clicked.connect(self._choose_classes)
        self.head.addWidget(self.show_classes)

    @property
    def key(self) -> Hashable:
        """There is one page of mistakes."""
        return "mistakes"

    @property
    def name(self) -> str:
        """For the tab."""
        return "Where it errs"

    def what_to_show(self) -> tuple[Hashable, ...]:
        """Return what the scene depends on."""
        return (self.cell,)

    def make(self) -> tuple[Callable[..., Scene], tuple[object, ...]]:
        """Lay out the page."""
        snapshot = self.session.snapshot
        return mistakes_of, (self.session.analysis, snapshot.label if snapshot is not None else "", self.cell)

    def answer_click(self, hit: Hit | None) -> None:
        """Show what is behind a square; choose a class in the picture."""
        if hit is not None and hit.target.kind == "cell":
            self.cell = hit.target.members[0], hit.target.other_members[0]
            self.refresh()
        else:
            super().answer_click(hit)

    def refresh(self) -> None:
        """Make the page of what is to be seen now, if it is another one."""
        super().refresh()
        self.show_classes.setEnabled(self._cell_shown() is not None)

    def _cell_shown(self) -> tuple[int, int] | None:
        """The square whose images are shown: that of the most frequent mistake before one is clicked."""
        found = mistakes(self.session.snapshot) if self.session.snapshot is not None else []
        return self.cell or ((found[0].row, found[0].column) if found else None)

    def _choose_classes(self) -> None:
        """Choose the two classes of the square, and go to the picture."""
        cell = self._cell_shown()
        if cell is not None:
            self.session.apply(ChooseClasses(tuple(sorted(set(cell)))))
            self.chosen.emit(Target("class", members=cell[:1]))
