"""Lists what changed between the two pictures that stand side by side; a click on a row leads to its place in both."""

from __future__ import annotations

from functools import partial

import numpy as np

from cnnvis_caffe.viewer.model.change_list import KINDS, ChangeList, find_changes
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QHBoxLayout, QModelIndex, QtGui, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.inputs import Dropdown, Line
from cnnvis_caffe.viewer.widgets.table import Table, TableModel
from cnnvis_caffe.viewer.work.threads import Job, Jobs

WORDS_WIDTH, WIDTH = 190, 188
NOTHING = "Put two pictures side by side: C, or Ctrl+Shift+M for another model."


class ChangesModel(TableModel):
    """The rows of a `ChangeList` in an order."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.changes: ChangeList | None = None
        self.order = np.zeros(0, np.int64)

    def show(self, changes: ChangeList | None) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.changes = changes
        self.titles, self.tips = (changes.titles, changes.tips) if changes is not None else ((), ())
        self.order = np.arange(len(changes.rows)) if changes is not None else self.order[:0]
        self.endResetModel()

    def sort_by(self, column: int, is_falling: bool) -> None:
        """Show the rows in another order."""
        if self.changes is not None:
            self.beginResetModel()
            self.order = self.changes.order(column, is_falling=is_falling)
            self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many rows there are."""
        return 0 if parent.isValid() else len(self.order)

    def text(self, row: int, column: int) -> str:
        """Return the words of a cell."""
        return self.changes.rows[self.order[row]][column][0] if self.changes is not None else ""

    def is_text(self, column: int) -> bool:
        """Return whether a column has words, rather than numbers."""
        return self.changes is not None and column < self.changes.n_words


class ChangesPanel(QWidget):
    """The table, and above it which kind of things it lists.

    Signals
    -------
    chosen : Target
        Something was selected, named as in the first picture.
    """

    chosen = Signal(object)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job: Job | None = None
        self._sides: tuple[Session, Session] | None = None
        self._asked: tuple[object, ...] = ()
        self._found: dict[str, ChangeList] = {}
        self.model = ChangesModel(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(style.MARGIN, 2, style.SPACE, style.SPACE)
        row.setSpacing(style.SPACE)
        self.kind = Dropdown("What is listed", [(kind, kind.capitalize()) for kind in KINDS])
        self.state = Line(NOTHING, role="muted", least=40)
        row.addWidget(self.kind)
        row.addWidget(self.state, 1)
        self.table = Table(self.model, "What changed")
        layout.addWidget(bar)
        layout.addWidget(self.table, 1)
        self.kind.chosen.connect(lambda _: self._show())
        self.table.sorted.connect(self.model.sort_by)
        self.table.selectionModel().currentRowChanged.connect(lambda index, _: self._choose(index))

    def showEvent(self, event: QtGui.QShowEvent) -> None:  # noqa: N802
        """Compare when somebody looks."""
        super().showEvent(event)
        self._compare()

    def set_sides(self, first: Session, second: Session | None) -> None:
        """List what changed between two pictures, nothing where there is one."""
        self._sides = (first, second) if second is not None else None
        self._compare()

    def _compare(self) -> None:
        if self._sides is None:
            self._stop()
            self._asked, self._found = (), {}
            self._show()
            return
        first, second = self._sides
        left, right = first.snapshot, second.snapshot
        if not self.isVisible() or left is None or right is None:
            return
        asked = (id(first.analysis), left.label, id(second.analysis), right.label)
        if asked != self._asked:
            self._stop()
            self._asked = asked
            self.state.setText("comparing…")
            sides = (first.analysis, left), (second.analysis, right)
            found, failed = partial(self._take, asked), self._fail
            self._job = self._jobs.start(find_changes, *sides, succeeded=found, failed=failed)

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _fail(self, error: BaseException) -> None:
        self._job = None
        self.state.setText("The two could not be compared.")
        self._jobs.failed.emit(error)

    def _take(self, asked: tuple[object, ...], found: dict[str, ChangeList]) -> None:
        if asked == self._asked:
            self._job = None
            self._found = found
            self._show()

    def _show(self) -> None:
        changes = self._found.get(self.kind.value)
        self.model.show(changes)
        if changes is None:
            self.state.setText(NOTHING)
            return
        for column in range(len(changes.titles)):
            self.table.setColumnWidth(column, WORDS_WIDTH if column < changes.n_words else WIDTH)
        self.table.forget_order()
        line = f"{len(changes.rows)} rows  ·  {changes.between}"
        self.state.setText("  ·  ".join(part for part in (line, changes.note) if part), [line])

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid() and self.model.changes is not None:
            self.chosen.emit(self.model.changes.targets[self.model.order[index.row()]])
