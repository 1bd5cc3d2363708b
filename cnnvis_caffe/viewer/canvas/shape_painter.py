"""Paints the shapes of a scene with Qt."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cnnvis_caffe.scene.lettering import font_family, text_width
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Shape, Style, Text
from cnnvis_caffe.viewer.canvas.boxes import straight_pieces
from cnnvis_caffe.viewer.canvas.pictures import PictureCache
from cnnvis_caffe.viewer.qt import QBrush, QColor, QFont, QPainter, QPainterPath, QPen, QPointF, QRectF, Qt

#: Fonts are set at this size and scaled, because Qt's own sizes in pixels are whole numbers.
FONT_PX = 32


class ShapePainter:
    """Paints shapes, and keeps their paths and pixmaps for the next time.

    Parameters
    ----------
    shapes : tuple of Shape
    """

    def __init__(self, shapes: tuple[Shape, ...]) -> None:
        self._shapes = shapes
        self._fonts: dict[str, QFont] = {}
        self._paths: dict[int, QPainterPath] = {}
        self._pictures = PictureCache()

    def paint(self, painter: QPainter, numbers: np.ndarray, zoom: float) -> None:
        """Paint some of the shapes, by their numbers, in scene units; `zoom` chooses the size of pictures."""
        painter.setRenderHint(QPainter.Antialiasing, True)
        painter.setRenderHint(QPainter.TextAntialiasing, True)
        device_zoom = zoom * painter.device().devicePixelRatioF()
        opacity = 1.0
        for i in numbers.tolist():
            shape = self._shapes[i]
            wanted = shape.opacity if isinstance(shape, (Bitmap, Text)) else shape.style.opacity
            if wanted != opacity:
                opacity = wanted
                painter.setOpacity(opacity)
            if isinstance(shape, Bitmap):
                self._paint_picture(painter, shape, device_zoom)
            elif isinstance(shape, Rectangle):
                _paint_rectangle(painter, shape)
            elif isinstance(shape, Path):
                _set_style(painter, shape.style)
                painter.drawPath(self._path(i, shape))
            else:
                self._paint_text(painter, shape)

    def _path(self, i: int, shape: Path) -> QPainterPath:
        path = self._paths.get(i)
        if path is None:
            path = self._paths[i] = painter_path(shape)
        return path

    def _paint_picture(self, painter: QPainter, shape: Bitmap, device_zoom: float) -> None:
        pixmap = self._pictures.get(shape, device_zoom)
        if pixmap is None:
            return
        painter.setRenderHint(QPainter.SmoothPixmapTransform, shape.is_smooth)
        painter.drawPixmap(
            QRectF(shape.x, shape.y, shape.width, shape.height), pixmap, QRectF(0, 0, pixmap.width(), pixmap.height())
        )

    def _paint_text(self, painter: QPainter, shape: Text) -> None:
        font = self._fonts.get(shape.weight)
        if font is None:
            font = self._fonts[shape.weight] = scene_font(shape.weight)
        painter.save()
        painter.translate(shape.x, shape.y)
        if shape.angle:
            painter.rotate(shape.angle)
        scale = shape.size / FONT_PX
        painter.scale(scale, scale)
        painter.setFont(font)
        painter.setPen(QColor(shape.colour))
        shift = 0.0
        if shape.anchor != "start":
            width = text_width(shape.text, FONT_PX, shape.weight)
            shift = -width if shape.anchor == "end" else -width / 2
        painter.drawText(QPointF(shift, 0), shape.text)
        painter.restore()


def _set_style(painter: QPainter, style: Style) -> None:
    painter.setPen(_pen(style.stroke, style.stroke_width))
    painter.setBrush(_brush(style.fill))


def _paint_rectangle(painter: QPainter, shape: Rectangle) -> None:
    style = shape.style
    box = QRectF(shape.x, shape.y, shape.width, shape.height)
    if not style.stroke and not shape.corner:
        painter.fillRect(box, _brush(style.fill))
        return
    _set_style(painter, style)
    if shape.corner:
        painter.drawRoundedRect(box, shape.corner, shape.corner)
    else:
        painter.drawRect(box)


@lru_cache(maxsize=1024)
def _pen(stroke: str, width: float) -> QPen:
    """The pen for outlines of a colour; empty for none."""
    if not stroke:
        return QPen(Qt.NoPen)
    pen = QPen(QColor(stroke), width)
    pen.setCapStyle(Qt.FlatCap)
    pen.setJoinStyle(Qt.MiterJoin)
    return pen


@lru_cache(maxsize=8192)
def _brush(fill: str) -> QBrush:
    """The brush of a colour, kept because the next picture has nearly the same patches."""
    return QBrush(QColor(fill)) if fill else QBrush(Qt.NoBrush)


def scene_font(weight: str = "regular") -> QFont:
    """Return the font of the scenes at `FONT_PX`, without hinting so that it scales."""
    font = QFont(font_family())
    font.setPixelSize(FONT_PX)
    font.setBold(weight == "bold")
    font.setHintingPreference(QFont.PreferNoHinting)
    return font


def painter_path(shape: Path) -> QPainterPath:
    """Return the curve as Qt's own."""
    points = shape.points.tolist()
    path = QPainterPath(QPointF(*points[0]))
    for k, is_straight in zip(range(1, len(points) - 2, 3), straight_pieces(shape.points)):
        (a, b), (c, d), (e, f) = points[k : k + 3]
        if is_straight:
            path.lineTo(e, f)
        else:
            path.cubicTo(a, b, c, d, e, f)
    if shape.is_closed:
        path.closeSubpath()
    return path
