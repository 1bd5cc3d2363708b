"""Shows an image of a user, with a square over it that hides a part."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.scene.explanation import SMALL_IMAGE_PX
from cnnvis_caffe.viewer.canvas.pictures import to_image
from cnnvis_caffe.viewer.qt import (
    QColor,
    QEvent,
    QImage,
    QPainter,
    QPen,
    QPointF,
    QRectF,
    QSize,
    QSizePolicy,
    Qt,
    QtGui,
    QWidget,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style

LEAST_SIDE = 96
#: Places, and what an arrow key moves the square by, in pixels of the image.
ARROWS = {Qt.Key_Up: (-1, 0), Qt.Key_Down: (1, 0), Qt.Key_Left: (0, -1), Qt.Key_Right: (0, 1)}
SIZE_KEYS = {Qt.Key_Plus: 1.0, Qt.Key_Equal: 1.0, Qt.Key_Minus: -1.0}
#: Of a wheel; what one notch of it is.
_NOTCH = 120.0


class ImageView(QWidget):
    """Shows one image, as large as there is room; a square over it follows the mouse while a button is held.

    Signals
    -------
    hidden_at : (float, float)
        The middle of the square is to lie here: row and column, in pixels of the image.
    moved : (int, int)
        It is to go so many pixels down and to the right.
    resized : float
        It is to become larger by so many steps, or smaller where they are negative.
    shown_whole : ()
        It is to go away.
    dropped : object
        A file (str) or an image (QImage) was dropped here.
    """

    hidden_at = Signal(float, float)
    moved = Signal(int, int)
    resized = Signal(float)
    shown_whole = Signal()
    dropped = Signal(object)

    def __init__(self, name: str, empty_text: str, *, hides: bool = True) -> None:
        super().__init__()
        self.empty_text, self._hides = empty_text, hides
        self._image: QImage | None = None
        self._square: tuple[int, int, int, int] | None = None
        self._fill = "#808080"
        self._is_awaited = False
        self.setAcceptDrops(True)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.StrongFocus if hides else Qt.NoFocus)
        self.setMinimumSize(LEAST_SIDE, LEAST_SIDE)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a square."""
        return QSize(264, 264)

    def set_pixels(self, pixels: np.ndarray | None) -> None:
        """Show an image, (H, W, 3) uint8 RGB, or none."""
        self._image = to_image(pixels) if pixels is not None else None
        if self._hides:
            self.setCursor(Qt.CrossCursor if pixels is not None else Qt.ArrowCursor)
        self.update()

    def set_square(self, square: tuple[int, int, int, int] | None, fill: str) -> None:
        """Show a square, y0, x0, y1, x1 in pixels of the image, in a colour."""
        self._square, self._fill = square, fill
        self.update()

    @property
    def box(self) -> QRectF:
        """Return where the image lies in the widget."""
        if self._image is None:
            return QRectF(self.rect())
        scale = min(self.width() / self._image.width(), self.height() / self._image.height())
        width, height = round(self._image.width() * scale), round(self._image.height() * scale)
        return QRectF((self.width() - width) // 2, 0, width, height)

    def place_of(self, y: float, x: float) -> QPointF:
        """Return where a pixel of the image lies in the widget."""
        box, image = self.box, self._image
        assert image is not None
        return QPointF(box.x() + x * box.width() / image.width(), box.y() + y * box.height() / image.height())

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint it."""
        chrome = style.current()
        painter = QPainter(self)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self._image is None:
            painter.setRenderHint(QPainter.Antialiasing, True)
            painter.setPen(QPen(QColor(chrome.muted), 1, Qt.DashLine))
            painter.drawRoundedRect(frame, style.CORNER, style.CORNER)
            painter.drawText(frame.adjusted(12, 12, -12, -12), Qt.AlignCenter | Qt.TextWordWrap, self.empty_text)
            painter.end()
            return
        is_large = max(self._image.width(), self._image.height()) > SMALL_IMAGE_PX
        painter.setRenderHint(QPainter.SmoothPixmapTransform, is_large)
        box = self.box
        painter.drawImage(box, self._image)
        painter.setPen(QPen(QColor(chrome.line), 1))
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        if self._square is not None:
            y0, x0, y1, x1 = self._square
            hidden = QRectF(self.place_of(y0, x0), self.place_of(y1, x1))
            painter.fillRect(hidden, QColor(self._fill))
            painter.setPen(QPen(QColor(style.current_theme().selection), 2))
            painter.drawRect(hidden)
        if self.hasFocus() and self.property("showsFocus"):
            painter.setPen(QPen(QColor(chrome.focus), 2))
            painter.drawRect(box.adjusted(1, 1, -1, -1))
        painter.end()

    # -- the square

    def _hide_at(self, at: QPointF) -> None:
        if self._image is None or not self._hides:
            return
        box = self.box
        y = (at.y() - box.y()) * self._image.height() / box.height()
        x = (at.x() - box.x()) * self._image.width() / box.width()
        self.hidden_at.emit(y, x)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Put the square where the mouse is."""
        self.setProperty("showsFocus", False)
        if event.button() == Qt.LeftButton:
            self._hide_at(event.localPos())

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Drag it."""
        if event.buttons() & Qt.LeftButton:
            self._hide_at(event.localPos())

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Take it away."""
        if self._hides:
            self.shown_whole.emit()

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:  # noqa: N802
        """Make it larger or smaller."""
        if self._hides and self._image is not None and event.angleDelta().y():
            self.resized.emit(event.angleDelta().y() / _NOTCH)

    def event(self, event: QEvent) -> bool:
        """Keep keys for the square that are shortcuts of the window elsewhere."""
        if event.type() == QEvent.ShortcutOverride and self._image is not None and self._hides:
            is_of_square = event.key() in SIZE_KEYS or (event.key() == Qt.Key_Escape and self._square is not None)
            if is_of_square and not event.modifiers() & Qt.ControlModifier:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Arrows move it, plus and minus change its size, Escape takes it away."""
        key = event.key()
        if not self._hides or self._image is None:
            super().keyPressEvent(event)
        elif key in ARROWS:
            step = max(1, round(min(self._image.width(), self._image.height()) / 32))
            self.moved.emit(*(step * way for way in ARROWS[key]))
        elif key in SIZE_KEYS:
            self.resized.emit(SIZE_KEYS[key])
        elif key == Qt.Key_Escape and self._square is not None:
            self.shown_whole.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QtGui.QFocusEvent) -> None:  # noqa: N802
        """Show the focus where it came by a key."""
        self.setProperty("showsFocus", event.reason() in (Qt.TabFocusReason, Qt.BacktabFocusReason))
        self.update()

    def focusOutEvent(self, event: QtGui.QFocusEvent) -> None:  # noqa: N802
        """Show it no more."""
        self.update()

    # -- dropping

    def dragEnterEvent(self, event: QtGui.QDragEnterEvent) -> None:  # noqa: N802
        """Take files and images."""
        mime = event.mimeData()
        if mime.hasImage() or any(url.isLocalFile() for url in mime.urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QtGui.QDropEvent) -> None:  # noqa: N802
        """Say which."""
        found = image_of(event.mimeData())
        if found is not None:
            event.acceptProposedAction()
            self.dropped.emit(found)


def image_of(mime: object) -> str | QImage | None:
    """Return the first file, else the image, of what is dropped or pasted; None where there is neither."""
    paths = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]  # type: ignore[attr-defined]
    if paths:
        return str(paths[0])
    image = QImage(mime.imageData()) if mime.hasImage() else QImage()  # type: ignore[attr-defined]
    return None if image.isNull() else image


def to_pixels(image: QImage) -> np.ndarray:
    """Return the pixels of an image of Qt, (H, W, 3) uint8 RGB."""
    plain = image.convertToFormat(QImage.Format_RGB888)
    bits = plain.constBits()
    bits.setsize(plain.bytesPerLine() * plain.height())
    rows = np.frombuffer(bits, np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : 3 * plain.width()].reshape(plain.height(), plain.width(), 3).copy()
