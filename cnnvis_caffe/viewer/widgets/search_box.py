"""Shows a search field, and below it what was found."""

from __future__ import annotations

from cnnvis_caffe.viewer.model.search import Found, search
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import (
    QColor,
    QEvent,
    QFrame,
    QLineEdit,
    QModelIndex,
    QObject,
    QPainter,
    QPoint,
    QRect,
    QSize,
    Qt,
    QtCore,
    QtGui,
    QtWidgets,
    QVBoxLayout,
    QWidget,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style

WIDTH = 240
ROW = 40
MOST_ROWS = 8


class FoundModel(QtCore.QAbstractListModel):
    """What was found."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.found: list[Found] = []

    def set_found(self, found: list[Found]) -> None:
        """Show other results."""
        self.beginResetModel()
        self.found = found
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many there are."""
        return 0 if parent.isValid() else len(self.found)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> object:
        """Return title, detail or target."""
        if not index.isValid():
            return None
        item = self.found[index.row()]
        return {Qt.DisplayRole: item.title, Qt.UserRole: item.detail, Qt.UserRole + 1: item.target}.get(role)


class _ResultDelegate(QtWidgets.QStyledItemDelegate):
    def sizeHint(self, option: QtWidgets.QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        return QSize(WIDTH, ROW)

    def paint(self, painter: QPainter, option: QtWidgets.QStyleOptionViewItem, index: QModelIndex) -> None:
        chrome = style.current()
        painter.save()
        painter.setRenderHint(QPainter.Antialiasing, True)
        if option.state & (QtWidgets.QStyle.State_Selected | QtWidgets.QStyle.State_MouseOver):
            painter.setPen(Qt.NoPen)
            painter.setBrush(QColor(chrome.hover))
            painter.drawRoundedRect(option.rect.adjusted(2, 1, -2, -1), 4, 4)
        room: QRect = option.rect.adjusted(10, 4, -10, -4)
        metrics = option.fontMetrics
        painter.setPen(QColor(chrome.ink))
        text = metrics.elidedText(index.data(), Qt.ElideMiddle, room.width())
        painter.drawText(QRect(room.x(), room.y(), room.width(), 16), Qt.AlignLeft | Qt.AlignVCenter, text)
        painter.setPen(QColor(chrome.muted))
        text = metrics.elidedText(index.data(Qt.UserRole), Qt.ElideRight, room.width())
        painter.drawText(QRect(room.x(), room.y() + 16, room.width(), 16), Qt.AlignLeft | Qt.AlignVCenter, text)
        painter.restore()


class SearchBox(QLineEdit):
    """Type a part of a layer's name, the number of a neuron, or a class.

    Signals
    -------
    chosen : Target
    """

    chosen = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setPlaceholderText("layer or neuron")
        self.setAccessibleName("Search layers, neurons and classes")
        self.setClearButtonEnabled(False)
        self.setFixedWidth(WIDTH)
        self._icon = self.addAction(style.icon("search", style.current().muted), QLineEdit.LeadingPosition)
        self.model = FoundModel(self)
        self.popup = QFrame(self.window(), Qt.Widget)
        self.popup.setObjectName("search_results")
        self.popup.setProperty("role", "card")
        layout = QVBoxLayout(self.popup)
        layout.setContentsMargins(3, 3, 3, 3)
        self.list = QtWidgets.QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_ResultDelegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.NoFocus)
        self.list.setStyleSheet("background: transparent;")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.list.setAccessibleName("What was found")
        self.empty = style.label("Nothing has that name or number.", "muted")
        self.empty.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.list)
        layout.addWidget(self.empty)
        self.popup.hide()
        self.textChanged.connect(self._search)
        self.list.clicked.connect(self._choose)
        session.analysis_changed.connect(self.clear)

    def take_focus(self) -> None:
        """Let the user type, over what stands there."""
        self.setFocus(Qt.ShortcutFocusReason)
        self.selectAll()

    def restyle(self) -> None:
        """Draw the icon in the colours of another theme."""
        self._icon.setIcon(style.icon("search", style.current().muted))

    def _search(self, text: str) -> None:
        analysis = self.session.analysis
        if analysis is None or not text.strip():
            self.popup.hide()
            return
        aggregation = self.session.aggregation
        shown = tuple(column.node for column in aggregation.columns) if aggregation is not None else ()
        self.model.set_found(search(analysis, text, shown))
        n = len(self.model.found)
        self.list.setVisible(n > 0)
        self.empty.setVisible(n == 0)
        window = self.window()
        if self.popup.parentWidget() is not window:
            self.popup.setParent(window)
        width = max(self.width(), 300)
        corner = self.mapTo(window, QPoint(self.width() - width, self.height() + 4))
        self.popup.setGeometry(corner.x(), corner.y(), width, min(max(n, 1), MOST_ROWS) * ROW + 8)
        self.popup.show()
        self.popup.raise_()
        if n:
            self.list.setCurrentIndex(self.model.index(0))

    def event(self, event: QEvent) -> bool:
        """Keep Escape and Enter from being shortcuts while somebody types."""
        if event.type() == QEvent.ShortcutOverride and event.key() in (Qt.Key_Escape, Qt.Key_Return, Qt.Key_Enter):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Up and Down choose, Enter goes there, Escape leaves."""
        step = {Qt.Key_Down: 1, Qt.Key_Up: -1}.get(event.key())
        if step is not None and self.popup.isVisible():
            row = min(max(self.list.currentIndex().row() + step, 0), len(self.model.found) - 1)
            self.list.setCurrentIndex(self.model.index(row))
        elif event.key() in (Qt.Key_Return, Qt.Key_Enter):
            if self.popup.isVisible() and self.list.currentIndex().isValid():
                self._choose(self.list.currentIndex())
        elif event.key() == Qt.Key_Escape:
            self.popup.hide()
            self.clear()
            self.clearFocus()
        else:
            super().keyPressEvent(event)

    def _choose(self, index: QModelIndex) -> None:
        target = index.data(Qt.UserRole + 1)
        self.popup.hide()
        if target is not None:
            self.chosen.emit(target)

    def focusInEvent(self, event: QtGui.QFocusEvent) -> None:  # noqa: N802
        """Search again for what stands there."""
        super().focusInEvent(event)
        self._search(self.text())

    def focusOutEvent(self, event: QtGui.QFocusEvent) -> None:  # noqa: N802
        """Put the results away."""
        super().focusOutEvent(event)
        self.popup.hide()
