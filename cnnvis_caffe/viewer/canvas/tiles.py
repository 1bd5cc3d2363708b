"""The painted scene in squares: moving over it costs next to nothing, and painting takes small bites."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from cnnvis_caffe.viewer.canvas.camera import Camera
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.qt import QColor, QPainter, QPixmap, QPointF, QRectF, QTransform

#: Of a square, in pixels of the screen itself; on screens of high density that is less than in pixels of the window.
SIDE_PX = 256
#: Squares beyond those in sight that are kept, in multiples of them.
KEPT = 3


class Tiles:
    """The squares of one display at one zoom."""

    def __init__(self, display: Display, zoom: float, ratio: float) -> None:
        self.display, self.zoom, self.ratio = display, zoom, ratio
        self._side = SIDE_PX / ratio / zoom
        self._painted: dict[tuple[int, int], QPixmap] = {}

    def _keys(self, camera: Camera, width: int, height: int) -> Iterator[tuple[int, int]]:
        """The squares in sight, those in the middle first."""
        scene = self.display.scene
        x0 = max(math.floor(camera.x / self._side), 0)
        y0 = max(math.floor(camera.y / self._side), 0)
        x1 = min(math.floor((camera.x + width / camera.zoom) / self._side), math.floor(scene.width / self._side))
        y1 = min(math.floor((camera.y + height / camera.zoom) / self._side), math.floor(scene.height / self._side))
        keys = [(i, j) for j in range(y0, y1 + 1) for i in range(x0, x1 + 1)]
        mx, my = (x0 + x1) / 2, (y0 + y1) / 2
        return iter(sorted(keys, key=lambda key: (key[0] - mx) ** 2 + (key[1] - my) ** 2))

    def is_complete(self, camera: Camera, width: int, height: int) -> bool:
        """Whether every square in sight is painted."""
        return all(key in self._painted for key in self._keys(camera, width, height))

    def paint_missing(self, camera: Camera, width: int, height: int, budget_s: float) -> bool:
        """Paint squares in sight until the time is up, at least one; whether all are there now."""
        end = time.perf_counter() + budget_s
        keys = list(self._keys(camera, width, height))
        for key in keys:
            if key in self._painted:
                continue
            self._painted[key] = self._paint(key)
            if time.perf_counter() > end:
                break
        complete = all(key in self._painted for key in keys)
        if len(self._painted) > max(KEPT * len(keys), 16):
            wanted = set(keys)
            for key in [key for key in self._painted if key not in wanted]:
                del self._painted[key]
        return complete

    def _paint(self, key: tuple[int, int]) -> QPixmap:
        pixmap = QPixmap(SIDE_PX, SIDE_PX)
        pixmap.setDevicePixelRatio(self.ratio)
        pixmap.fill(QColor(self.display.scene.ground))
        painter = QPainter(pixmap)
        x, y = key[0] * self._side, key[1] * self._side
        painter.setTransform(QTransform(self.zoom, 0, 0, self.zoom, -x * self.zoom, -y * self.zoom))
        self.display.paint(painter, QRectF(x, y, self._side, self._side), self.zoom)
        painter.end()
        return pixmap

    def draw(self, painter: QPainter, camera: Camera, width: int, height: int) -> None:
        """Draw the squares that there are, scaled where the camera's zoom is another one."""
        ratio = self.ratio
        scale = camera.zoom / self.zoom
        side = SIDE_PX / ratio * scale
        same = abs(scale - 1) < 1e-9
        # One corner for all of them, on a pixel of the screen, so that rounding leaves no gaps.
        left, top = camera.to_screen(0.0, 0.0)
        if same:
            left, top = math.floor(left * ratio + 0.5), math.floor(top * ratio + 0.5)
        for (i, j), pixmap in self._painted.items():
            if same:
                px, py = (left + i * SIDE_PX) / ratio, (top + j * SIDE_PX) / ratio
            else:
                px, py = left + i * side, top + j * side
            if px > width or py > height or px + side < 0 or py + side < 0:
                continue
            if same:
                painter.drawPixmap(QPointF(px, py), pixmap)
            else:
                box = QRectF(math.floor(px), math.floor(py), math.ceil(side) + 1, math.ceil(side) + 1)
                painter.drawPixmap(box, pixmap, QRectF(pixmap.rect()))
