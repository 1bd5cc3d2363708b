"""Turns presses, moves and releases of the pointer into clicks, pans and drags. Needs no window."""

from __future__ import annotations

from enum import Enum, auto

from cnnvis_caffe.viewer.canvas.scene_index import Hit

Place = tuple[float, float]


class Gesture(Enum):
    """What the pointer does now."""

    NOTHING = auto()
    POINT = auto()
    CLICK = auto()
    PAN = auto()
    PAN_END = auto()
    DRAG_START = auto()
    DRAG = auto()
    DROP = auto()
    BAND = auto()
    BAND_END = auto()


class Gestures:
    """Follows the pointer.

    A press on a neuron that moves far drags it, one on the ground pans; with Ctrl or Shift it draws a band from
    anywhere. The middle button, or Space with the left one, pans from anywhere; all else is a click.

    Attributes
    ----------
    pressed : Hit or None
        What lay under the last press.
    step : (float, float)
        How far the last `PAN` went, in pixels.
    band : (float, float, float, float)
        The band that is drawn: x, y, width and height, in pixels.
    holds_space : bool
    """

    def __init__(self, far_px: float) -> None:
        self.pressed: Hit | None = None
        self.step: Place = (0.0, 0.0)
        self.band = (0.0, 0.0, 0.0, 0.0)
        self.holds_space = False
        self._far_px = far_px
        self._press: Place | None = None
        self._pan_from: Place | None = None
        self._drags = False
        self._bands = self._may_band = False

    @property
    def is_banding(self) -> bool:
        """Whether a band is drawn."""
        return self._bands

    @property
    def is_panning(self) -> bool:
        """Whether the picture follows the pointer."""
        return self._pan_from is not None

    @property
    def is_dragging(self) -> bool:
        """Whether a neuron follows the pointer."""
        return self._drags

    def press(
        self, at: Place, hit: Hit | None, *, is_left: bool, is_middle: bool = False, adds: bool = False
    ) -> None:
        """Begin something; `adds` is whether Ctrl or Shift is held."""
        if is_middle or is_left and self.holds_space:
            self._pan_from = at
        elif is_left:
            self._press, self.pressed, self._may_band = at, hit, adds

    def move(self, at: Place, *, is_held: bool) -> Gesture:
        """Go on; `is_held` is whether the left button is down."""
        if self._pan_from is not None:
            self.step = at[0] - self._pan_from[0], at[1] - self._pan_from[1]
            self._pan_from = at
            return Gesture.PAN
        if self._drags:
            return Gesture.DRAG
        if self._press is None or not is_held:
            return Gesture.POINT
        if self._bands:
            return self._stretch(at)
        far = abs(at[0] - self._press[0]) + abs(at[1] - self._press[1]) >= self._far_px
        if far and self._may_band:
            self._bands = True
            return self._stretch(at)
        if far and self.pressed is not None and self.pressed.target.kind == "neuron":
            self._drags = True
            return Gesture.DRAG_START
        if far and self.pressed is None:
            self._pan_from, self._press = self._press, None
            return self.move(at, is_held=is_held)
        return Gesture.NOTHING

    def _stretch(self, at: Place) -> Gesture:
        assert self._press is not None
        (x0, y0), (x1, y1) = self._press, at
        self.band = min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0)
        return Gesture.BAND

    def release(self, *, is_left: bool) -> Gesture:
        """End what was begun."""
        if self._bands:
            self.cancel()
            return Gesture.BAND_END
        was_panning, was_pressed, was_dragging = self.is_panning, self._press is not None, self._drags
        self._pan_from = None
        self.cancel()
        if was_panning:
            return Gesture.PAN_END
        if was_dragging:
            return Gesture.DROP
        return Gesture.CLICK if is_left and was_pressed else Gesture.NOTHING

    def cancel(self) -> None:
        """Forget a press, a drag and a band."""
        self._press, self.pressed, self._drags = None, None, False
        self._bands = self._may_band = False
