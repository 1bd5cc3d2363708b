"""A scene made ready for painting: boxes for culling, prepared pens and paths, pictures at the sizes they are seen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

import numpy as np

from cnnvis_caffe.scene.lettering import font_family, text_width
from cnnvis_caffe.scene.shapes import Path, Picture, Rectangle, Scene, Shape, Style, Target, Text
from cnnvis_caffe.viewer.qt import (
    QBrush,
    QColor,
    QFont,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPointF,
    QRectF,
    Qt,
)

#: Bytes of pictures that a display keeps ready; the ones used longest ago go first.
PICTURE_BYTES = 48 << 20
#: Fonts are set at this size and scaled, because Qt's own sizes in pixels are whole numbers.
FONT_PX = 32
#: How near to a curve the pointer must be, in pixels on the screen.
NEAR_PX = 4.0


@dataclass(frozen=True)
class Hit:
    """What lies under a point.

    Attributes
    ----------
    shape : Shape
    target : Target
        Of the shape; for a cell of a matrix the neuron of its row.
    class_index : int
        The class of a matrix's column, else -1.
    """

    shape: Shape
    target: Target
    class_index: int = -1


class Display:
    """A scene, ready to be painted and asked."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.shapes = shapes = scene.shapes
        self._boxes = bounding_boxes(shapes)
        least = self._least = np.array([shape.min_zoom for shape in shapes], np.float64)
        most = self._most = np.array([shape.max_zoom for shape in shapes], np.float64)
        self._hittable = np.flatnonzero([shape.target is not None for shape in shapes])
        self._fonts: dict[str, QFont] = {}
        self._paths: dict[int, QPainterPath] = {}
        self._pictures = PictureCache()
        self._by_target: dict[Target, list[int]] | None = None
        self._by_key: dict[tuple, list[int]] = {}
        self._levels = np.unique(np.concatenate([least, most[np.isfinite(most)]])) if shapes else np.zeros(1)

    @property
    def boxes(self) -> np.ndarray:
        """Bounding boxes of the shapes, (n, 4) float64: x0, y0, x1, y1."""
        return self._boxes

    def visible(self, zoom: float) -> np.ndarray:
        """Return which shapes are painted at a zoom, (n,) bool."""
        return (self._least <= zoom) & (zoom < self._most)

    def has_same_detail(self, first: float, second: float) -> bool:
        """Whether the same shapes are painted at two zooms."""
        return bool(np.searchsorted(self._levels, first, "right") == np.searchsorted(self._levels, second, "right"))

    # -- painting

    def paint(self, painter: QPainter, region: QRectF, zoom: float) -> None:
        """Paint what lies in a region of the scene, in scene units; `zoom` chooses the level of detail."""
        boxes = self._boxes
        inside = (
            (boxes[:, 0] <= region.right())
            & (boxes[:, 2] >= region.left())
            & (boxes[:, 1] <= region.bottom())
            & (boxes[:, 3] >= region.top())
            & (self._least <= zoom)
            & (zoom < self._most)
        )
        painter.setRenderHint(QPainter.Antialiasing, True)
        painter.setRenderHint(QPainter.TextAntialiasing, True)
        device_zoom = zoom * painter.device().devicePixelRatioF()
        shapes = self.shapes
        opacity = 1.0
        for i in np.flatnonzero(inside).tolist():
            shape = shapes[i]
            if isinstance(shape, Picture):
                if shape.opacity != opacity:
                    opacity = shape.opacity
                    painter.setOpacity(opacity)
                self._paint_picture(painter, shape, device_zoom)
                continue
            wanted = shape.opacity if isinstance(shape, Text) else shape.style.opacity
            if wanted != opacity:
                opacity = wanted
                painter.setOpacity(opacity)
            if isinstance(shape, Rectangle):
                self._paint_rectangle(painter, shape)
            elif isinstance(shape, Path):
                self._set_style(painter, shape.style)
                painter.drawPath(self._path(i, shape))
            else:
                self._paint_text(painter, shape)

    def _path(self, i: int, shape: Path) -> QPainterPath:
        path = self._paths.get(i)
        if path is None:
            path = self._paths[i] = painter_path(shape)
        return path

    def _set_style(self, painter: QPainter, style: Style) -> None:
        painter.setPen(_pen(style.stroke, style.stroke_width))
        painter.setBrush(_brush(style.fill))

    def _paint_rectangle(self, painter: QPainter, shape: Rectangle) -> None:
        style = shape.style
        box = QRectF(shape.x, shape.y, shape.width, shape.height)
        if not style.stroke and not shape.corner:
            painter.fillRect(box, _brush(style.fill))
            return
        self._set_style(painter, style)
        if shape.corner:
            painter.drawRoundedRect(box, shape.corner, shape.corner)
        else:
            painter.drawRect(box)

    def _paint_picture(self, painter: QPainter, shape: Picture, device_zoom: float) -> None:
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

    # -- asking

    def hit(self, x: float, y: float, zoom: float) -> Hit | None:
        """Return the topmost thing that answers at a point of the scene; curves answer from a few pixels away."""
        near = NEAR_PX / zoom
        candidates = self._hittable
        boxes = self._boxes[candidates]
        inside = (
            (boxes[:, 0] - near <= x)
            & (x <= boxes[:, 2] + near)
            & (boxes[:, 1] - near <= y)
            & (y <= boxes[:, 3] + near)
            & (self._least[candidates] <= zoom)
            & (zoom < self._most[candidates])
        )
        for i in candidates[inside][::-1].tolist():
            shape = self.shapes[i]
            target = shape.target
            assert target is not None  # or it would not answer
            if isinstance(shape, Path):
                if self._is_near(i, shape, x, y, near):
                    return Hit(shape, target)
                continue
            x0, y0, x1, y1 = self._boxes[i]
            if not (x0 <= x <= x1 and y0 <= y <= y1):
                continue
            if isinstance(shape, Picture) and (shape.rows or shape.columns):
                return self._cell(shape, target, x, y)
            return Hit(shape, target)
        return None

    def _cell(self, shape: Picture, target: Target, x: float, y: float) -> Hit:
        class_index = -1
        if shape.rows:
            row = min(int((y - shape.y) / shape.height * len(shape.rows)), len(shape.rows) - 1)
            target = Target("neuron", target.node, (int(shape.rows[row]),), index=target.index)
        if shape.columns:
            column = min(int((x - shape.x) / shape.width * len(shape.columns)), len(shape.columns) - 1)
            class_index = int(shape.columns[column])
        return Hit(shape, target, class_index)

    def _is_near(self, i: int, shape: Path, x: float, y: float, near: float) -> bool:
        if shape.style.fill and self._path(i, shape).contains(QPointF(x, y)):
            return True
        points = flatten(shape.points)
        return distance_to_line(points, x, y) <= max(near, shape.style.stroke_width / 2)

    def indices_of(self, target: Target) -> list[int]:
        """Return the numbers of the shapes that stand for a target."""
        if self._by_target is None:
            self._by_target, self._by_key = {}, {}
            for i, shape in enumerate(self.shapes):
                if shape.target is not None:
                    self._by_target.setdefault(shape.target, []).append(i)
                    self._by_key.setdefault(_key(shape.target), []).append(i)
        return self._by_key.get(_key(target), [])

    def targets(self) -> list[Target]:
        """Return every target of the scene, in painting order."""
        self.indices_of(Target("ground"))
        assert self._by_target is not None
        return list(self._by_target)

    def find(self, kind: str, node: str = "", members: tuple[int, ...] = ()) -> Target | None:
        """Return the first target of a kind and node that has all the members."""
        wanted = set(members)
        for target in self.targets():
            if target.kind == kind and (not node or target.node == node) and wanted <= set(target.members):
                return target
        return None

    def box_of(self, target: Target) -> QRectF | None:
        """Return the box around everything that stands for a target; None if nothing does.

        A neuron that is a row of a matrix is the row's box.
        """
        numbers = self.indices_of(target)
        if not numbers and target.kind == "neuron":
            if len(target.members) > 1:
                united: QRectF | None = None
                for neuron in target.members:
                    box = self.box_of(Target("neuron", target.node, (neuron,)))
                    if box is not None:
                        united = box if united is None else united.united(box)
                return united
            return self._row_box(target)
        if not numbers:
            return None
        boxes = self._boxes[numbers]
        x0, y0 = boxes[:, :2].min(0)
        x1, y1 = boxes[:, 2:].max(0)
        return QRectF(x0, y0, x1 - x0, y1 - y0)

    def least_zoom_of(self, target: Target) -> float:
        """Return from which zoom on anything that stands for a target is painted."""
        numbers = self.indices_of(target)
        return float(self._least[numbers].min()) if numbers else 0.0

    def _row_box(self, target: Target) -> QRectF | None:
        """The row of a neuron in a matrix, else the cluster in which it is not shown for want of room."""
        for shape in self.shapes:
            if not isinstance(shape, Picture) or shape.target is None or shape.target.node != target.node:
                continue
            if target.members and target.members[0] in shape.rows:
                row = shape.rows.index(target.members[0])
                height = shape.height / len(shape.rows)
                return QRectF(shape.x, shape.y + row * height, shape.width, height)
        cluster = self.find("cluster", target.node, target.members)
        return self.box_of(cluster) if cluster is not None else None

    def boxes_by(self, kinds: tuple[str, ...]) -> dict[str, QRectF]:
        """Return by node the box around all shapes whose target is of one of the kinds."""
        found: dict[str, list[int]] = {}
        for target in self.targets():
            if target.kind in kinds and target.node:
                found.setdefault(target.node, []).extend(self.indices_of(target))
        result = {}
        for node, numbers in found.items():
            boxes = self._boxes[numbers]
            x0, y0, x1, y1 = boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()
            result[node] = QRectF(x0, y0, x1 - x0, y1 - y0)
        return result


def _key(target: Target) -> tuple:
    """What makes two targets the same thing: numbers of clusters and of bundles' curves change from scene to scene."""
    return target.kind, target.node, target.members, target.other_node, target.other_members, target.sign


@lru_cache(maxsize=1024)
def _pen(stroke: str, width: float) -> QPen:
    """What draws outlines of a colour; none of no colour."""
    if not stroke:
        return QPen(Qt.NoPen)
    pen = QPen(QColor(stroke), width)
    pen.setCapStyle(Qt.FlatCap)
    pen.setJoinStyle(Qt.MiterJoin)
    return pen


@lru_cache(maxsize=8192)
def _brush(fill: str) -> QBrush:
    """What fills with a colour; the next picture has nearly the same patches."""
    return QBrush(QColor(fill)) if fill else QBrush(Qt.NoBrush)


class PictureCache:
    """Pixmaps of pictures in the size in which they are seen, up to `PICTURE_BYTES`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], QPixmap] = OrderedDict()
        self._bytes = 0

    def get(self, shape: Picture, zoom: float) -> QPixmap | None:
        """Return the pixmap, halved as often as it still has more pixels than are seen; None for empty pictures."""
        height, width = shape.pixels.shape[:2]
        if not height or not width:
            return None
        level = 0
        if shape.is_smooth:
            wanted = max(shape.width * zoom, 1.0)
            while width >> (level + 1) >= wanted and height >> (level + 1) >= 1 and level < 6:
                level += 1
        key = (shape.name, level)
        pixmap = self._kept.get(key)
        if pixmap is not None:
            self._kept.move_to_end(key)
            return pixmap
        pixmap = QPixmap.fromImage(to_image(halved(shape.pixels, level)))
        self._kept[key] = pixmap
        self._bytes += pixmap.width() * pixmap.height() * 4
        while self._bytes > PICTURE_BYTES and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.width() * old.height() * 4
        return pixmap


def halved(pixels: np.ndarray, level: int) -> np.ndarray:
    """Return an image with each block of 2**level pixels a side as its mean, (h, w, 3) uint8."""
    if level == 0:
        return pixels
    size = 1 << level
    height, width = pixels.shape[0] // size * size, pixels.shape[1] // size * size
    blocks = pixels[:height, :width].reshape(height // size, size, width // size, size, 3)
    return blocks.mean((1, 3), dtype=np.float32).round().astype(np.uint8)


def to_image(pixels: np.ndarray) -> QImage:
    """Return a QImage with its own copy of the pixels, (h, w, 3) uint8 RGB."""
    pixels = np.ascontiguousarray(pixels, np.uint8)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 3 * width, QImage.Format_RGB888).copy()


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


def straight_pieces(points: np.ndarray) -> list[bool]:
    """Return which pieces of a curve are straight lines, which Qt paints in a fraction of the time of curves."""
    start, first, second, end = points[:-1:3], points[1::3], points[2::3], points[3::3]
    step = (end - start) / 3
    off = np.abs(first - start - step) + np.abs(end - second - step)
    return (off.max(1) < 1e-6).tolist()


def flatten(points: np.ndarray, steps: int = 12) -> np.ndarray:
    """Return points along a curve of cubic Béziers, (n, 2)."""
    if len(points) < 4:
        return points
    t = np.linspace(0, 1, steps)[:, None]
    pieces = []
    for k in range(0, len(points) - 3, 3):
        a, b, c, d = points[k : k + 4]
        pieces.append((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d)
    return np.concatenate(pieces)


def distance_to_line(points: np.ndarray, x: float, y: float) -> float:
    """Return the distance of a point to a polyline."""
    start, step = points[:-1], np.diff(points, axis=0)
    length = np.maximum((step**2).sum(1), 1e-12)
    along = (((x, y) - start) * step).sum(1) / length
    nearest = start + np.clip(along, 0, 1)[:, None] * step
    return float(np.sqrt(((nearest - (x, y)) ** 2).sum(1).min()))


_placed = attrgetter("x", "y", "width", "height")


def bounding_boxes(shapes: Sequence[Shape]) -> np.ndarray:
    """Return what `bounding_box` says of each shape, (n, 4) float64; patches, nearly all of them, are done together."""
    boxes = np.empty((len(shapes), 4))
    patches: list[int] = []
    others: list[int] = []
    for number, shape in enumerate(shapes):
        (patches if isinstance(shape, (Picture, Rectangle)) else others).append(number)
    if patches:
        mine = [shapes[number] for number in patches]
        places = np.array(list(map(_placed, mine)), np.float64)
        half = np.array(
            [
                shape.style.stroke_width / 2 if isinstance(shape, Rectangle) and shape.style.stroke else 0.0
                for shape in mine
            ]
        )[:, None]
        boxes[patches, :2] = places[:, :2] - half
        boxes[patches, 2:] = places[:, :2] + places[:, 2:] + half
    if others:
        boxes[others] = [bounding_box(shapes[number]) for number in others]
    return boxes


def bounding_box(shape: Shape) -> tuple[float, float, float, float]:
    """Return x0, y0, x1, y1 of everything that a shape paints."""
    if isinstance(shape, Path):
        half = shape.style.stroke_width / 2 if shape.style.stroke else 0.0
        x0, y0 = shape.points.min(0)
        x1, y1 = shape.points.max(0)
        return x0 - half, y0 - half, x1 + half, y1 + half
    if isinstance(shape, Text):
        width = text_width(shape.text, shape.size, shape.weight)
        left = {"start": 0.0, "middle": -width / 2, "end": -width}[shape.anchor]
        if shape.angle:
            reach = width + shape.size
            return shape.x - reach, shape.y - reach, shape.x + reach, shape.y + reach
        return shape.x + left, shape.y - shape.size, shape.x + left + width, shape.y + 0.35 * shape.size
    half = shape.style.stroke_width / 2 if isinstance(shape, Rectangle) and shape.style.stroke else 0.0
    return shape.x - half, shape.y - half, shape.x + shape.width + half, shape.y + shape.height + half
