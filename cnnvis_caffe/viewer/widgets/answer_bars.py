"""Shows the answers of a network as bars, with what they were before and for another image."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.viewer.model.image_questions import AnswerRow
from cnnvis_caffe.viewer.qt import QColor, QPainter, QPen, QRectF, QSize, QSizePolicy, Qt, QtGui, QWidget
from cnnvis_caffe.viewer.widgets import style

ROW_HEIGHT, BAR_HEIGHT = 22, 10
NAME_SHARE, NUMBER_WIDTH = 0.36, 52
#: What hiding a part changes by less has no mark.
LEAST_CHANGE = 0.005
#: Of the bar of image B, under that of A.
THIN = 4


class AnswerBars(QWidget):
    """Shows rows of answers: filled for what the network says now, outlined for what it says of the whole image."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[AnswerRow, ...] = ()
        self.setAccessibleName("Answers of the network")
        self.setMinimumHeight(3 * ROW_HEIGHT)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return room for ten rows."""
        return QSize(264, 10 * ROW_HEIGHT)

    @property
    def most(self) -> int:
        """Return how many rows have room."""
        return max(self.height() // ROW_HEIGHT, 1)

    def show_rows(self, rows: Sequence[AnswerRow]) -> None:
        """Show other answers."""
        self.rows = tuple(rows)
        self.setAccessibleDescription(", ".join(f"{row.name} {row.text}" for row in rows))
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint the rows."""
        chrome, theme = style.current(), style.current_theme()
        painter = QPainter(self)
        painter.setFont(style.text_font())
        names = round(self.width() * NAME_SHARE)
        left, room = names + style.SPACE, self.width() - names - style.SPACE - NUMBER_WIDTH
        for number, row in enumerate(self.rows):
            top = number * ROW_HEIGHT
            painter.setPen(QColor(chrome.ink))
            name = painter.fontMetrics().elidedText(row.name, Qt.ElideRight, names)
            painter.drawText(QRectF(0, top, names, ROW_HEIGHT), Qt.AlignVCenter | Qt.AlignLeft, name)
            is_hidden, has_other = row.now == row.now, row.other == row.other
            y = top + (ROW_HEIGHT - BAR_HEIGHT) / 2 - (THIN / 2 if has_other else 0)
            length = room * (row.now if is_hidden else row.whole)
            painter.fillRect(QRectF(left, y, room, BAR_HEIGHT), QColor(chrome.hover))
            painter.fillRect(QRectF(left, y, length, BAR_HEIGHT), QColor(theme.positive))
            if is_hidden and abs(row.whole - row.now) >= LEAST_CHANGE:
                painter.setPen(QPen(QColor(chrome.ink), 1.5))
                at = left + room * row.whole
                painter.drawLine(int(at), int(y - 3), int(at), int(y + BAR_HEIGHT + 3))
            if has_other:
                painter.fillRect(QRectF(left, y + BAR_HEIGHT + 1, room * row.other, THIN), QColor(theme.negative))
            painter.setPen(QColor(chrome.ink))
            place = QRectF(left + room + 4, top, NUMBER_WIDTH - 4, ROW_HEIGHT)
            painter.drawText(place, Qt.AlignVCenter | Qt.AlignRight, row.text)
        painter.end()
