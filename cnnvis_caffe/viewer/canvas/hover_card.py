"""The card at the pointer: what lies under it, in the same frame."""

from __future__ import annotations

from cnnvis_caffe.viewer.canvas.pictures import to_image
from cnnvis_caffe.viewer.model.describe import Card
from cnnvis_caffe.viewer.qt import (
    QColor,
    QFont,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    QWidget,
)
from cnnvis_caffe.viewer.widgets import style

PICTURE_PX = 56
MOST_PX = 340
AWAY_PX = 18


class HoverCard(QWidget):
    """A small card beside the pointer that never takes the pointer itself."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setAttribute(Qt.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.NoFocus)
        self._card: Card | None = None
        self._pixmap: QPixmap | None = None
        self.hide()

    @property
    def card(self) -> Card | None:
        """What it says; None while it is hidden."""
        return self._card

    def show_card(self, card: Card | None, at: QPoint) -> None:
        """Say something beside a point of the canvas; None to hide."""
        self._card = card
        if card is None:
            self.hide()
            return
        self._pixmap = None
        if card.picture is not None:
            image = to_image(card.picture)
            scale = PICTURE_PX / max(image.width(), image.height())
            self._pixmap = QPixmap.fromImage(
                image.scaled(
                    max(round(image.width() * scale), 1),
                    max(round(image.height() * scale), 1),
                    Qt.IgnoreAspectRatio,
                    Qt.SmoothTransformation if scale < 1 else Qt.FastTransformation,
                )
            )
        self.resize(self._size())
        self.move_to(at)
        self.show()
        self.raise_()
        self.update()

    def move_to(self, at: QPoint) -> None:
        """Stay beside the pointer, inside the canvas."""
        canvas = self.parentWidget()
        x, y = at.x() + AWAY_PX, at.y() + AWAY_PX
        if x + self.width() > canvas.width() - 4:
            x = at.x() - AWAY_PX - self.width()
        if y + self.height() > canvas.height() - 4:
            y = at.y() - AWAY_PX - self.height()
        self.move(max(x, 4), max(y, 4))

    def _fonts(self) -> tuple[QFont, QFont]:
        return style.text_font(style.TEXT, bold=True), style.text_font(style.TEXT)

    def _lines(self) -> list[tuple[str, str]]:
        assert self._card is not None
        rows = list(self._card.rows)
        if self._card.note:
            rows.append(("", self._card.note))
        return rows

    def _size(self) -> QSize:
        from cnnvis_caffe.viewer.qt import QtGui

        assert self._card is not None
        bold, plain = self._fonts()
        heading, text = QtGui.QFontMetrics(bold), QtGui.QFontMetrics(plain)
        width = heading.horizontalAdvance(self._card.title)
        for name, value in self._lines():
            before = text.horizontalAdvance(name + "  ") if name else 0
            width = max(width, before + text.horizontalAdvance(value))
        width = min(width + 2, MOST_PX)
        height = heading.height() + 2 + len(self._lines()) * (text.height() + 1)
        if self._pixmap is not None:
            width += self._pixmap.width() + 10
            height = max(height, self._pixmap.height())
        return QSize(width + 20, height + 14)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the card."""
        if self._card is None:
            return
        chrome = style.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing, True)
        painter.setPen(QPen(QColor(chrome.line), 1))
        painter.setBrush(QColor(chrome.field))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), style.CORNER, style.CORNER)
        bold, plain = self._fonts()
        x, y = 10, 7
        if self._pixmap is not None:
            painter.drawPixmap(x, y, self._pixmap)
            x += self._pixmap.width() + 10
        room = self.width() - x - 10
        painter.setFont(bold)
        painter.setPen(QColor(chrome.ink))
        metrics = painter.fontMetrics()
        title = metrics.elidedText(self._card.title, Qt.ElideMiddle, room)
        painter.drawText(QRect(x, y, room, metrics.height()), Qt.AlignLeft | Qt.AlignVCenter, title)
        y += metrics.height() + 2
        painter.setFont(plain)
        metrics = painter.fontMetrics()
        for name, value in self._lines():
            at = x
            if name:
                painter.setPen(QColor(chrome.muted))
                painter.drawText(at, y + metrics.ascent(), name)
                at += metrics.horizontalAdvance(name + "  ")
            note = value == self._card.note and not name
            painter.setPen(QColor(chrome.muted if note else chrome.ink))
            painter.drawText(at, y + metrics.ascent(), metrics.elidedText(value, Qt.ElideRight, x + room - at))
            y += metrics.height() + 1
        painter.end()
