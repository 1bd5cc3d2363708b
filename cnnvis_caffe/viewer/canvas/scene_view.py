"""The widget that shows a scene from a place above it, and moves there and from scene to scene."""

from __future__ import annotations

import time

from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.scene.theme import theme_named
from cnnvis_caffe.viewer.canvas.camera import Camera
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.canvas.motion import DURATION_S
from cnnvis_caffe.viewer.canvas.painted_scene import PaintedScene
from cnnvis_caffe.viewer.canvas.transition import KINDS, Transition
from cnnvis_caffe.viewer.canvas.viewpoint import Viewpoint
from cnnvis_caffe.viewer.qt import (
    QColor,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPointF,
    QRectF,
    QResizeEvent,
    QSize,
    Qt,
    QTimer,
    QWidget,
    Signal,
)

#: Seconds of each turn of the event loop that go into painting squares.
BUDGET_S = 0.007
#: Frames of an animation are this far apart, in ms.
FRAME_MS = 12
#: How long a new picture may take before the thin line says that one is coming, in ms.
BUSY_AFTER_MS = 150


class SceneView(QWidget):
    """Shows a `Scene`.

    Signals
    -------
    camera_changed : ()
    scene_shown : ()
        Every square in sight of the scene set last has been painted.
    """

    camera_changed = Signal()
    scene_shown = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WA_OpaquePaintEvent)
        self.setMinimumSize(240, 160)
        self.display: Display | None = None
        self.reduced_motion = False
        self.empty_text = ""
        self.theme = theme_named("light")
        self._view = Viewpoint()
        self._painted = PaintedScene()
        self._transition: Transition | None = None
        self._busy_since: float | None = None
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
            Whether the columns glide to their new places, in 150 ms.
        keep : Target, optional
            What should stay where it is on the screen.
        """
        self._view.set_window_size(self.width(), self.height())
        if scene is None:
            self._clear()
            return
        self._transition = None
        old, before = self.display, self.camera
        display = scene if isinstance(scene, Display) else Display(scene)
        glides = old is not None and moves and not self.reduced_motion and self.isVisible()
        old_frame = self._frame() if glides else None
        self.display = display
        self._view.set_scene_size(display.scene.width, display.scene.height)
        if old is None or self.is_fitted:
            self._view.camera = self._view.fitted()
        elif keep is not None:
            self._view.camera = _kept_in_place(before, old, display, keep)
        self._painted.show(display, before, self.camera, self._size(), self.devicePixelRatioF())
        if old is None or old_frame is not None:
            self._painted.forget_before()
        if old is not None and old_frame is not None:
            # A picture that glides needs both ends whole.
            self._painted.paint_some(self.camera, self._size(), 10.0)
            ends = (old, display, before, self.camera)
            self._transition = Transition(old_frame, self._frame(), *ends, time.perf_counter())
            self._clock.start()
        self._shown_pending = True
        self._pump.start()
        self.update()
        self.camera_changed.emit()

    def _clear(self) -> None:
        self.display = self._transition = None
        self._painted.clear()
        self._pump.stop()
        self._clock.stop()
        self._view.stop()
        self.update()
        self.camera_changed.emit()

    def set_busy(self, busy: bool) -> None:
        """Say, after a moment, that another picture is being made."""
        self._busy_since = time.perf_counter() if busy else None
        if busy:
            QTimer.singleShot(BUSY_AFTER_MS + 10, self.update)
        else:
            self.update()

    def set_theme(self, name: str) -> None:
        """Choose the colours of what lies above the scene."""
        self.theme = theme_named(name)
        self.update()

    @property
    def is_complete(self) -> bool:
        """Whether everything in sight is painted at the present zoom."""
        return self._painted.is_complete(self.camera, self._size())

    @property
    def is_painted(self) -> bool:
        """Whether everything in sight is painted at its final zoom and nothing moves any more."""
        return self.is_complete and self._transition is None and not self._view.is_flying

    def overview(self) -> QPixmap | None:
        """Return the whole scene, small; for the minimap and for where nothing is painted yet."""
        return self._painted.overview()

    # -- the camera

    @property
    def camera(self) -> Camera:
        """The place above the scene."""
        return self._view.camera

    @property
    def is_fitted(self) -> bool:
        """Whether everything is in sight and stays so."""
        return self._view.is_fitted

    @is_fitted.setter
    def is_fitted(self, fitted: bool) -> None:
        self._view.is_fitted = fitted

    def fit(self) -> None:
        """Show everything."""
        self.is_fitted = True
        self._fly_to(self._view.fitted())

    def reveal(self, target: Target, *, zoom_in: bool = True) -> bool:
        """Move so that something is seen well; False if it is not in the picture."""
        place = self.display.place_of(target) if self.display is not None else None
        if self.display is None or place is None:
            return False
        camera = self._view.showing(place, self.display.least_zoom_of(target), zoom_in=zoom_in)
        if camera is not None:
            self.is_fitted = False
            self._fly_to(camera)
        return True

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom about a pixel, by default about the middle."""
        self._look(self._view.zoomed(factor, (at.x(), at.y()) if at is not None else None))

    def zoom_to_actual(self) -> None:
        """Zoom to one pixel for a scene unit."""
        self.zoom_by(1.0 / self.camera.zoom)

    def pan_by(self, dx: float, dy: float) -> None:
        """Push the picture by some pixels."""
        self._look(self.camera.panned(dx, dy))

    def centre_on(self, x: float, y: float) -> None:
        """Bring a point of the scene to the middle."""
        self._look(self._view.centred(x, y))

    def follow(self, other: SceneView) -> None:
        """Look at the same place as another view."""
        self._look(other.camera, is_fitted=other.is_fitted)

    def _look(self, camera: Camera, *, is_fitted: bool = False) -> None:
        """Place the camera at once."""
        if self.display is not None:
            self.is_fitted = is_fitted
            before = self.camera
            self._view.look(camera)
            self._camera_moved(before)

    def _fly_to(self, camera: Camera) -> None:
        if self.reduced_motion or not self.isVisible() or camera == self.camera:
            self._look(camera, is_fitted=self.is_fitted)
        else:
            self._view.fly(camera, time.perf_counter())
            self._clock.start()

    def _camera_moved(self, before: Camera) -> None:
        self._transition = None
        self._painted.set_zoom(before, self.camera, self._size())
        if not self._pump.isActive():
            self._pump.start()
        self.update()
        self.camera_changed.emit()

    # -- time

    def _paint_some(self) -> None:
        """Paint squares for a few milliseconds; runs until nothing in sight is missing."""
        if self._painted.paint_some(self.camera, self._size(), BUDGET_S):
            self._pump.stop()
            self._tell_shown()
        elif self._painted.shows_before:
            return
        self.update()

    def _tell_shown(self) -> None:
        if self._shown_pending and self._transition is None and not self._pump.isActive():
            self._shown_pending = False
            self.scene_shown.emit()

    def _tick(self) -> None:
        """Move on what moves."""
        now = time.perf_counter()
        if self._transition is not None and now - self._transition.started >= DURATION_S:
            self._transition = None
            self._tell_shown()
        if self._view.is_flying:
            before = self.camera
            self._view.advance(now)
            self._camera_moved(before)
        if self._transition is None and not self._view.is_flying:
            self._clock.stop()
        self.update()

    # -- painting

    def _size(self) -> tuple[int, int]:
        return self.width(), self.height()

    def _ground(self) -> QColor:
        return QColor(self.display.scene.ground if self.display is not None else self.theme.ground)

    def _frame(self) -> QPixmap:
        """The scene as it is seen now, without what lies above it."""
        return self._painted.frame(self.camera, self._size(), self.devicePixelRatioF(), self._ground())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint one frame."""
        if self._painted.set_ratio(self.camera, self.devicePixelRatioF()):
            self._pump.start()
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._ground())
        if self.display is None:
            painter.setPen(QColor(self.theme.muted))
            painter.drawText(self.rect(), Qt.AlignCenter | Qt.TextWordWrap, self.empty_text)
        elif self._transition is not None:
            self._transition.draw(painter, time.perf_counter())
        else:
            self._painted.draw(painter, self.camera, self._size())
            self._draw_marks(painter, self.display)
        if self.display is not None:
            self._draw_ghost(painter, self.display)
        if self._busy_since is not None and (time.perf_counter() - self._busy_since) * 1000 >= BUSY_AFTER_MS:
            painter.fillRect(0, 0, self.width(), 2, QColor(self.theme.muted))
        if self.hasFocus() and self.property("showsFocus"):
            painter.setPen(QPen(QColor(self.theme.positive), 2))
            painter.setBrush(Qt.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _draw_marks(self, painter: QPainter, display: Display) -> None:
        """Draw what lies above a scene that stands still."""

    def _draw_ghost(self, painter: QPainter, display: Display) -> None:
        """Draw what lies above everything."""

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep everything in sight, if it was."""
        self._view.set_window_size(self.width(), self.height())
        self._look(self._view.resting(), is_fitted=self.is_fitted)


def _kept_in_place(camera: Camera, old: Display, new: Display, keep: Target) -> Camera:
    """The camera over a new scene, with something where it was on the screen."""
    before, after = old.place_of(keep), new.place_of(keep)
    if before is None or after is None:
        before, after = (scene.places_by_node(KINDS).get(keep.node) for scene in (old, new))
    if before is None or after is None:
        return camera
    (x0, y0), (x1, y1) = before.centre, after.centre
    return Camera(camera.x + x1 - x0, camera.y + y1 - y0, camera.zoom)
