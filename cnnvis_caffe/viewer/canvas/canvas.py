"""The picture: a scene that can be pointed at, clicked, moved and changed, with pointer, wheel and keys."""

from __future__ import annotations

from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.viewer.canvas.boxes import Box
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.canvas.dragging import drop_on
from cnnvis_caffe.viewer.canvas.gestures import Gesture, Gestures
from cnnvis_caffe.viewer.canvas.heads import Label, labels_of
from cnnvis_caffe.viewer.canvas.marks import (
    HOVER_PX,
    SELECTED_PX,
    Ghost,
    announce,
    draw_band,
    draw_labels,
    on_screen,
    outline,
    write_name,
)
from cnnvis_caffe.viewer.canvas.scene_index import Hit
from cnnvis_caffe.viewer.canvas.scene_view import SceneView
from cnnvis_caffe.viewer.model.preview import NOTHING, Preview
from cnnvis_caffe.viewer.qt import (
    QApplication,
    QContextMenuEvent,
    QEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPoint,
    QPointF,
    QRectF,
    Qt,
    QWheelEvent,
    QWidget,
    Signal,
)

WHEEL_STEP = 1.25
KEY_PAN_PX = 80
ARROWS = {Qt.Key_Left: "left", Qt.Key_Right: "right", Qt.Key_Up: "up", Qt.Key_Down: "down"}


class Canvas(SceneView):
    """Shows a scene and tells what the user does with it.

    Signals
    -------
    hovered : Hit or None
        What lies under the pointer, whenever it changes.
    clicked : Hit or None
        None for the ground.
    toggled : Hit or None
        Clicked with Ctrl or Shift.
    double_clicked : Hit or None
    menu_requested : (Hit or None, QPoint)
        And where, in global pixels.
    dropped : (Target, Target or None)
        A neuron, and the cluster that it was dropped on; None for the ground: a cluster of its own.
    banded : Target
        Neurons of a layer, in a band that was drawn with Ctrl or Shift.
    stepped : str
        An arrow key: "left", "right", "up" or "down".
    escaped : ()
        Escape, where nothing is dragged.
    """

    hovered = Signal(object)
    clicked = Signal(object)
    toggled = Signal(object)
    double_clicked = Signal(object)
    menu_requested = Signal(object, QPoint)
    dropped = Signal(object, object)
    banded = Signal(object)
    stepped = Signal(str)
    escaped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.StrongFocus)
        self.setAccessibleName("Picture of the network")
        self.hover: Hit | None = None
        self.selected: tuple[Target, ...] = ()
        self.preview = NOTHING
        self._gestures = Gestures(QApplication.startDragDistance())
        self._ghost: Ghost | None = None
        self._labelled: tuple[tuple | None, list[Label]] = (None, [])

    def set_scene(self, scene: Scene | Display | None, *, moves: bool = False, keep: Target | None = None) -> None:
        """Show another scene, as `SceneView.set_scene`; forget what was pointed at and dragged."""
        self.cancel_drag()
        if scene is None:
            self._set_hover(None)
        self.hover = None
        super().set_scene(scene, moves=moves, keep=keep)

    def set_selected(self, targets: tuple[Target, ...]) -> None:
        """Outline what is selected."""
        if targets != self.selected:
            self.selected = targets
            self.update()

    def set_preview(self, preview: Preview) -> None:
        """Show what a menu is about: its things framed, and named as the menu does."""
        if preview != self.preview:
            self.preview = preview
            self.update()

    @property
    def is_dragging(self) -> bool:
        """Whether a neuron is on its way to another cluster."""
        return self._ghost is not None

    def neighbour(self, target: Target, direction: str) -> Target | None:
        """Return the nearest target of the same kind in a direction: "left", "right", "up" or "down"."""
        return self.display.neighbour(target, direction) if self.display is not None else None

    # -- marks above the scene

    def _draw_marks(self, painter: QPainter, display: Display) -> None:
        self._draw_heads(painter)
        for target in self.selected:
            outline(painter, display, self.camera, target, self.theme.selection, SELECTED_PX)
        for target in self.preview.targets:
            announce(painter, display, self.camera, target, self.theme.selection)
        for target, name in self.preview.names:
            write_name(painter, display, self.camera, target, name, self.theme)
        if self.hover is not None and self._ghost is None:
            outline(painter, display, self.camera, self.hover.target, self.theme.ink, HOVER_PX)

    def _labels(self) -> list[Label]:
        """The names of columns that are written over a picture that is shown small."""
        key = (self.display, self.camera, self.width())
        if self._labelled[0] != key:
            heads = self.display.scene.heads if self.display is not None else ()
            self._labelled = key, labels_of(heads, self.camera, float(self.width()))
        return self._labelled[1]

    def _draw_heads(self, painter: QPainter) -> None:
        draw_labels(painter, self._labels(), self.theme)

    def _draw_ghost(self, painter: QPainter, display: Display) -> None:
        if self._gestures.is_banding:
            draw_band(painter, QRectF(*self._gestures.band), self.theme)
        if self._ghost is not None:
            self._ghost.draw(painter, display, self.camera, self.theme)

    # -- pointing

    def _hit(self, position: QPointF) -> Hit | None:
        if self.display is None:
            return None
        for label in self._labels():
            if label.holds(position.x(), position.y()):
                return Hit(None, label.target)
        hit = self.display.hit(*self.camera.to_scene(position.x(), position.y()), self.camera.zoom)
        return None if hit is None or hit.target.kind == "ground" else hit

    def _set_hover(self, hit: Hit | None) -> None:
        if hit != self.hover:
            self.hover = hit
            self.hovered.emit(hit)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a click, a drag or a pan."""
        self.setProperty("showsFocus", False)
        self._view.stop()
        at = event.localPos()
        is_left, is_middle = event.button() == Qt.LeftButton, event.button() == Qt.MiddleButton
        adds = bool(event.modifiers() & (Qt.ControlModifier | Qt.ShiftModifier))
        self._gestures.press((at.x(), at.y()), self._hit(at), is_left=is_left, is_middle=is_middle, adds=adds)
        self._show_cursor()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Point, pan or drag."""
        at = event.localPos()
        gesture = self._gestures.move((at.x(), at.y()), is_held=bool(event.buttons() & Qt.LeftButton))
        if gesture is Gesture.PAN:
            self.pan_by(*self._gestures.step)
            self._show_cursor()
        elif gesture is Gesture.DRAG_START:
            self._start_drag(at)
        elif gesture is Gesture.DRAG:
            self._move_drag(at)
        elif gesture is Gesture.BAND:
            self._set_hover(None)
            self.update()
        elif gesture is Gesture.POINT:
            self._set_hover(self._hit(at))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End a click, a drag or a pan."""
        pressed = self._gestures.pressed
        gesture = self._gestures.release(is_left=event.button() == Qt.LeftButton)
        if gesture is Gesture.CLICK:
            adds = bool(event.modifiers() & (Qt.ControlModifier | Qt.ShiftModifier))
            (self.toggled if adds else self.clicked).emit(pressed)
        elif gesture is Gesture.DROP:
            self._drop()
        elif gesture is Gesture.BAND_END:
            self._take_band()
        self._show_cursor()

    def _take_band(self) -> None:
        """Tell which neurons lie in the band."""
        self.update()
        if self.display is not None:
            x, y, width, height = self._gestures.band
            corner, zoom = self.camera.to_scene(x, y), self.camera.zoom
            neurons = self.display.neurons_in(Box(*corner, width / zoom, height / zoom))
            if neurons is not None:
                self.banded.emit(neurons)

    def _show_cursor(self) -> None:
        """Show a hand that holds, or one that could."""
        if self._gestures.is_panning or self._gestures.is_dragging:
            self.setCursor(Qt.ClosedHandCursor)
        else:
            self.setCursor(Qt.OpenHandCursor if self._gestures.holds_space else Qt.ArrowCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Open what lies there; on the ground show everything."""
        if event.button() != Qt.LeftButton:
            return
        hit = self._hit(event.localPos())
        if hit is None:
            self.fit()
        self.double_clicked.emit(hit)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """Ask for the menu of what lies there, or of what is selected when a key asks."""
        if event.reason() != event.Keyboard:
            self.menu_requested.emit(self._hit(QPointF(event.pos())), event.globalPos())
        else:
            self.ask_for_menu()

    def ask_for_menu(self) -> None:
        """Ask for the menu of what is selected, or of the ground, at its place."""
        place = self.display.place_of(self.selected[0]) if self.display is not None and self.selected else None
        position = on_screen(place, self.camera).center().toPoint() if place is not None else self.rect().center()
        hit = self._hit(QPointF(position)) if place is not None else None
        self.menu_requested.emit(hit, self.mapToGlobal(position))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Nothing is pointed at any more."""
        self._set_hover(None)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
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

    def event(self, event: QEvent) -> bool:
        """Zoom by pinching, on touchpads that tell it."""
        # The type's name, QEvent.NativeGesture, is not in PyQt5 5.15.2.
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.ZoomNativeGesture:
            self.zoom_by(1 + event.value(), event.localPos())
            return True
        return super().event(event)

    # -- dragging a neuron

    def _start_drag(self, at: QPointF) -> None:
        assert self.display is not None and self._gestures.pressed is not None
        neuron, ratio = self._gestures.pressed.target, self.devicePixelRatioF()
        self._ghost = Ghost(self.display, self.camera, neuron, ratio, self.theme.surface)
        self._set_hover(None)
        self._show_cursor()
        self._move_drag(at)

    def _move_drag(self, at: QPointF) -> None:
        assert self._ghost is not None and self.display is not None
        hit = self._hit(at)
        under = hit.target if hit is not None else None
        self._ghost.at = at
        self._ghost.drop = drop_on(self._ghost.neuron, under, self.display.find_cluster)
        self.update()

    def _drop(self) -> None:
        ghost = self._ghost
        self.cancel_drag()
        if ghost is not None and ghost.drop.is_allowed:
            self.dropped.emit(ghost.neuron, ghost.drop.cluster)

    def cancel_drag(self) -> None:
        """Put a neuron back where it was."""
        if self._gestures.is_banding:
            self.update()
        self._gestures.cancel()
        if self._ghost is not None:
            self._ghost = None
            self._show_cursor()
            self.update()

    # -- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Step over the picture; hold Space to pan; Escape leaves a drag."""
        key = event.key()
        if key == Qt.Key_Space and not event.isAutoRepeat():
            self._gestures.holds_space = True
            self._show_cursor()
        elif key == Qt.Key_Escape and (self.is_dragging or self._gestures.is_banding):
            self.cancel_drag()
        elif key == Qt.Key_Escape:
            self.escaped.emit()
        elif key == Qt.Key_F10 and event.modifiers() & Qt.ShiftModifier:  # not every platform makes a menu key of it
            self.ask_for_menu()
        elif key in ARROWS and event.modifiers() & Qt.ShiftModifier:
            dx, dy = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[ARROWS[key]]
            self.pan_by(dx * KEY_PAN_PX, dy * KEY_PAN_PX)
        elif key in ARROWS and not event.modifiers() & ~Qt.KeypadModifier:
            self.stepped.emit(ARROWS[key])
        else:
            event.ignore()
            return
        event.accept()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Let go of Space."""
        if event.key() == Qt.Key_Space and not event.isAutoRepeat():
            self._gestures.holds_space = False
            self._show_cursor()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the focus when a key brought it."""
        self.setProperty("showsFocus", event.reason() in (Qt.TabFocusReason, Qt.BacktabFocusReason))
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Let go of what was held."""
        self._gestures.holds_space = False
        self._show_cursor()
        super().focusOutEvent(event)
        self.update()
