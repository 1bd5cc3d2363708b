"""A table of many rows that is sorted by a click on its head, and of which several rows can be selected."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.viewer.qt import QEvent, QItemSelectionModel, QModelIndex, Qt, QtCore, QtWidgets, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style

ROW = 22


class TableModel(QtCore.QAbstractTableModel):
    """Words by row and column; subclasses say which.

    Attributes
    ----------
    titles, tips : tuple of str
        Of the columns.
    """

    titles: tuple[str, ...] = ()
    tips: tuple[str, ...] = ()

    def text(self, row: int, column: int) -> str:
        """Return the words of a cell."""
        raise NotImplementedError

    def is_text(self, column: int) -> bool:
        """Return whether a column has words, rather than numbers."""
        raise NotImplementedError

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(self.titles)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> object:
        """Return the words of a cell, and at which side they stand."""
        if role in (Qt.DisplayRole, Qt.ToolTipRole) and index.isValid():
            text = self.text(index.row(), index.column())
            return text if role == Qt.DisplayRole else style.tip(text)
        if role == Qt.TextAlignmentRole:
            return self._alignment(index.column())
        return None

    def headerData(self, section: int, orientation: int, role: int = Qt.DisplayRole) -> object:  # noqa: N802
        """Return the title of a column, and what it means."""
        if orientation == Qt.Horizontal and role == Qt.DisplayRole:
            return self.titles[section]
        if orientation == Qt.Horizontal and role == Qt.ToolTipRole:
            return f"<span>{self.tips[section]}</span>"
        if orientation == Qt.Horizontal and role == Qt.TextAlignmentRole:
            return self._alignment(section)
        return None

    def _alignment(self, column: int) -> int:
        return int(Qt.AlignVCenter | (Qt.AlignLeft if self.is_text(column) else Qt.AlignRight))


class Table(QtWidgets.QTableView):
    """The table; its model is sorted by who listens.

    Signals
    -------
    sorted : (int, bool)
        By which column, and whether the largest come first.
    """

    sorted = Signal(int, bool)

    def __init__(self, model: TableModel, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        self.setSelectionMode(QtWidgets.QAbstractItemView.ExtendedSelection)
        self.setEditTriggers(QtWidgets.QAbstractItemView.NoEditTriggers)
        self.setHorizontalScrollMode(QtWidgets.QAbstractItemView.ScrollPerPixel)
        self.setVerticalScrollMode(QtWidgets.QAbstractItemView.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.CustomContextMenu)
        self.setFrameShape(QtWidgets.QFrame.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.ElideMiddle)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QtWidgets.QHeaderView.Fixed)
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setStretchLastSection(False)
        header.setSortIndicator(0, Qt.AscendingOrder)
        header.setSortIndicatorShown(True)
        header.sectionClicked.connect(self._head_clicked)
        self._sorted_by, self._is_falling = 0, False

    def _head_clicked(self, column: int) -> None:
        """Sort by a column: numbers the largest first, words from the beginning; again is the other way round."""
        starts = not self.model().is_text(column) and column > 0
        self._is_falling = not self._is_falling if column == self._sorted_by else starts
        self._sorted_by = column
        order = Qt.DescendingOrder if self._is_falling else Qt.AscendingOrder
        self.horizontalHeader().setSortIndicator(column, order)
        self.sorted.emit(column, self._is_falling)

    def forget_order(self) -> None:
        """Show that other rows are in an order of their own."""
        self._sorted_by, self._is_falling = -1, False
        self.horizontalHeader().setSortIndicator(-1, Qt.AscendingOrder)

    def selected_rows(self) -> np.ndarray:
        """Return the selected rows, sorted, int64."""
        ranges = [np.arange(one.top(), one.bottom() + 1) for one in self.selectionModel().selection()]
        return np.unique(np.concatenate(ranges)).astype(np.int64) if ranges else np.zeros(0, np.int64)

    def select_rows(self, rows: np.ndarray) -> None:
        """Select some rows, sorted, and nothing else."""
        model, chosen = self.model(), QtCore.QItemSelection()
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(rows) else ():
            chosen.select(model.index(int(run[0]), 0), model.index(int(run[-1]), model.columnCount() - 1))
        flags = QItemSelectionModel.ClearAndSelect | QItemSelectionModel.Rows
        self.selectionModel().select(chosen, flags)
        if len(rows):
            self.selectionModel().setCurrentIndex(model.index(int(rows[0]), 0), QItemSelectionModel.NoUpdate)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Paint again in another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.PaletteChange:
            self.viewport().update()
