"""Marks over the scene: what is selected, what is under the pointer, a neuron that is dragged."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.shapes import Path, Target
from cnnvis_caffe.scene.theme import Theme
from cnnvis_caffe.viewer.canvas.boxes import Box
from cnnvis_caffe.viewer.canvas.camera import Camera
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.canvas.dragging import Drop
from cnnvis_caffe.viewer.canvas.heads import TEXT_PX, Label
from cnnvis_caffe.viewer.canvas.shape_painter import painter_path, scene_font
from cnnvis_caffe.viewer.qt import QColor, QPainter, QPen, QPixmap, QPointF, QRectF, Qt, QTransform

SELECTED_PX = 2.0
HOVER_PX = 1.5
#: Size of a dragged neuron: at least, and at most.
GHOST_LEAST_PX, GHOST_MOST_PX = 32.0, 96.0


def on_screen(box: Box, camera: Camera) -> QRectF:
    """Return a box of the scene in pixels."""
    x, y = camera.to_screen(box.x, box.y)
    return QRectF(x, y, box.width * camera.zoom, box.height * camera.zoom)


def outline(painter: QPainter, display: Display, camera: Camera, target: Target, colour: str, width: float) -> None:
    """Draw a frame around what stands for a target; curves are drawn at their full strength."""
    painter.setBrush(Qt.NoBrush)
    painter.setRenderHint(QPainter.Antialiasing, True)
    if target.kind in ("edge", "bicluster"):
        _outline_connection(painter, display, camera, target, colour, width)
        return
    place = display.place_of(target)
    if place is not None:
        out = 1.0 if target.kind == "neuron" else 2.0
        painter.setPen(QPen(QColor(colour), width))
        painter.drawRoundedRect(on_screen(place, camera).adjusted(-out, -out, out, out), 2 + out, 2 + out)


def _outline_connection(
    painter: QPainter, display: Display, camera: Camera, target: Target, colour: str, width: float
) -> None:
    zoom = camera.zoom
    painter.save()
    painter.setTransform(QTransform(zoom, 0, 0, zoom, -camera.x * zoom, -camera.y * zoom), True)
    for i in display.numbers_of(target):
        shape = display.shapes[i]
        if isinstance(shape, Path) and not shape.style.fill:
            painter.setPen(QPen(QColor(shape.style.stroke), max(shape.style.stroke_width, 1.5 / zoom)))
            painter.drawPath(painter_path(shape))
        else:
            x0, y0, x1, y1 = display.boxes[i]
            painter.setPen(QPen(QColor(colour), width / zoom))
            painter.drawRoundedRect(QRectF(x0, y0, x1 - x0, y1 - y0), 2, 2)
    painter.restore()


def announce(painter: QPainter, display: Display, camera: Camera, target: Target, colour: str) -> None:
    """Show what a menu's entry would change: washed and framed with dashes, a bundle with all its curves."""
    painter.setRenderHint(QPainter.Antialiasing, True)
    if target.kind == "bicluster":
        for curve in display.curves_of(target):
            _outline_connection(painter, display, camera, curve, colour, SELECTED_PX)
    place = display.place_of(target)
    if place is not None:
        wash = QColor(colour)
        wash.setAlpha(48)
        painter.setBrush(wash)
        painter.setPen(QPen(QColor(colour), SELECTED_PX, Qt.DashLine))
        painter.drawRoundedRect(on_screen(place, camera).adjusted(-3, -3, 3, 3), 4, 4)


def write_name(painter: QPainter, display: Display, camera: Camera, target: Target, name: str, theme: Theme) -> None:
    """Write what a menu calls a cluster into its corner, or a bundle beside its bar."""
    place = display.place_of(target)
    if place is None:
        return
    font = scene_font("bold")
    font.setPixelSize(round(TEXT_PX))
    painter.setFont(font)
    width, height = max(text_width(name, TEXT_PX, "bold") + 6, 14.0), 14.0
    box, is_bar = on_screen(place, camera), target.kind == "bicluster"
    x = box.right() + 3 if is_bar else box.left()
    y = box.center().y() - height / 2 if is_bar else box.top()
    pill = QRectF(x, y, width, height)
    painter.setPen(Qt.NoPen)
    painter.setBrush(QColor(theme.ink))
    painter.drawRoundedRect(pill, 3, 3)
    painter.setPen(QColor(theme.ground))
    painter.drawText(pill, Qt.AlignCenter, name)


def draw_band(painter: QPainter, band: QRectF, theme: Theme) -> None:
    """Draw the band that neurons are selected with."""
    wash = QColor(theme.selection)
    wash.setAlpha(32)
    painter.setRenderHint(QPainter.Antialiasing, False)
    painter.setBrush(wash)
    painter.setPen(QPen(QColor(theme.selection), 1, Qt.DashLine))
    painter.drawRect(band)


def draw_labels(painter: QPainter, labels: Sequence[Label], theme: Theme) -> None:
    """Write names over the scene."""
    font = scene_font("bold")
    font.setPixelSize(round(TEXT_PX))
    painter.setFont(font)
    painter.setPen(QColor(theme.ink))
    for label in labels:
        painter.save()
        painter.translate(label.x, label.y)
        painter.rotate(label.angle)
        ground = QColor(theme.ground)
        ground.setAlphaF(0.8)
        painter.fillRect(QRectF(-1, -TEXT_PX, label.width + 2, 1.3 * TEXT_PX), ground)
        painter.drawText(QPointF(0, 0), label.text)
        painter.restore()


class Ghost:
    """The picture of a neuron that is dragged, beside the pointer.

    Attributes
    ----------
    neuron : Target
    at : QPointF
        Where the pointer is.
    drop : Drop
        What letting go would do.
    """

    def __init__(self, display: Display, camera: Camera, neuron: Target, ratio: float, ground: str) -> None:
        self.neuron = neuron
        self.at = QPointF()
        self.drop = Drop()
        self._pixmap = _cut_out(display, camera, neuron, ratio, ground)

    def draw(self, painter: QPainter, display: Display, camera: Camera, theme: Theme) -> None:
        """Draw the cluster that it would join, itself, and words that say what letting go does."""
        painter.setRenderHint(QPainter.Antialiasing, True)
        place = display.place_of(self.drop.cluster) if self.drop.cluster is not None else None
        if place is not None:
            wash = QColor(theme.selection)
            wash.setAlpha(40)
            painter.setBrush(wash)
            painter.setPen(QPen(QColor(theme.selection), 2))
            painter.drawRoundedRect(on_screen(place, camera).adjusted(-2, -2, 2, 2), 5, 5)
        ratio = self._pixmap.devicePixelRatio()
        size = self._pixmap.width() / ratio, self._pixmap.height() / ratio
        frame = QRectF(self.at.x() + 6, self.at.y() + 6, *size)
        painter.setOpacity(0.9)
        painter.drawPixmap(frame.topLeft(), self._pixmap)
        painter.setOpacity(1.0)
        painter.setBrush(Qt.NoBrush)
        pen = QPen(QColor(theme.selection if self.drop.is_allowed else theme.muted), 2)
        if self.drop.is_allowed and self.drop.cluster is None:
            pen.setStyle(Qt.DashLine)
        painter.setPen(pen)
        painter.drawRoundedRect(frame.adjusted(-1, -1, 1, 1), 3, 3)
        self._draw_words(painter, frame, theme)

    def _draw_words(self, painter: QPainter, frame: QRectF, theme: Theme) -> None:
        text, metrics = self.drop.words, painter.fontMetrics()
        width, height = metrics.horizontalAdvance(text) + 12, metrics.height() + 4
        label = QRectF(frame.left() - 1, frame.bottom() + 5, width, height)
        painter.setPen(Qt.NoPen)
        painter.setBrush(QColor(theme.ink))
        painter.drawRoundedRect(label, 3, 3)
        painter.setPen(QColor(theme.ground))
        painter.drawText(label, Qt.AlignCenter, text)


def _cut_out(display: Display, camera: Camera, neuron: Target, ratio: float, ground: str) -> QPixmap:
    """A neuron's part of the scene, in a size that can be seen."""
    place = display.place_of(neuron) or Box(0, 0, 16, 16)
    side = on_screen(place, camera).size()
    scale = min(max(GHOST_LEAST_PX / max(side.width(), side.height(), 1), 1.0), 8.0)
    width, height = min(side.width() * scale, GHOST_MOST_PX), min(max(side.height() * scale, 10), GHOST_MOST_PX)
    pixmap = QPixmap(max(round(width * ratio), 1), max(round(height * ratio), 1))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(QColor(ground))
    painter = QPainter(pixmap)
    zoom = camera.zoom * scale
    painter.setTransform(QTransform(zoom, 0, 0, zoom, -place.x * zoom, -place.y * zoom))
    display.paint(painter, QRectF(*place), zoom)
    painter.end()
    return pixmap
