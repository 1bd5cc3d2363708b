"""Lists what an expert would point at; each finding leads to its place."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnvis_caffe.findings.checked import checked_rules
from cnnvis_caffe.records.finding import Examination, Finding
from cnnvis_caffe.text.words import figure, percent
from cnnvis_caffe.viewer.panels.checked_list import CheckedList
from cnnvis_caffe.viewer.qt import (
    QColor,
    QHBoxLayout,
    QModelIndex,
    QObject,
    QPainter,
    QPen,
    QPointF,
    QRect,
    QRectF,
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

FINDING = Qt.UserRole + 1


class FindingsModel(QtCore.QAbstractListModel):
    """Findings in their order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.findings: tuple[Finding, ...] = ()

    def set_findings(self, findings: tuple[Finding, ...]) -> None:
        """Show others."""
        self.beginResetModel()
        self.findings = tuple(findings)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many there are."""
        return 0 if parent.isValid() else len(self.findings)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> object:
        """Return the title, the finding, or what is said to those who cannot see it."""
        if not index.isValid():
            return None
        finding = self.findings[index.row()]
        if role == Qt.DisplayRole:
            return finding.title
        if role == Qt.AccessibleTextRole:
            return f"{finding.severity}: {finding.title}"
        if role == FINDING:
            return finding
        return None


#: Room beside the words of a finding, in pixels.
LEFT, RIGHT = 27, 10


class _FindingDelegate(QtWidgets.QStyledItemDelegate):
    """A dot, filled where it is severe, and the title in as many lines as it needs."""

    def _layout(self, option: QtWidgets.QStyleOptionViewItem, index: QModelIndex) -> tuple[QRect, int]:
        width = max(option.widget.viewport().width(), 120) if option.widget is not None else 220
        metrics = QtGui.QFontMetrics(style.text_font())
        room = QRect(0, 0, width - 4 - LEFT - RIGHT, 1000)
        box = metrics.boundingRect(room, Qt.TextWordWrap, index.data())
        return box, width

    def sizeHint(self, option: QtWidgets.QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: N802
        box, width = self._layout(option, index)
        return QSize(width - 4, box.height() + 14)

    def paint(self, painter: QPainter, option: QtWidgets.QStyleOptionViewItem, index: QModelIndex) -> None:
        chrome = style.current()
        theme = style.current_theme()
        finding: Finding = index.data(FINDING)
        painter.save()
        painter.setRenderHint(QPainter.Antialiasing, True)
        area = QRectF(option.rect).adjusted(4, 1, -4, -1)
        chosen = bool(option.state & QtWidgets.QStyle.State_Selected)
        under = bool(option.state & QtWidgets.QStyle.State_MouseOver)
        focus = bool(option.state & QtWidgets.QStyle.State_HasFocus)
        if chosen or under:
            painter.setPen(QPen(QColor(chrome.focus), 1) if focus and chosen else QPen(Qt.NoPen))
            painter.setBrush(QColor(chrome.hover))
            painter.drawRoundedRect(area, 4, 4)
        severe = finding.severity == "severe"
        colour = QColor(theme.negative if severe else chrome.muted)
        painter.setPen(QPen(colour, 1.5))
        painter.setBrush(colour if severe else Qt.NoBrush)
        painter.drawEllipse(QPointF(area.left() + 11, area.top() + 13.5), 3.75, 3.75)
        painter.setPen(QColor(chrome.ink))
        painter.setFont(style.text_font())
        room = option.rect.adjusted(LEFT, 6, -RIGHT, -6)
        painter.drawText(room, Qt.TextWordWrap | Qt.AlignLeft | Qt.AlignTop, finding.title)
        painter.restore()


class FindingsPanel(QWidget):
    """The list, and below it what the chosen finding means and what to try.

    Signals
    -------
    chosen : Finding
        Show it.
    layer_chosen : str
        A layer of what was checked.
    """

    chosen = Signal(object)
    layer_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.state = style.label("", "muted", wrap=True)
        self.state.setContentsMargins(style.MARGIN, style.SPACE, style.MARGIN, style.SPACE)
        layout.addWidget(self.state)
        self.model = FindingsModel(self)
        self.list = QtWidgets.QListView()
        self.list.setAccessibleName("Findings")
        self.list.setModel(self.model)
        self.list.setItemDelegate(_FindingDelegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setResizeMode(QtWidgets.QListView.Adjust)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.list.setVerticalScrollMode(QtWidgets.QListView.ScrollPerPixel)
        self.list.clicked.connect(self._clicked)
        self.list.activated.connect(self._clicked)
        self.list.selectionModel().currentChanged.connect(lambda index, _: self._explain(index))
        layout.addWidget(self.list, 3)
        self.detail = QtWidgets.QScrollArea()
        self.detail.setAccessibleName("About the finding")
        self.detail.setWidgetResizable(True)
        self.detail.setFrameShape(QtWidgets.QFrame.NoFrame)
        self.detail.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        body = QWidget()
        inner = QVBoxLayout(body)
        inner.setContentsMargins(style.MARGIN, style.SPACE, style.MARGIN, style.MARGIN)
        inner.setSpacing(6)
        self._explanation, self._suggestion = style.label(wrap=True), style.label(wrap=True)
        self._evidence = style.label(role="muted", wrap=True)
        for widget in (self._explanation, self._evidence, style.label("What to try", "section"), self._suggestion):
            inner.addWidget(widget)
        for widget in (self._explanation, self._suggestion, self._evidence):
            widget.setTextInteractionFlags(Qt.TextSelectableByMouse)
        inner.addStretch(1)
        self.detail.setWidget(body)
        layout.addStretch(0)
        self._line = style.rule()
        layout.addWidget(self._line)
        layout.addWidget(self.detail, 2)
        self.checked = CheckedList()
        self.checked.chosen.connect(self.layer_chosen)
        layout.addWidget(self.checked, 3)
        self.shows_checked = QtWidgets.QPushButton()
        self.shows_checked.setCheckable(True)
        self.shows_checked.setToolTip("The rules, the value of each that is nearest to its limit, and how near it is")
        self.shows_checked.toggled.connect(lambda _: self._arrange())
        foot = QHBoxLayout()
        foot.setContentsMargins(style.MARGIN, style.SPACE, style.MARGIN, style.SPACE)
        foot.addWidget(self.shows_checked)
        layout.addLayout(foot)
        self.show_state("Open an analysis to see what stands out in it.")

    def show_state(self, text: str) -> None:
        """Say why there is no list."""
        self.model.set_findings(())
        self.state.setText(text)
        self.state.setVisible(bool(text))
        self.layout().setStretch(2, 1 if text else 0)
        self.checked.rules.set_rules(())
        self._arrange()

    def show_findings(self, found: Examination, columns: Sequence[str] = ()) -> None:
        """Show findings, and what was checked; `columns` are the names of the classes."""
        self.show_state("" if found.findings else "Nothing stands out. That is good.")
        self.model.set_findings(found.findings)
        rules = checked_rules(found, columns)
        self.checked.rules.set_rules(tuple(rules))
        n_judged = sum(rule.nearest is not None for rule in rules)
        text = f"What was checked: {n_judged} of {len(rules)} rules"
        self.shows_checked.setText(text)
        self.shows_checked.setChecked(not found.findings)
        self._arrange()

    def _arrange(self) -> None:
        """Show what was checked or what was found, whichever is asked for."""
        has_rules, has_findings = bool(self.checked.rules.rules), bool(self.model.findings)
        shows_checked = has_rules and self.shows_checked.isChecked()
        self.shows_checked.setVisible(has_rules and has_findings)
        self.checked.setVisible(shows_checked)
        self.list.setVisible(has_findings and not shows_checked)
        has_chosen = not self.list.isHidden() and self.list.selectionModel().hasSelection()
        self._explain(self.list.currentIndex() if has_chosen else QModelIndex())
        self.layout().setStretch(2, 0 if has_findings or has_rules else 1)

    def _explain(self, index: QModelIndex) -> None:
        finding = index.data(FINDING) if index.isValid() else None
        self.detail.setVisible(finding is not None)
        self._line.setVisible(finding is not None)
        if finding is None:
            return
        self._explanation.setText(finding.explanation)
        self._suggestion.setText(finding.suggestion)
        lines = []
        for one in finding.evidence:
            if math.isfinite(one.value):
                value = percent(one.value) if one.unit == "%" else f"{figure(one.value)} {one.unit}".strip()
                lines.append(f"{one.name}: {value}" + (f" (usual: {one.usual})" if one.usual else ""))
        self._evidence.setText("\n".join(lines))

    def _clicked(self, index: QModelIndex) -> None:
        finding = index.data(FINDING)
        if finding is not None:
            self._explain(index)
            self.chosen.emit(finding)
