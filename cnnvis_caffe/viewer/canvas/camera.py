"""The camera: which part of the scene is in sight, and how large. Plain arithmetic, without a window."""

from __future__ import annotations

from dataclasses import dataclass

#: Room around the scene when it is fitted, in pixels.
FIT_MARGIN_PX = 8.0
MAX_ZOOM = 12.0


@dataclass(frozen=True)
class Camera:
    """A place above the scene.

    Attributes
    ----------
    x, y : float
        Scene coordinates of the window's top left corner.
    zoom : float
        Pixels for one scene unit.
    """

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0

    def to_scene(self, px: float, py: float) -> tuple[float, float]:
        """Return the scene's point under a pixel."""
        return self.x + px / self.zoom, self.y + py / self.zoom

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point of the scene."""
        return (x - self.x) * self.zoom, (y - self.y) * self.zoom

    def panned(self, dx_px: float, dy_px: float) -> Camera:
        """Return the camera after the scene was pushed by some pixels."""
        return Camera(self.x - dx_px / self.zoom, self.y - dy_px / self.zoom, self.zoom)

    def zoomed(self, factor: float, px: float, py: float, least: float = 0.02, most: float = MAX_ZOOM) -> Camera:
        """Return the camera with what is under a pixel staying there."""
        zoom = min(max(self.zoom * factor, least), most)
        x, y = self.to_scene(px, py)
        return Camera(x - px / zoom, y - py / zoom, zoom)

    def clamped(self, width: float, height: float, view_width: float, view_height: float) -> Camera:
        """Return the camera with at least a quarter of the window over a scene of a size; small scenes centred."""
        x = _clamp(self.x, width, view_width / self.zoom)
        y = _clamp(self.y, height, view_height / self.zoom)
        return Camera(x, y, self.zoom)


def _clamp(at: float, length: float, seen: float) -> float:
    least, most = -0.75 * seen, length - 0.25 * seen
    if least > most:
        return (length - seen) / 2
    return min(max(at, least), most)


def fitted(
    width: float,
    height: float,
    view_width: float,
    view_height: float,
    *,
    most: float = 1.5,
    margin: float = FIT_MARGIN_PX,
) -> Camera:
    """Return the camera that shows a whole scene of a size in the middle of a window."""
    zoom = min(max(view_width - 2 * margin, 1) / max(width, 1), max(view_height - 2 * margin, 1) / max(height, 1), most)
    return Camera((width - view_width / zoom) / 2, (height - view_height / zoom) / 2, zoom)


def fitted_to(box: tuple[float, float, float, float], view_width: float, view_height: float, most: float) -> Camera:
    """Return the camera with a box (x, y, width, height) in the middle, with room around it."""
    x, y, width, height = box
    camera = fitted(width, height, view_width, view_height, most=most, margin=0.18 * min(view_width, view_height))
    return Camera(camera.x + x, camera.y + y, camera.zoom)


def between(first: Camera, last: Camera, t: float, view_width: float, view_height: float) -> Camera:
    """Return the camera on the way from one to another, `t` from 0 to 1: the zoom grows evenly to the eye."""
    zoom = first.zoom * (last.zoom / first.zoom) ** t
    if abs(last.zoom / first.zoom - 1) > 1e-3:
        share = (1 / first.zoom - 1 / zoom) / (1 / first.zoom - 1 / last.zoom)
    else:
        share = t
    ax, ay = first.to_scene(view_width / 2, view_height / 2)
    bx, by = last.to_scene(view_width / 2, view_height / 2)
    x, y = ax + share * (bx - ax), ay + share * (by - ay)
    return Camera(x - view_width / 2 / zoom, y - view_height / 2 / zoom, zoom)
