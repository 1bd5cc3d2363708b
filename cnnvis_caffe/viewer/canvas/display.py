"""A scene that can be painted and asked."""

from __future__ import annotations

from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.viewer.canvas.scene_index import SceneIndex
from cnnvis_caffe.viewer.canvas.shape_painter import ShapePainter
from cnnvis_caffe.viewer.qt import QPainter, QRectF


class Display(SceneIndex):
    """A scene, ready to be painted; the questions that it answers are those of its base."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._shape_painter = ShapePainter(scene.shapes)

    def paint(self, painter: QPainter, region: QRectF, zoom: float) -> None:
        """Paint what lies in a region of the scene, in scene units; `zoom` chooses the level of detail."""
        numbers = self.numbers_in(region.left(), region.top(), region.right(), region.bottom(), zoom)
        self._shape_painter.paint(painter, numbers, zoom)

    def box_of(self, target: Target) -> QRectF | None:
        """Return `place_of` as Qt's rectangle."""
        place = self.place_of(target)
        return QRectF(*place) if place is not None else None
