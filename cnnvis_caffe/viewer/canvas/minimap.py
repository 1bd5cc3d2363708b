"""The whole scene, small, in a corner of the canvas, with a frame around what is seen."""

from __future__ import annotations

from cnnvis_caffe.viewer.canvas.canvas import Canvas
from cnnvis_caffe.viewer.qt import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRectF,
    QSize,
    Qt,
    QTimer,
    QWheelEvent,
    QWidget,
)
from cnnvis_caffe.viewer.widgets import style

MOST_PX = (220, 120)
LEAST_HEIGHT_PX = 36
MARGIN_PX = 12
#: Where everything is seen anyway it stays away.
WORTH_IT = 1.35


class Minimap(QWidget):
    """Shows where on the scene one is; a click or drag goes there."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.setAccessibleName("Minimap")
        self.setToolTip("Where you are. Click or drag to go elsewhere.")
        self.setCursor(Qt.PointingHandCursor)
        self.hide()
        self._is_wanted = True
        canvas.camera_changed.connect(self._place)
        canvas.scene_shown.connect(self._place)

    @property
    def is_wanted(self) -> bool:
        """Whether the user wants it at all."""
        return self._is_wanted

    def set_wanted(self, wanted: bool) -> None:
        """Show it where it is of use, or never."""
        self._is_wanted = wanted
        self._place()

    def _place(self) -> None:
        canvas = self._canvas
        if canvas.display is None or not self._is_wanted:
            self.hide()
            return
        scene = canvas.display.scene
        seen = canvas.width() / canvas.camera.zoom, canvas.height() / canvas.camera.zoom
        if scene.width / seen[0] < WORTH_IT and scene.height / seen[1] < WORTH_IT:
            self.hide()
            return
        scale = min(MOST_PX[0] / scene.width, MOST_PX[1] / scene.height)
        size = QSize(max(int(scene.width * scale), 40), max(int(scene.height * scale), LEAST_HEIGHT_PX))
        self.setGeometry(
            canvas.width() - size.width() - MARGIN_PX,
            canvas.height() - size.height() - MARGIN_PX,
            size.width(),
            size.height(),
        )
        if not self.isVisible():
            # The overview is painted once for a scene; not while something else waits.
            QTimer.singleShot(0, self._show)
        self.update()

    def _show(self) -> None:
        if self._canvas.display is not None and self._canvas.overview() is not None:
            self.show()
            self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the overview and the frame."""
        canvas = self._canvas
        overview = canvas.overview()
        if canvas.display is None or overview is None:
            return
        chrome = style.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing, True)
        painter.setRenderHint(QPainter.SmoothPixmapTransform, True)
        painter.fillRect(self.rect(), QColor(canvas.display.scene.ground))
        scene = canvas.display.scene
        scale = min(self.width() / scene.width, self.height() / scene.height)
        width, height = scene.width * scale, scene.height * scale
        left, top = (self.width() - width) / 2, (self.height() - height) / 2
        painter.drawPixmap(QRectF(left, top, width, height), overview, QRectF(overview.rect()))
        x0, y0 = canvas.camera.to_scene(0, 0)
        frame = QRectF(
            left + x0 * scale,
            top + y0 * scale,
            canvas.width() / canvas.camera.zoom * scale,
            canvas.height() / canvas.camera.zoom * scale,
        ).intersected(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        wash = QColor(chrome.ink)
        wash.setAlpha(18)
        painter.setBrush(wash)
        painter.setPen(QPen(QColor(chrome.ink), 1.25))
        painter.drawRoundedRect(frame, 2, 2)
        painter.setBrush(Qt.NoBrush)
        painter.setPen(QPen(QColor(chrome.line), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        painter.end()

    def _go(self, event: QMouseEvent) -> None:
        canvas = self._canvas
        if canvas.display is None:
            return
        scene = canvas.display.scene
        scale = min(self.width() / scene.width, self.height() / scene.height)
        left, top = (self.width() - scene.width * scale) / 2, (self.height() - scene.height * scale) / 2
        canvas.centre_on((event.pos().x() - left) / scale, (event.pos().y() - top) / scale)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go there."""
        self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go along."""
        self._go(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom about the middle."""
        self._canvas.zoom_by(1.25 ** (event.angleDelta().y() / 120))
        event.accept()
