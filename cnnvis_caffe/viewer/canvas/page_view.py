"""Shows a scene as a page to scroll: as wide as the window, with things that answer to the pointer."""

from __future__ import annotations

from cnnvis_caffe.scene.shapes import Scene
from cnnvis_caffe.viewer.canvas.boxes import bounding_box
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.canvas.scene_index import Hit
from cnnvis_caffe.viewer.qt import (
    QColor,
    QEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPoint,
    QRectF,
    QResizeEvent,
    QSize,
    Qt,
    QTransform,
    QtWidgets,
    QWidget,
    Signal,
)

MAX_ZOOM = 1.25
MIN_ZOOM = 0.82  # the small type of 11 has 9 pixels then


class _Sheet(QWidget):
    """The page itself."""

    def __init__(self, view: PageView) -> None:
        super().__init__()
        self._view = view
        self.setMouseTracking(True)
        self.setAttribute(Qt.WA_OpaquePaintEvent)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        display, zoom = self._view.display, self._view.zoom
        painter = QPainter(self)
        if display is None:
            painter.fillRect(event.rect(), QColor(self._view.ground))
            painter.end()
            return
        painter.fillRect(event.rect(), QColor(display.scene.ground))
        left = self._view.left
        box = QRectF(event.rect())
        painter.setTransform(QTransform(zoom, 0, 0, zoom, left, 0))
        display.paint(
            painter, QRectF((box.x() - left) / zoom, box.y() / zoom, box.width() / zoom, box.height() / zoom), zoom
        )
        hit = self._view.hover
        if hit is not None and hit.target.kind in ("neuron", "image", "point", "class", "cell", "cluster"):
            place = display.box_of(hit.target) if hit.target.kind not in ("image", "cell") else _box(hit)
            if place is not None:
                painter.setOpacity(1.0)
                painter.setBrush(Qt.NoBrush)
                painter.setPen(QPen(QColor(self._view.ink), 1.25 / zoom))
                painter.drawRoundedRect(place.adjusted(-1, -1, 1, 1), 2, 2)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._view.point_at(event.localPos())

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.LeftButton:
            self._view.press(event.localPos())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._view.press(event.localPos(), twice=True)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self._view.set_hover(None)


def _box(hit: Hit) -> QRectF:
    assert hit.shape is not None  # names over the scene are the picture's alone
    x0, y0, x1, y1 = bounding_box(hit.shape)
    return QRectF(x0, y0, x1 - x0, y1 - y0)


class PageView(QtWidgets.QScrollArea):
    """A scene that is scrolled.

    Signals
    -------
    hovered, clicked, double_clicked : Hit or None
    """

    hovered = Signal(object)
    clicked = Signal(object)
    double_clicked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QtWidgets.QFrame.NoFrame)
        self.setFocusPolicy(Qt.StrongFocus)
        self.display: Display | None = None
        self.zoom, self.left = 1.0, 0.0
        self.ground, self.ink = "#FFFFFF", "#000000"
        self.hover: Hit | None = None
        self._sheet = _Sheet(self)
        self.setWidget(self._sheet)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarAsNeeded)
        # A page is lower where it is narrower: a bar that comes when it is needed would come and go for ever.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarAlwaysOn)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size for a page."""
        return QSize(900, 640)

    def set_scene(self, scene: Scene, ground: str, ink: str) -> None:
        """Show another page."""
        self.display = Display(scene)
        self.ground, self.ink = ground, ink
        self.hover = None
        self.setAccessibleName(scene.title)
        self.setAccessibleDescription(scene.description)
        self._fit()

    def _fit(self) -> None:
        if self.display is None:
            return
        scene, width = self.display.scene, self.viewport().width()
        self.zoom = min(max(width / scene.width, MIN_ZOOM), MAX_ZOOM)
        wide = max(round(scene.width * self.zoom), width)
        self.left = max((wide - scene.width * self.zoom) / 2, 0.0)
        self._sheet.resize(wide, max(round(scene.height * self.zoom), self.viewport().height()))
        self._sheet.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the page as wide as the window."""
        super().resizeEvent(event)
        self._fit()

    def _hit(self, at: QPoint) -> Hit | None:
        if self.display is None:
            return None
        return self.display.hit((at.x() - self.left) / self.zoom, at.y() / self.zoom, self.zoom)

    def point_at(self, at: QPoint) -> None:
        """Follow the pointer."""
        self.set_hover(self._hit(at))

    def set_hover(self, hit: Hit | None) -> None:
        """Say what lies under the pointer."""
        if hit != self.hover:
            self.hover = hit
            leads = hit is not None and hit.target.kind in ("neuron", "class", "cell", "cluster")
            self._sheet.setCursor(Qt.PointingHandCursor if leads else Qt.ArrowCursor)
            self.hovered.emit(hit)
            self._sheet.update()

    def press(self, at: QPoint, *, twice: bool = False) -> None:
        """Answer a click."""
        (self.double_clicked if twice else self.clicked).emit(self._hit(at))
