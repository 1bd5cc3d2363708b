"""Lists what the rules have looked at, with a bar that says how near each is to its limit."""

from __future__ import annotations

from cnnvis_caffe.findings.checked import CheckedRule
from cnnvis_caffe.viewer.qt import (
    QColor,
    QModelIndex,
    QPainter,
    QRect,
    QRectF,
    QSize,
    Qt,
    QtCore,
    QtGui,
    QtWidgets,
    QWidget,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style

RULE = Qt.UserRole + 1
SIDE, ABOVE, BAR = 12, 7, 3


class CheckedModel(QtCore.QAbstractListModel):
    """Rules in their order."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rules: tuple[CheckedRule, ...] = ()

    def set_rules(self, rules: tuple[CheckedRule, ...]) -> None:
        """Show others."""
        self.beginResetModel()
        self.rules = rules
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many there are."""
        return 0 if parent.isValid() else len(self.rules)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> object:
        """Return the title, the rule, or what is said to those who cannot see it."""
        if not index.isValid():
            return None
        rule = self.rules[index.row()]
        if role == Qt.DisplayRole:
            return rule.title
        if role == Qt.AccessibleTextRole:
            return f"{rule.title}: {rule.nearness_words}; {rule.words}"
        return rule if role == RULE else None


class _Delegate(QtWidgets.QStyledItemDelegate):
    """Paints a rule: its title, how near it is in words and as a bar, and the value behind it."""

    def sizeHint(self, option: QtWidgets.QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        view = self.parent()
        width = view.viewport().width() - 2 * SIDE
        metrics = QtGui.QFontMetrics(style.text_font())
        box = metrics.boundingRect(QRect(0, 0, max(width, 40), 10_000), Qt.TextWordWrap, index.data(RULE).words)
        return QSize(width, metrics.height() + box.height() + BAR + 2 * ABOVE + 6)

    def paint(self, painter: QPainter, option: QtWidgets.QStyleOptionViewItem, index: QModelIndex) -> None:
        chrome, theme = style.current(), style.current_theme()
        rule: CheckedRule = index.data(RULE)
        painter.save()
        painter.setRenderHint(QPainter.Antialiasing, True)
        if option.state & (QtWidgets.QStyle.State_Selected | QtWidgets.QStyle.State_MouseOver):
            painter.setPen(Qt.NoPen)
            painter.setBrush(QColor(chrome.hover))
            painter.drawRoundedRect(QRectF(option.rect).adjusted(4, 1, -4, -1), 4, 4)
        painter.setFont(style.text_font())
        room = option.rect.adjusted(SIDE, ABOVE, -SIDE, -ABOVE)
        line = painter.fontMetrics().height()
        near = rule.nearness_words.replace(" its limit", "").replace(" of", "")  # the bar says of what
        painter.setPen(QColor(theme.negative if rule.nearness >= 1 else chrome.muted))
        painter.drawText(QRect(room.left(), room.top(), room.width(), line), Qt.AlignRight, near)
        painter.setPen(QColor(chrome.ink if rule.nearest is not None else chrome.muted))
        wide = room.width() - painter.fontMetrics().horizontalAdvance(near) - 8
        title = painter.fontMetrics().elidedText(rule.title, Qt.ElideMiddle, wide)
        painter.drawText(QRect(room.left(), room.top(), wide, line), Qt.AlignLeft, title)
        bar = QRectF(room.left(), room.top() + line + 2, room.width(), BAR)
        painter.setPen(Qt.NoPen)
        painter.setBrush(QColor(chrome.line))
        painter.drawRoundedRect(bar, BAR / 2, BAR / 2)
        if rule.nearness > 0:
            bar.setWidth(max(bar.width() * min(rule.nearness, 1.0), BAR))
            painter.setBrush(QColor(theme.negative if rule.nearness >= 1 else theme.neutral))
            painter.drawRoundedRect(bar, BAR / 2, BAR / 2)
        painter.setPen(QColor(chrome.muted))
        painter.drawText(room.adjusted(0, line + BAR + 6, 0, 0), Qt.TextWordWrap | Qt.AlignLeft, rule.words)
        painter.restore()


class CheckedList(QtWidgets.QListView):
    """The list.

    Signals
    -------
    chosen : str
        The layer with the value that is nearest to its limit.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rules = CheckedModel(self)
        self.setModel(self.rules)
        self.setItemDelegate(_Delegate(self))
        self.setAccessibleName("What was checked")
        self.setMouseTracking(True)
        self.setResizeMode(QtWidgets.QListView.Adjust)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QtWidgets.QListView.ScrollPerPixel)
        self.clicked.connect(self._clicked)
        self.activated.connect(self._clicked)

    def _clicked(self, index: QModelIndex) -> None:
        rule = index.data(RULE)
        if rule is not None and rule.nearest is not None and rule.nearest.place.node:
            self.chosen.emit(rule.nearest.place.node)
