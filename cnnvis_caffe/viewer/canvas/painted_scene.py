"""The scene as it has been painted so far: squares at the present zoom, the picture before, a small overview."""

from __future__ import annotations

from cnnvis_caffe.viewer.canvas.camera import Camera
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.canvas.tiles import Tiles
from cnnvis_caffe.viewer.qt import QColor, QPainter, QPixmap, QRectF, QTransform

#: Largest size of the overview, in pixels.
OVERVIEW_PX = (1024, 512)


class PaintedScene:
    """What there is to draw, while squares that are missing are painted bit by bit."""

    def __init__(self) -> None:
        self._tiles: Tiles | None = None  # at the present zoom, maybe with holes
        self._under: Tiles | None = None  # complete, maybe at another zoom or of the scene before
        self._overview: QPixmap | None = None

    def clear(self) -> None:
        """Have nothing to draw."""
        self._tiles = self._under = self._overview = None

    def show(self, display: Display, before: Camera, now: Camera, size: tuple[int, int], ratio: float) -> None:
        """Begin with another scene; what is drawn of the one before stays until this one is painted."""
        self._keep_under(before, size)
        self._tiles = Tiles(display, now.zoom, ratio)
        self._overview = None

    def forget_before(self) -> None:
        """Draw nothing of the scene before, or of another zoom."""
        self._under = None

    def set_zoom(self, before: Camera, now: Camera, size: tuple[int, int]) -> None:
        """Begin with another zoom; what is drawn stays, scaled, until this one is painted."""
        if self._tiles is not None and now.zoom != before.zoom:
            self._keep_under(before, size)
            self._tiles = Tiles(self._tiles.display, now.zoom, self._tiles.ratio)

    def set_ratio(self, camera: Camera, ratio: float) -> bool:
        """Begin anew where the screen has another density; whether it has."""
        if self._tiles is None or self._tiles.ratio == ratio:
            return False
        self._tiles = Tiles(self._tiles.display, camera.zoom, ratio)
        return True

    def _keep_under(self, camera: Camera, size: tuple[int, int]) -> None:
        if self._tiles is not None and self._tiles.is_complete(camera, *size):
            self._under = self._tiles

    def is_complete(self, camera: Camera, size: tuple[int, int]) -> bool:
        """Whether every square in sight is painted."""
        return self._tiles is None or self._tiles.is_complete(camera, *size)

    def paint_some(self, camera: Camera, size: tuple[int, int], budget_s: float) -> bool:
        """Paint squares in sight for some seconds; whether all are there now."""
        if self._tiles is not None and not self._tiles.paint_missing(camera, *size, budget_s):
            return False
        self._under = None
        return True

    @property
    def shows_before(self) -> bool:
        """Whether the scene before is still drawn, because this one is not whole yet."""
        return self._under is not None and self._tiles is not None and self._under.display is not self._tiles.display

    def draw(self, painter: QPainter, camera: Camera, size: tuple[int, int]) -> None:
        """Draw what there is."""
        if self._tiles is None:
            return
        painter.setRenderHint(QPainter.SmoothPixmapTransform, False)
        if not self._tiles.is_complete(camera, *size):
            if self._under is None or not self.shows_before:
                self._draw_overview(painter, camera)
            if self._under is not None:
                self._under.draw(painter, camera, *size)
                if self.shows_before:
                    return
        self._tiles.draw(painter, camera, *size)

    def frame(self, camera: Camera, size: tuple[int, int], ratio: float, ground: QColor) -> QPixmap:
        """Return what is drawn, as a picture of its own."""
        pixmap = QPixmap(round(size[0] * ratio), round(size[1] * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(ground)
        painter = QPainter(pixmap)
        self.draw(painter, camera, size)
        painter.end()
        return pixmap

    def overview(self) -> QPixmap | None:
        """Return the whole scene, small; None where there is no scene."""
        if self._overview is None and self._tiles is not None:
            display = self._tiles.display
            scene = display.scene
            scale = min(OVERVIEW_PX[0] / max(scene.width, 1), OVERVIEW_PX[1] / max(scene.height, 1), 1.0)
            pixmap = QPixmap(max(round(scene.width * scale), 1), max(round(scene.height * scale), 1))
            pixmap.fill(QColor(scene.ground))
            painter = QPainter(pixmap)
            painter.setTransform(QTransform.fromScale(scale, scale))
            display.paint(painter, QRectF(0, 0, scene.width, scene.height), scale)
            painter.end()
            self._overview = pixmap
        return self._overview

    def _draw_overview(self, painter: QPainter, camera: Camera) -> None:
        if self._overview is None or self._tiles is None:
            return
        scene = self._tiles.display.scene
        x, y = camera.to_screen(0, 0)
        box = QRectF(x, y, scene.width * camera.zoom, scene.height * camera.zoom)
        painter.drawPixmap(box, self._overview, QRectF(self._overview.rect()))
