"""Shows the legend under the picture, always in its own size."""

from __future__ import annotations

from cnnvis_caffe.scene.legend import LINE_HEIGHT
from cnnvis_caffe.scene.shapes import Scene
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.canvas.scene_index import Hit
from cnnvis_caffe.viewer.qt import QColor, QEvent, QPainter, QRectF, QSize, QSizePolicy, Qt, QtGui, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style


class LegendStrip(QWidget):
    """Shows the legend of a picture.

    Signals
    -------
    clicked : Hit or None
        A class, for example.
    hovered : Hit or None
    folded : ()
        Clicked beside the classes: one line becomes the whole, or the whole one line.
    """

    clicked = Signal(object)
    hovered = Signal(object)
    folded = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.display: Display | None = None
        self._height, self._width = 0, 0.0
        self._hover: Hit | None = None
        self.setMouseTracking(True)
        self.setAccessibleName("Legend")
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self.hide()

    @property
    def height_taken(self) -> int:
        """Return the height that it takes now; 0 while it is hidden."""
        return 0 if self.isHidden() else self._height

    @property
    def is_line(self) -> bool:
        """Return whether it is one line, which a click makes the whole."""
        return self.display is not None and self.display.scene.height <= LINE_HEIGHT

    def set_scene(self, scene: Scene | None) -> None:
        """Show another legend; the strip never becomes lower, or the picture would jump with every facet."""
        self.display = Display(scene) if scene is not None else None
        self.setVisible(scene is not None)
        was_line = 0 < self._height <= LINE_HEIGHT
        is_same = scene is not None and scene.width == self._width and (scene.height <= LINE_HEIGHT) == was_line
        self._height = max(self._height if is_same else 0, round(scene.height)) if scene is not None else 0
        self._width = scene.width if scene is not None else 0.0
        self.setFixedHeight(self._height)
        notes = ["Click for the whole legend", *scene.notes] if scene is not None and self.is_line else []
        self.setToolTip(style.tip(" · ".join(notes)) if notes else "")
        self._hover = None
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the height that it needs."""
        return QSize(400, self._height)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint it."""
        if self.display is None:
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.display.scene.ground))
        self.display.paint(painter, QRectF(self.rect()), 1.0)
        painter.end()

    def _hit(self, event: QtGui.QMouseEvent) -> Hit | None:
        hit = self.display.hit(event.localPos().x(), event.localPos().y(), 1.0) if self.display is not None else None
        return hit if hit is not None and hit.target.kind == "class" else None

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Say what lies under the pointer."""
        hit = self._hit(event)
        if hit != self._hover:
            self._hover = hit
            self.setCursor(Qt.PointingHandCursor if hit is not None else Qt.ArrowCursor)
            self.hovered.emit(hit)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Nothing is pointed at."""
        self._hover = None
        self.hovered.emit(None)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Answer a click."""
        hit = self._hit(event)
        if event.button() == Qt.LeftButton:
            (self.folded.emit if hit is None else lambda: self.clicked.emit(hit))()
