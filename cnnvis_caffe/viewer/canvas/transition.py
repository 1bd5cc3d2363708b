"""Turns one picture into the next: clusters and moved neurons glide to their new places while the rest fades."""

from __future__ import annotations

from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.canvas.boxes import Box
from cnnvis_caffe.viewer.canvas.camera import Camera
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.canvas.motion import DURATION_S, eased
from cnnvis_caffe.viewer.qt import QColor, QPainter, QPixmap, QRectF

KINDS = ("cluster", "neuron", "column")
#: Where more clusters are in sight than this, whole columns glide.
MOST_PIECES = 250


def gliding(old: Display, new: Display) -> list[tuple[Box, Box]]:
    """Return the places of what glides, before and after, in scene units: neurons that changed their cluster come last.

    Clusters are the same while their first neuron is; columns stand for them where there are very many.
    """
    clusters = [_clusters_of(display) for display in (old, new)]
    if max(map(len, clusters)) > MOST_PIECES:
        before, after = old.places_by_node(KINDS), new.places_by_node(KINDS)
        return [(before[node], after[node]) for node in before if node in after]
    places = [(clusters[0][key][0], clusters[1][key][0]) for key in clusters[0] if key in clusters[1]]
    for key in clusters[0].keys() & clusters[1].keys():
        node = key[0]
        for neuron in clusters[1][key][1] - clusters[0][key][1]:
            came = [display.place_of(Target("neuron", node, (neuron,))) for display in (old, new)]
            if came[0] is not None and came[1] is not None:
                places.append((came[0], came[1]))
    return places


def _clusters_of(display: Display) -> dict[tuple[str, int], tuple[Box, set[int]]]:
    """Places and neurons of the clusters, by node and first neuron."""
    found = {}
    for target in display.targets():
        place = display.place_of(target) if target.kind == "cluster" and target.members else None
        if place is not None:
            found[target.node, min(target.members)] = place, set(target.members)
    return found


class Transition:
    """Two frames and how their clusters move."""

    def __init__(
        self,
        old_frame: QPixmap,
        new_frame: QPixmap,
        old: Display,
        new: Display,
        old_camera: Camera,
        new_camera: Camera,
        started: float,
    ) -> None:
        self.started = started
        size = QRectF(0, 0, new_frame.width(), new_frame.height())
        self._moves: list[tuple[QRectF, QRectF, QPixmap, QPixmap]] = []
        ratio = new_frame.devicePixelRatio()
        ground_old, ground_new = QColor(old.scene.ground), QColor(new.scene.ground)
        places = [
            (_place(before, old_camera, ratio), _place(after, new_camera, ratio)) for before, after in gliding(old, new)
        ]
        for first, last in places:
            if first.intersects(size) and last.intersects(size):
                self._moves.append(
                    (first, last, old_frame.copy(first.toAlignedRect()), new_frame.copy(last.toAlignedRect()))
                )
        self._old, self._new = old_frame.copy(), new_frame.copy()
        for frame, ground, which in ((self._old, ground_old, 0), (self._new, ground_new, 1)):
            frame.setDevicePixelRatio(1)
            painter = QPainter(frame)
            for move in self._moves:
                painter.fillRect(move[which].toAlignedRect(), ground)
            painter.end()
        for *_, a, b in self._moves:
            a.setDevicePixelRatio(1)
            b.setDevicePixelRatio(1)
        self._ratio = ratio

    def draw(self, painter: QPainter, now: float) -> None:
        """Draw the frame of a moment."""
        t = eased(min(max((now - self.started) / DURATION_S, 0.0), 1.0))
        painter.save()
        painter.scale(1 / self._ratio, 1 / self._ratio)
        painter.drawPixmap(0, 0, self._old)
        painter.setOpacity(t)
        painter.drawPixmap(0, 0, self._new)
        for first, last, old_column, new_column in self._moves:
            box = QRectF(
                first.x() + t * (last.x() - first.x()),
                first.y() + t * (last.y() - first.y()),
                first.width() + t * (last.width() - first.width()),
                first.height() + t * (last.height() - first.height()),
            )
            painter.setOpacity(1.0)
            painter.drawPixmap(box, old_column, QRectF(old_column.rect()))
            painter.setOpacity(t)
            painter.drawPixmap(box, new_column, QRectF(new_column.rect()))
        painter.restore()


def _place(box: Box, camera: Camera, ratio: float) -> QRectF:
    """Where a box is in a frame, in its own pixels."""
    x, y = camera.to_screen(box.x, box.y)
    return QRectF(x * ratio, y * ratio, box.width * camera.zoom * ratio, box.height * camera.zoom * ratio)
