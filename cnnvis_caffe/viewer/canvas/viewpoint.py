"""The part of its scene that a canvas looks at, and its flights between places: plain arithmetic, without a window."""

from __future__ import annotations

from cnnvis_caffe.viewer.canvas.boxes import Box
from cnnvis_caffe.viewer.canvas.camera import Camera, between, fitted, fitted_to
from cnnvis_caffe.viewer.canvas.motion import DURATION_S, eased

#: A thing is large enough to be seen from this size on, in pixels.
LARGE_PX = 24


class Viewpoint:
    """The camera over a scene, seen through a window.

    Attributes
    ----------
    camera : Camera
    is_fitted : bool
        Whether everything is in sight and stays so when the window changes its size.
    """

    def __init__(self) -> None:
        self.camera = Camera()
        self.is_fitted = True
        self._scene: tuple[float, float] | None = None
        self._window = (1.0, 1.0)
        self._flight: tuple[Camera, Camera, float] | None = None

    def set_scene_size(self, width: float, height: float) -> None:
        """Look on a scene of another size, from where the camera is."""
        self._scene = width, height

    def set_window_size(self, width: float, height: float) -> None:
        """Look through a window of another size, in pixels."""
        self._window = width, height

    @property
    def is_flying(self) -> bool:
        """Whether the camera is on its way."""
        return self._flight is not None

    def fitted(self) -> Camera:
        """Return the camera that sees everything."""
        return Camera() if self._scene is None else fitted(*self._scene, *self._window)

    def resting(self) -> Camera:
        """Return the camera after a change of the window's size."""
        return self.fitted() if self.is_fitted else self.camera

    def zoomed(self, factor: float, at: tuple[float, float] | None = None) -> Camera:
        """Return the camera after zooming about a pixel, or about the middle."""
        x, y = at or (self._window[0] / 2, self._window[1] / 2)
        return self.camera.zoomed(factor, x, y, min(self.fitted().zoom * 0.5, 1.0))

    def centred(self, x: float, y: float) -> Camera:
        """Return the camera with a point of the scene in the middle."""
        zoom = self.camera.zoom
        return Camera(x - self._window[0] / 2 / zoom, y - self._window[1] / 2 / zoom, zoom)

    def showing(self, box: Box, least_zoom: float, *, zoom_in: bool = True) -> Camera | None:
        """Return the camera that sees a box well; None if the present one does.

        Parameters
        ----------
        box : Box
        least_zoom : float
            From which on it is painted.
        zoom_in : bool
            Whether a small thing becomes a large one.
        """
        zoom = self.camera.zoom
        x0, y0 = self.camera.to_scene(0, 0)
        x1, y1 = self.camera.to_scene(*self._window)
        inside = x0 <= box.x and y0 <= box.y and box.x + box.width <= x1 and box.y + box.height <= y1
        is_large = max(box.width, box.height) * zoom >= LARGE_PX and zoom >= least_zoom
        if inside and (is_large or not zoom_in):
            return None
        most = max(1.5, self.fitted().zoom, 1.05 * least_zoom) if zoom_in else zoom
        return fitted_to(box, *self._window, most)

    def look(self, camera: Camera) -> None:
        """Place the camera, as near as the scene allows, and end a flight."""
        self._flight = None
        self._place(camera)

    def _place(self, camera: Camera) -> None:
        self.camera = camera.clamped(*self._scene, *self._window) if self._scene is not None else camera

    def fly(self, camera: Camera, now: float) -> None:
        """Begin to move the camera, at a time in seconds."""
        self._flight = (self.camera, camera, now)

    def advance(self, now: float) -> None:
        """Move the camera on, on its flight."""
        if self._flight is None:
            return
        first, last, started = self._flight
        t = min((now - started) / DURATION_S, 1.0)
        if t >= 1:
            self.look(last)
        else:
            self._place(between(first, last, eased(t), *self._window))

    def stop(self) -> None:
        """End a flight where the camera is."""
        self._flight = None
