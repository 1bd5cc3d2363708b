"""Reads images from a camera beside the window."""

from __future__ import annotations

import threading

from cnnvis_caffe.datasets.camera import CameraDevice
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.viewer.qt import QObject, QThread, Signal


class CameraThread(QThread):
    """Gives one image after the other, each when the one before was taken.

    Signals
    -------
    seen : ndarray of shape (H, W, 3), uint8
    failed : exception
    """

    seen = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_stopped = False
        self._is_free = threading.Event()
        self._is_free.set()

    def take_next(self) -> None:
        """Ask for another image."""
        self._is_free.set()

    def stop(self) -> None:
        """End; wait until it has."""
        self._is_stopped = True
        self._is_free.set()
        self.wait()

    def run(self) -> None:
        """Read until it is stopped; called by Qt in the new thread."""
        try:
            camera = CameraDevice()
        except CnnvisError as error:
            self.failed.emit(error)
            return
        try:
            while not self._is_stopped:
                pixels = camera.read()
                # An image that nobody can take yet is let go: the next one is newer.
                if self._is_free.is_set() and not self._is_stopped:
                    self._is_free.clear()
                    self.seen.emit(pixels)
        except CnnvisError as error:
            self.failed.emit(error)
        finally:
            camera.close()
