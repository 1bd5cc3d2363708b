"""A mouse that presses, moves with its button held, and lets go, as Qt's own test mouse does not."""

from __future__ import annotations

from cnnvis_caffe.scene.shapes import Path
from cnnvis_caffe.viewer.canvas.boxes import flatten
from cnnvis_caffe.viewer.qt import QApplication, QEvent, QPoint, QPointF, Qt, QtGui


def send(widget, kind, position: QPoint, button, buttons, modifiers=Qt.NoModifier) -> None:
    """Send one mouse event."""
    at = QPointF(position)
    event = QtGui.QMouseEvent(kind, at, QPointF(widget.mapToGlobal(position)), button, buttons, modifiers)
    QApplication.sendEvent(widget, event)


def move(widget, position: QPoint, buttons=Qt.NoButton, modifiers=Qt.NoModifier) -> None:
    """Move the pointer."""
    send(widget, QEvent.MouseMove, position, Qt.NoButton, buttons, modifiers)


def click(widget, position: QPoint, button=Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
    """Point, press and let go."""
    move(widget, position)
    send(widget, QEvent.MouseButtonPress, position, button, button, modifiers)
    send(widget, QEvent.MouseButtonRelease, position, button, Qt.NoButton, modifiers)


def menu(widget, position: QPoint) -> None:
    """Click with the right button, as systems turn it into asking for a menu."""
    click(widget, position, Qt.RightButton)
    event = QtGui.QContextMenuEvent(QtGui.QContextMenuEvent.Mouse, position, widget.mapToGlobal(position))
    QApplication.sendEvent(widget, event)


def double_click(widget, position: QPoint) -> None:
    """Click twice."""
    click(widget, position)
    send(widget, QEvent.MouseButtonDblClick, position, Qt.LeftButton, Qt.LeftButton)
    send(widget, QEvent.MouseButtonRelease, position, Qt.LeftButton, Qt.NoButton)


def press_and_move(widget, start: QPoint, *path: QPoint, button=Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
    """Press and move over some points, without letting go."""
    move(widget, start)
    send(widget, QEvent.MouseButtonPress, start, button, button, modifiers)
    last = start
    for end in path:
        for k in range(1, 6):
            move(widget, last + (end - last) * k / 5, button, modifiers)
        last = end


def release(widget, position: QPoint, button=Qt.LeftButton) -> None:
    """Let go."""
    send(widget, QEvent.MouseButtonRelease, position, button, Qt.NoButton)


def drag(widget, start: QPoint, *path: QPoint, button=Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
    """Press, move, let go."""
    press_and_move(widget, start, *path, button=button, modifiers=modifiers)
    release(widget, path[-1], button)


def wheel(widget, position: QPoint, angle: int, *, pixels: QPoint = QPoint(), modifiers=Qt.NoModifier) -> None:  # noqa: B008
    """Turn the wheel; with `pixels`, as a touchpad does."""
    event = QtGui.QWheelEvent(
        QPointF(position),
        QPointF(widget.mapToGlobal(position)),
        pixels,
        QPoint(0, angle),
        Qt.NoButton,
        modifiers,
        Qt.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def pinch(widget, position: QPoint, share: float) -> None:
    """Move two fingers apart on a touchpad that tells it, or together where the share is negative."""
    places = (QPointF(position), QPointF(position), QPointF(widget.mapToGlobal(position)))
    QApplication.sendEvent(widget, QtGui.QNativeGestureEvent(Qt.ZoomNativeGesture, *places, share, 0, 0))


def place_of(canvas, target) -> QPoint:
    """Where on the canvas something can be clicked: a pixel that really answers with it."""
    display, camera = canvas.display, canvas.camera
    box = display.box_of(target)
    assert box is not None, f"{target} is not in the picture"
    shares = ((0.5, 0.5), (0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.5, 0.06), (0.5, 0.94), (0.03, 0.97), (0.5, 0.75))
    places = [(box.x() + fx * box.width(), box.y() + fy * box.height()) for fx, fy in shares]
    for i in display.numbers_of(target):
        shape = display.shapes[i]
        if isinstance(shape, Path):
            places.extend(flatten(shape.points).tolist())
    for x, y in places:
        # The whole pixel counts: at an edge, rounding can lead beside what is meant.
        at = QPoint(*(round(value) for value in camera.to_screen(x, y)))
        hit = display.hit(*camera.to_scene(at.x(), at.y()), camera.zoom)
        if hit is not None and _same(hit.target, target):
            return at
    raise AssertionError(f"{target} cannot be pointed at")


def _same(one, other) -> bool:
    return (one.kind, one.node, one.members, one.other_node, one.other_members) == (
        other.kind,
        other.node,
        other.members,
        other.other_node,
        other.other_members,
    )


def ground_of(canvas, *, near: QPoint = QPoint(4, 4)) -> QPoint:  # noqa: B008
    """A pixel of the canvas where nothing lies."""
    for radius in range(0, 400, 6):
        for dx, dy in ((1, 0), (0, 1), (1, 1), (-1, 0), (0, -1), (-1, 1)):
            point = QPoint(near.x() + dx * radius, near.y() + dy * radius)
            if canvas.rect().contains(point):
                hit = canvas.display.hit(*canvas.camera.to_scene(point.x(), point.y()), canvas.camera.zoom)
                if hit is None:
                    return point
    raise AssertionError("there is no empty ground")
