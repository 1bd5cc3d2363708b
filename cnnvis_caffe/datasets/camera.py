"""Reads images from a camera, where there is one."""

from __future__ import annotations

import glob
import sys
from typing import Any

import numpy as np

from cnnvis_caffe.errors import DataNotFoundError, MissingDependencyError


def has_camera() -> bool:
    """Return whether there seems to be a camera; where the system does not say, that there is one."""
    return bool(glob.glob("/dev/video*")) if sys.platform.startswith("linux") else True


class CameraDevice:
    """The first camera, open.

    Raises
    ------
    DataNotFoundError
        If there is none, or another program has it.
    MissingDependencyError
        If OpenCV is not there.
    """

    def __init__(self) -> None:
        try:
            import cv2
        except ImportError as error:
            raise MissingDependencyError("opencv-python-headless", "data", "reading from a camera") from error
        self._capture: Any = cv2.VideoCapture(0)
        if not self._capture.isOpened():
            self.close()
            raise DataNotFoundError("camera 0: cannot be opened; plug one in, or close the program that uses it")

    def read(self) -> np.ndarray:
        """Wait for the next image.

        Returns
        -------
        ndarray of shape (H, W, 3), uint8
            RGB.

        Raises
        ------
        DataNotFoundError
            If the camera gives no more images.
        """
        is_there, image = self._capture.read()
        if not is_there:
            raise DataNotFoundError("camera 0: gives no image; plug it in again")
        return np.ascontiguousarray(image[..., ::-1])

    def close(self) -> None:
        """Let other programs have it."""
        self._capture.release()
