"""The widget that shows a scene: zooming, panning, pointing, clicking, dragging neurons, moving over by keys."""

from __future__ import annotations

import time

import numpy as np

from cnnvis_caffe.scene.shapes import Path, Scene, Target
from cnnvis_caffe.scene.theme import theme_named
from cnnvis_caffe.viewer.canvas.camera import Camera, between, fitted, fitted_to
from cnnvis_caffe.viewer.canvas.display import Display, Hit, painter_path
from cnnvis_caffe.viewer.canvas.tiles import Tiles
from cnnvis_caffe.viewer.canvas.transition import DURATION_S, Transition, eased
from cnnvis_caffe.viewer.qt import (
    QApplication,
    QColor,
    QNativeGestureEvent,
    QPainter,
    QPen,
    QPixmap,
    QPoint,
    QPointF,
    QRectF,
    QSize,
    Qt,
    QTimer,
    QTransform,
    QWidget,
    Signal,
)

#: Seconds of each turn of the event loop that go into painting squares.
BUDGET_S = 0.007
WHEEL_STEP = 1.25
KEY_PAN_PX = 80
#: Frames of an animation are this far apart, in ms.
FRAME_MS = 12
#: How long a new picture may take before the thin line says that one is coming, in ms.
BUSY_AFTER_MS = 150


class Canvas(QWidget):
    """Shows a `Scene`.

    Signals
    -------
    hovered : Hit or None
        What lies under the pointer, whenever it changes.
    clicked : Hit or None
        None for the ground.
    double_clicked : Hit or None
    menu_requested : (Hit or None, QPoint)
        And where, in global pixels.
    dropped : (Target, Target or None)
        A neuron, and the cluster that it was dropped on; None for the ground: a cluster of its own.
    camera_changed : ()
    scene_shown : ()
        Every square in sight of the scene set last has been painted.
    stepped : str
        An arrow key: "left", "right", "up" or "down".
    """

    hovered = Signal(object)
    clicked = Signal(object)
    double_clicked = Signal(object)
    menu_requested = Signal(object, QPoint)
    dropped = Signal(object, object)
    camera_changed = Signal()
    scene_shown = Signal()
    stepped = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.StrongFocus)
        self.setAttribute(Qt.WA_OpaquePaintEvent)
        self.setMinimumSize(240, 160)
        self.setAccessibleName("Picture of the network")
        self.display: Display | None = None
        self.camera = Camera()
        self.is_fitted = True
        self.reduced_motion = False
        self.empty_text = ""
        self.theme = theme_named("light")
        self._tiles: Tiles | None = None  # at the current zoom, maybe with holes
        self._under: Tiles | None = None  # complete, maybe at another zoom or of the scene before
        self._overview: QPixmap | None = None
        self._transition: Transition | None = None
        self._flight: tuple[Camera, Camera, float] | None = None
        self._hover: Hit | None = None
        self._selected: tuple[Target, ...] = ()
        self._press: QPoint | None = None
        self._press_hit: Hit | None = None
        self._pan_from: QPoint | None = None
        self._drag: tuple[Target, QPixmap, QPointF] | None = None
        self._drop_hit: Target | None = None
        self._drop_is_fine = False
        self._space = False
        self._busy = False
        self._busy_since = 0.0
        self._shown_pending = False
        self._pump = QTimer(self)
        self._pump.setInterval(0)
        self._pump.timeout.connect(self._paint_some)
        self._clock = QTimer(self)
        self._clock.setInterval(FRAME_MS)
        self._clock.setTimerType(Qt.PreciseTimer)
        self._clock.timeout.connect(self._tick)

    # -- what is shown

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size for a large screen."""
        return QSize(1000, 640)

    def set_scene(self, scene: Scene | Display | None, *, moves: bool = False, keep: Target | None = None) -> None:
        """Show another scene; the one before stays until it is painted.

        Parameters
        ----------
        scene : Scene, Display or None
            None for an empty canvas.
        moves : bool
            Whether it goes over into the new one in 150 ms.
        keep : Target, optional
            What should stay where it is on the screen.
        """
        if scene is None:
            self.display = self._tiles = self._under = self._overview = self._transition = None
            self._set_hover(None)
            self.cancel_drag()
            self._stop_timers()
            self.update()
            self.camera_changed.emit()
            return
        old = self.display
        display = scene if isinstance(scene, Display) else Display(scene)
        self.cancel_drag()
        self._finish_transition()
        old_frame = None
        if old is not None and moves and not self.reduced_motion and self.isVisible():
            old_frame = self._frame()
        camera_before = self.camera
        self.display = display
        if old is None or self.is_fitted:
            self.camera = self._fitted()
        elif keep is not None:
            self.camera = self._kept_in_place(old, display, keep)
        if (
            old is not None
            and self._tiles is not None
            and self._tiles.is_complete(camera_before, self.width(), self.height())
        ):
            self._under = self._tiles
        if old_frame is not None or old is None or camera_before != self.camera:
            self._under = None if old_frame is not None or old is None else self._under
        self._tiles = Tiles(display, self.camera.zoom, self.devicePixelRatioF())
        self._overview = None
        self._hover = None
        if old_frame is not None:
            # A picture that goes over needs both ends whole.
            self._tiles.paint_missing(self.camera, self.width(), self.height(), 10.0)
            assert old is not None
            self._transition = Transition(
                old_frame, self._frame(), old, display, camera_before, self.camera, time.perf_counter()
            )
            self._clock.start()
        self._shown_pending = True
        self._pump.start()
        self.update()
        self.camera_changed.emit()

    def _kept_in_place(self, old: Display, new: Display, keep: Target) -> Camera:
        before, after = old.box_of(keep), new.box_of(keep)
        if before is None or after is None:
            boxes_before, boxes_after = (
                old.boxes_by(("column", "cluster", "neuron")),
                new.boxes_by(("column", "cluster", "neuron")),
            )
            before, after = boxes_before.get(keep.node), boxes_after.get(keep.node)
        if before is None or after is None:
            return self.camera
        shift = after.center() - before.center()
        return Camera(self.camera.x + shift.x(), self.camera.y + shift.y(), self.camera.zoom)

    def _frame(self) -> QPixmap:
        """The scene as it is seen now, without what lies above it."""
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self._ground())
        painter = QPainter(pixmap)
        self._draw_scene(painter)
        painter.end()
        return pixmap

    def set_selected(self, targets: tuple[Target, ...]) -> None:
        """Outline what is selected."""
        if targets != self._selected:
            self._selected = targets
            self.update()

    def set_busy(self, busy: bool) -> None:
        """Say, after a moment, that another picture is being made."""
        self._busy = busy
        if busy:
            self._busy_since = time.perf_counter()
            QTimer.singleShot(BUSY_AFTER_MS + 10, self.update)
        else:
            self.update()

    @property
    def hover(self) -> Hit | None:
        """What lies under the pointer."""
        return self._hover

    @property
    def is_dragging(self) -> bool:
        """Whether a neuron is on its way to another cluster."""
        return self._drag is not None

    @property
    def is_painted(self) -> bool:
        """Whether everything in sight is painted at its final zoom and nothing moves any more."""
        return (
            self._tiles is None
            or self._tiles.is_complete(self.camera, self.width(), self.height())
            and self._transition is None
            and self._flight is None
        )

    # -- the camera

    def _fitted(self) -> Camera:
        if self.display is None:
            return Camera()
        scene = self.display.scene
        return fitted(scene.width, scene.height, self.width(), self.height())

    def fit(self) -> None:
        """Show everything."""
        self.is_fitted = True
        self._fly_to(self._fitted())

    def reveal(self, target: Target, *, zoom_in: bool = True) -> bool:
        """Move so that something is seen well; False if it is not in the picture."""
        if self.display is None:
            return False
        box = self.display.box_of(target)
        if box is None:
            return False
        shown = QRectF(*self.camera.to_scene(0, 0), self.width() / self.camera.zoom, self.height() / self.camera.zoom)
        least = self.display.least_zoom_of(target)
        large = max(box.width(), box.height()) * self.camera.zoom >= 24 and self.camera.zoom >= least
        if shown.contains(box) and (large or not zoom_in):
            return True
        self.is_fitted = False
        most = max(1.5, self._fitted().zoom, 1.05 * least) if zoom_in else self.camera.zoom
        self._fly_to(fitted_to((box.x(), box.y(), box.width(), box.height()), self.width(), self.height(), most))
        return True

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom about a pixel, the middle unless told."""
        if self.display is None:
            return
        at = at or QPointF(self.width() / 2, self.height() / 2)
        least = min(self._fitted().zoom * 0.5, 1.0)
        self._flight = None
        self.is_fitted = False
        self._set_camera(self.camera.zoomed(factor, at.x(), at.y(), least))

    def zoom_to_actual(self) -> None:
        """Zoom to one pixel for a scene unit."""
        self.zoom_by(1.0 / self.camera.zoom)

    def pan_by(self, dx: float, dy: float) -> None:
        """Push the picture by some pixels."""
        if self.display is None:
            return
        self._flight = None
        self.is_fitted = False
        self._set_camera(self.camera.panned(dx, dy))

    def centre_on(self, x: float, y: float) -> None:
        """Bring a point of the scene to the middle."""
        self._flight = None
        self.is_fitted = False
        half_width, half_height = self.width() / 2 / self.camera.zoom, self.height() / 2 / self.camera.zoom
        self._set_camera(Camera(x - half_width, y - half_height, self.camera.zoom))

    def follow(self, other: Canvas) -> None:
        """Look at the same place as another canvas."""
        self._flight = None
        self.is_fitted = other.is_fitted
        self._set_camera(other.camera)

    def _fly_to(self, camera: Camera) -> None:
        if self.reduced_motion or not self.isVisible() or camera == self.camera:
            self._flight = None
            self._set_camera(camera)
            return
        self._flight = (self.camera, camera, time.perf_counter())
        self._clock.start()

    def _set_camera(self, camera: Camera) -> None:
        if self.display is None:
            return
        scene = self.display.scene
        camera = camera.clamped(scene.width, scene.height, self.width(), self.height())
        self._finish_transition()
        if camera.zoom != self.camera.zoom:
            if self._tiles is not None and self._tiles.is_complete(self.camera, self.width(), self.height()):
                self._under = self._tiles
            self._tiles = Tiles(self.display, camera.zoom, self.devicePixelRatioF())
        self.camera = camera
        if not self._pump.isActive():
            self._pump.start()
        self.update()
        self.camera_changed.emit()

    # -- time

    def _paint_some(self) -> None:
        """Paint squares for a few milliseconds; runs until nothing in sight is missing."""
        if self._tiles is None or self._tiles.paint_missing(self.camera, self.width(), self.height(), BUDGET_S):
            self._pump.stop()
            self._under = None
            if self._shown_pending and self._transition is None:
                self._shown_pending = False
                self.scene_shown.emit()
        elif self._shows_old:
            return
        self.update()

    @property
    def _shows_old(self) -> bool:
        """Whether the picture before is still shown, because this one is not whole yet."""
        return self._under is not None and self._under.display is not self.display

    def _tick(self) -> None:
        now = time.perf_counter()
        if self._transition is not None and now - self._transition.started >= DURATION_S:
            self._transition = None
            if self._shown_pending and not self._pump.isActive():
                self._shown_pending = False
                self.scene_shown.emit()
        if self._flight is not None:
            first, last, started = self._flight
            t = min((now - started) / DURATION_S, 1.0)
            if t >= 1:
                self._flight = None
                self._set_camera(last)
            else:
                self._set_camera(between(first, last, eased(t), self.width(), self.height()))
        if self._transition is None and self._flight is None:
            self._clock.stop()
        self.update()

    def _finish_transition(self) -> None:
        self._transition = None

    def _stop_timers(self) -> None:
        self._pump.stop()
        self._clock.stop()
        self._flight = None

    # -- painting

    def _ground(self) -> QColor:
        return QColor(self.display.scene.ground if self.display is not None else self.theme.ground)

    def paintEvent(self, event) -> None:  # noqa: N802
        """Paint one frame."""
        if self._tiles is not None and self._tiles.ratio != self.devicePixelRatioF():
            # The window has come to a screen of another density.
            self._tiles = Tiles(self._tiles.display, self.camera.zoom, self.devicePixelRatioF())
            self._pump.start()
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._ground())
        if self.display is None:
            self._draw_empty(painter)
        elif self._transition is not None:
            self._transition.draw(painter, time.perf_counter())
        else:
            self._draw_scene(painter)
        if self.display is not None and self._transition is None:
            self._draw_marks(painter)
        if self._drag is not None:
            self._draw_drag(painter)
        if self._busy and (time.perf_counter() - self._busy_since) * 1000 >= BUSY_AFTER_MS:
            painter.fillRect(0, 0, self.width(), 2, QColor(self.theme.muted))
        if self.hasFocus() and self.property("showsFocus"):
            pen = QPen(QColor(self.theme.positive), 2)
            painter.setPen(pen)
            painter.setBrush(Qt.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _draw_scene(self, painter: QPainter) -> None:
        if self._tiles is None:
            return
        width, height = self.width(), self.height()
        painter.setRenderHint(QPainter.SmoothPixmapTransform, False)
        if not self._tiles.is_complete(self.camera, width, height):
            if self._under is not None:
                if not self._shows_old:
                    self._draw_overview(painter)
                self._under.draw(painter, self.camera, width, height)
                if self._shows_old:
                    return
            else:
                self._draw_overview(painter)
        self._tiles.draw(painter, self.camera, width, height)

    def overview(self) -> QPixmap | None:
        """Return the whole scene, small; for the minimap and for where nothing is painted yet."""
        if self.display is None:
            return None
        if self._overview is None:
            scene = self.display.scene
            scale = min(1024 / max(scene.width, 1), 512 / max(scene.height, 1), 1.0)
            pixmap = QPixmap(max(round(scene.width * scale), 1), max(round(scene.height * scale), 1))
            pixmap.fill(self._ground())
            painter = QPainter(pixmap)
            painter.setTransform(QTransform.fromScale(scale, scale))
            self.display.paint(painter, QRectF(0, 0, scene.width, scene.height), scale)
            painter.end()
            self._overview = pixmap
        return self._overview

    def _draw_overview(self, painter: QPainter) -> None:
        if self._overview is None or self.display is None:
            return
        scene = self.display.scene
        x, y = self.camera.to_screen(0, 0)
        box = QRectF(x, y, scene.width * self.camera.zoom, scene.height * self.camera.zoom)
        painter.drawPixmap(box, self._overview, QRectF(self._overview.rect()))

    def _draw_empty(self, painter: QPainter) -> None:
        painter.setPen(QColor(self.theme.muted))
        painter.drawText(self.rect(), Qt.AlignCenter | Qt.TextWordWrap, self.empty_text)

    def _draw_marks(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.Antialiasing, True)
        for target in self._selected:
            self._outline(painter, target, QColor(self.theme.selection), 2.0)
        if self._hover is not None and self._drag is None:
            self._outline(painter, self._hover.target, QColor(self.theme.ink), 1.5)

    def _outline(self, painter: QPainter, target: Target, colour: QColor, width: float) -> None:
        assert self.display is not None
        if target.kind in ("edge", "bicluster"):
            painter.save()
            zoom = self.camera.zoom
            painter.setTransform(QTransform(zoom, 0, 0, zoom, -self.camera.x * zoom, -self.camera.y * zoom), True)
            for i in self.display.indices_of(target):
                shape = self.display.shapes[i]
                if type(shape) is Path and not shape.style.fill:
                    line = QColor(shape.style.stroke)
                    painter.setBrush(Qt.NoBrush)
                    painter.setPen(QPen(line, max(shape.style.stroke_width, 1.5 / zoom)))
                    painter.drawPath(painter_path(shape))
                else:
                    box = QRectF(*self.display.boxes[i][:2], *(self.display.boxes[i][2:] - self.display.boxes[i][:2]))
                    painter.setPen(QPen(colour, width / zoom))
                    painter.setBrush(Qt.NoBrush)
                    painter.drawRoundedRect(box, 2, 2)
            painter.restore()
            return
        box = self.display.box_of(target)
        if box is None:
            return
        on_screen = self._on_screen(box)
        out = 1.0 if target.kind == "neuron" else 2.0
        painter.setPen(QPen(colour, width))
        painter.setBrush(Qt.NoBrush)
        painter.drawRoundedRect(on_screen.adjusted(-out, -out, out, out), 2 + out, 2 + out)

    def _on_screen(self, box: QRectF) -> QRectF:
        x, y = self.camera.to_screen(box.x(), box.y())
        return QRectF(x, y, box.width() * self.camera.zoom, box.height() * self.camera.zoom)

    def _draw_drag(self, painter: QPainter) -> None:
        assert self._drag is not None and self.display is not None
        _, ghost, at = self._drag
        painter.setRenderHint(QPainter.Antialiasing, True)
        if self._drop_hit is not None:
            box = self.display.box_of(self._drop_hit)
            if box is not None:
                wash = QColor(self.theme.selection)
                wash.setAlpha(40)
                painter.setBrush(wash)
                painter.setPen(QPen(QColor(self.theme.selection), 2))
                painter.drawRoundedRect(self._on_screen(box).adjusted(-2, -2, 2, 2), 5, 5)
        side = QRectF(
            at.x() + 6, at.y() + 6, ghost.width() / ghost.devicePixelRatio(), ghost.height() / ghost.devicePixelRatio()
        )
        painter.setOpacity(0.9)
        painter.drawPixmap(side.topLeft(), ghost)
        painter.setOpacity(1.0)
        painter.setBrush(Qt.NoBrush)
        pen = QPen(QColor(self.theme.selection if self._drop_is_fine else self.theme.muted), 2)
        if self._drop_is_fine and self._drop_hit is None:
            pen.setStyle(Qt.DashLine)
        painter.setPen(pen)
        painter.drawRoundedRect(side.adjusted(-1, -1, 1, 1), 3, 3)
        if not self._drop_is_fine:
            text = "not here"
        else:
            text = "to this cluster" if self._drop_hit is not None else "new cluster"
        metrics = painter.fontMetrics()
        label = QRectF(side.left() - 1, side.bottom() + 5, metrics.horizontalAdvance(text) + 12, metrics.height() + 4)
        painter.setPen(Qt.NoPen)
        painter.setBrush(QColor(self.theme.ink))
        painter.drawRoundedRect(label, 3, 3)
        painter.setPen(QColor(self.theme.ground))
        painter.drawText(label, Qt.AlignCenter, text)

    # -- pointing

    def _hit(self, position: QPointF) -> Hit | None:
        if self.display is None:
            return None
        hit = self.display.hit(*self.camera.to_scene(position.x(), position.y()), self.camera.zoom)
        if hit is not None and hit.target.kind == "ground":
            return None
        return hit

    def _set_hover(self, hit: Hit | None) -> None:
        if hit != self._hover:
            self._hover = hit
            self.hovered.emit(hit)
            self.update()

    def mousePressEvent(self, event) -> None:  # noqa: N802
        """Begin a click, a drag or a pan."""
        self.setProperty("showsFocus", False)
        self._flight = None
        hit = self._hit(event.localPos())
        middle = event.button() == Qt.MiddleButton
        if middle or event.button() == Qt.LeftButton and self._space:
            self._start_pan(event.pos())
        elif event.button() == Qt.LeftButton:
            self._press, self._press_hit = event.pos(), hit

    def _start_pan(self, at: QPoint) -> None:
        self._pan_from = at
        self.setCursor(Qt.ClosedHandCursor)

    def mouseMoveEvent(self, event) -> None:  # noqa: N802
        """Point, pan or drag."""
        if self._pan_from is not None:
            step = event.pos() - self._pan_from
            self._pan_from = event.pos()
            self.pan_by(step.x(), step.y())
            return
        if self._drag is not None:
            self._move_drag(event.localPos())
            return
        if self._press is not None and event.buttons() & Qt.LeftButton:
            far = (event.pos() - self._press).manhattanLength() >= QApplication.startDragDistance()
            if far and self._press_hit is not None and self._press_hit.target.kind == "neuron":
                self._start_drag(self._press_hit, event.localPos())
            elif far and self._press_hit is None:
                start, self._press = self._press, None
                self._start_pan(start)
                self.mouseMoveEvent(event)
            return
        self._set_hover(self._hit(event.localPos()))

    def mouseReleaseEvent(self, event) -> None:  # noqa: N802
        """End a click, a drag or a pan."""
        if self._pan_from is not None:
            self._pan_from = None
            self.setCursor(Qt.OpenHandCursor if self._space else Qt.ArrowCursor)
            return
        if self._drag is not None:
            self._drop()
            return
        if event.button() == Qt.LeftButton and self._press is not None:
            hit, self._press, self._press_hit = self._press_hit, None, None
            self.clicked.emit(hit)

    def mouseDoubleClickEvent(self, event) -> None:  # noqa: N802
        """Open what lies there; on the ground show everything."""
        if event.button() != Qt.LeftButton:
            return
        hit = self._hit(event.localPos())
        if hit is None:
            self.fit()
        self.double_clicked.emit(hit)

    def contextMenuEvent(self, event) -> None:  # noqa: N802
        """Ask for the menu of what lies there, or of what is selected when a key asks."""
        if event.reason() == event.Keyboard:
            box = self.display.box_of(self._selected[0]) if self.display is not None and self._selected else None
            position = self._on_screen(box).center().toPoint() if box is not None else self.rect().center()
            hit = self._hit(QPointF(position)) if box is not None else None
            self.menu_requested.emit(hit, self.mapToGlobal(position))
            return
        self.menu_requested.emit(self._hit(QPointF(event.pos())), event.globalPos())

    def leaveEvent(self, event) -> None:  # noqa: N802
        """Nothing is pointed at any more."""
        self._set_hover(None)

    def wheelEvent(self, event) -> None:  # noqa: N802
        """Zoom with a wheel; pan with a touchpad, or with Shift."""
        pixels, angle = event.pixelDelta(), event.angleDelta()
        event.accept()
        if event.modifiers() & Qt.ControlModifier or pixels.isNull() and not event.modifiers() & Qt.ShiftModifier:
            self.zoom_by(WHEEL_STEP ** (angle.y() / 120), event.position())
        elif not pixels.isNull():
            self.pan_by(pixels.x(), pixels.y())
        else:
            self.pan_by(angle.y() or angle.x(), 0)
        self._set_hover(self._hit(event.position()))

    def event(self, event) -> bool:
        """Zoom by pinching, on touchpads that tell it."""
        # The type's name, QEvent.NativeGesture, is not in PyQt5 5.15.2.
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.ZoomNativeGesture:
            self.zoom_by(1 + event.value(), event.localPos())
            return True
        return super().event(event)

    # -- dragging a neuron

    def _start_drag(self, hit: Hit, at: QPointF) -> None:
        assert self.display is not None
        box = self.display.box_of(hit.target) or QRectF(0, 0, 16, 16)
        ratio = self.devicePixelRatioF()
        side = self._on_screen(box).size()
        scale = min(max(32 / max(side.width(), side.height(), 1), 1.0), 8.0)
        width, height = min(side.width() * scale, 96), min(max(side.height() * scale, 10), 96)
        ghost = QPixmap(max(round(width * ratio), 1), max(round(height * ratio), 1))
        ghost.setDevicePixelRatio(ratio)
        ghost.fill(QColor(self.theme.surface))
        painter = QPainter(ghost)
        zoom = self.camera.zoom * scale
        painter.setTransform(QTransform(zoom, 0, 0, zoom, -box.x() * zoom, -box.y() * zoom))
        self.display.paint(painter, box, zoom)
        painter.end()
        self._drag = (hit.target, ghost, at)
        self._set_hover(None)
        self.setCursor(Qt.ClosedHandCursor)
        self._move_drag(at)

    def _move_drag(self, at: QPointF) -> None:
        assert self._drag is not None and self.display is not None
        neuron, ghost, _ = self._drag
        self._drag = (neuron, ghost, at)
        hit = self._hit(at)
        target = hit.target if hit is not None else None
        if target is not None and target.kind == "neuron":
            target = self._cluster_of(target)
        if target is None or target.kind in ("edge", "bicluster"):
            self._drop_hit, self._drop_is_fine = None, True
        elif target.kind == "cluster" and target.node == neuron.node:
            is_other = neuron.members[0] not in target.members
            self._drop_hit, self._drop_is_fine = (target if is_other else None), is_other
        else:
            self._drop_hit, self._drop_is_fine = None, False
        self.update()

    def _cluster_of(self, neuron: Target) -> Target | None:
        assert self.display is not None
        return self.display.find("cluster", neuron.node, neuron.members)

    def _drop(self) -> None:
        assert self._drag is not None
        (neuron, _, _), target, fine = self._drag, self._drop_hit, self._drop_is_fine
        self.cancel_drag()
        if fine:
            self.dropped.emit(neuron, target)

    def cancel_drag(self) -> None:
        """Put a neuron back where it was."""
        was = self._drag is not None
        self._drag = self._drop_hit = self._press = self._press_hit = None
        self._drop_is_fine = False
        if was:
            self.setCursor(Qt.ArrowCursor)
            self.update()

    # -- keys

    def keyPressEvent(self, event) -> None:  # noqa: N802
        """Step over the picture; hold Space to pan; Escape leaves a drag."""
        key = event.key()
        steps = {Qt.Key_Left: "left", Qt.Key_Right: "right", Qt.Key_Up: "up", Qt.Key_Down: "down"}
        if key == Qt.Key_Space and not event.isAutoRepeat():
            self._space = True
            if self._pan_from is None and self._drag is None:
                self.setCursor(Qt.OpenHandCursor)
        elif key == Qt.Key_Escape and self._drag is not None:
            self.cancel_drag()
        elif key in steps and event.modifiers() & Qt.ShiftModifier:
            dx, dy = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[steps[key]]
            self.pan_by(dx * KEY_PAN_PX, dy * KEY_PAN_PX)
        elif key in steps and not event.modifiers() & ~Qt.KeypadModifier:
            self.stepped.emit(steps[key])
        else:
            event.ignore()
            return
        event.accept()

    def keyReleaseEvent(self, event) -> None:  # noqa: N802
        """Let go of Space."""
        if event.key() == Qt.Key_Space and not event.isAutoRepeat():
            self._space = False
            if self._pan_from is None:
                self.setCursor(Qt.ArrowCursor)
        else:
            event.ignore()

    def focusInEvent(self, event) -> None:  # noqa: N802
        """Show the focus when a key brought it."""
        self.setProperty("showsFocus", event.reason() in (Qt.TabFocusReason, Qt.BacktabFocusReason))
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event) -> None:  # noqa: N802
        """Let go of what was held."""
        self._space = False
        super().focusOutEvent(event)
        self.update()

    def neighbour(self, target: Target, direction: str) -> Target | None:
        """Return what an arrow key leads to from a target: the nearest of its kind that way."""
        if self.display is None:
            return None
        box = self.display.box_of(target)
        if box is None:
            return None
        others = [t for t in self.display.targets() if t.kind == target.kind and t != target]
        boxes = [self.display.box_of(t) for t in others]
        centres = np.array([(b.center().x(), b.center().y()) for b in boxes if b is not None])
        others = [t for t, b in zip(others, boxes) if b is not None]
        if not others:
            return None
        away = centres - (box.center().x(), box.center().y())
        axis, sign = {"left": (0, -1), "right": (0, 1), "up": (1, -1), "down": (1, 1)}[direction]
        ahead = sign * away[:, axis]
        cost = ahead + 3 * np.abs(away[:, 1 - axis])
        cost[ahead <= 1e-6] = np.inf
        best = int(cost.argmin())
        return others[best] if np.isfinite(cost[best]) else None

    # -- the window

    def resizeEvent(self, event) -> None:  # noqa: N802
        """Keep everything in sight, if it was."""
        self._finish_transition()
        self._flight = None
        if self.display is not None:
            self._set_camera(self._fitted() if self.is_fitted else self.camera)

    def set_theme(self, name: str) -> None:
        """Choose the colours of what lies above the scene."""
        self.theme = theme_named(name)
        self.update()
