"""Many small pictures in two datasets: image files one behind the other, each picture once."""

from __future__ import annotations

import hashlib
from typing import Any

import h5py
import numpy as np

from cnnvis_caffe.errors import MissingDependencyError, StoreError
from cnnvis_caffe.files.image_size import check_image_size
from cnnvis_caffe.store.h5 import OpenFile, write_array, write_bytes

_JPEG_QUALITY = 92


class PicturePool:
    """Pictures that are on their way into a file.

    Parameters
    ----------
    largest_png : int
        Pictures up to this height and width are kept to the bit, as PNG; larger ones as JPEG.
    """

    def __init__(self, largest_png: int) -> None:
        self._largest_png = largest_png
        self._files: list[bytes] = []
        self._known: dict[bytes, int] = {}

    def add(self, picture: np.ndarray) -> int:
        """Take a picture.

        Parameters
        ----------
        picture : ndarray of shape (h, w, 3), uint8
            RGB.

        Returns
        -------
        int
            Its number; -1 if it has no pixels.
        """
        if not picture.size:
            return -1
        picture = np.ascontiguousarray(picture)
        # Large fields see whole images, and many neurons the same one.
        key = hashlib.sha1(repr(picture.shape).encode() + picture.tobytes()).digest()
        if key not in self._known:
            self._known[key] = len(self._files)
            self._files.append(self._encode(picture))
        return self._known[key]

    def write(self, group: h5py.Group) -> None:
        """Write all pictures.

        Parameters
        ----------
        group : h5py.Group
        """
        lengths = [0, *map(len, self._files)]
        write_bytes(group, "bytes", b"".join(self._files))
        write_array(group, "offsets", np.cumsum(lengths), "<i8")

    def _encode(self, picture: np.ndarray) -> bytes:
        """The file of a picture; one channel where all are the same."""
        cv2 = _opencv()
        is_grey = bool((picture[..., :1] == picture).all())
        plain = picture[..., 0] if is_grey else picture[..., ::-1]
        if max(picture.shape[:2]) <= self._largest_png:
            done, content = cv2.imencode(".png", np.ascontiguousarray(plain), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        else:
            done, content = cv2.imencode(
                ".jpg", np.ascontiguousarray(plain), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            )
        assert done, "OpenCV writes PNG and JPEG"
        return content.tobytes()


class StoredPictures:
    """Pictures of a file.

    Parameters
    ----------
    file : OpenFile
    key : str
        Of the group.
    """

    def __init__(self, file: OpenFile, key: str) -> None:
        self._file, self._key = file, key
        self._content: np.ndarray | None = None
        self._offsets: np.ndarray | None = None

    def check(self, numbers: np.ndarray) -> None:
        """Raise StoreError unless there are pictures of all numbers, or -1 where there is none.

        Parameters
        ----------
        numbers : ndarray of int
        """
        n = len(self._places()[0]) - 1
        wrong = numbers[(numbers < -1) | (numbers >= n)]
        if len(wrong):
            raise StoreError(self._file.path, self._key, f"has no picture {wrong[0]}")

    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each picture begins, and the bytes of all."""
        with self._file.lock:
            if self._content is None or self._offsets is None:
                self._offsets = self._file.array(f"{self._key}/offsets", "<i8", (None,))
                self._content = self._file.array(f"{self._key}/bytes", "|u1", (None,))
            return self._offsets, self._content

    def read(self, number: int) -> np.ndarray:
        """Decode a picture.

        Parameters
        ----------
        number : int
            -1 for one without pixels.

        Returns
        -------
        ndarray of shape (h, w, 3), uint8
            RGB.
        """
        if number == -1:
            return np.zeros((0, 0, 3), np.uint8)
        offsets, content = self._places()
        if not 0 <= number < len(offsets) - 1:
            raise StoreError(self._file.path, self._key, f"has no picture {number}")
        begin, end = int(offsets[number]), int(offsets[number + 1])
        if not 0 <= begin < end <= len(content):
            raise StoreError(self._file.path, f"{self._key}/offsets", f"picture {number} lies outside of the bytes")
        cv2 = _opencv()
        try:
            check_image_size(content[begin:end].data)
            picture = cv2.imdecode(content[begin:end], cv2.IMREAD_COLOR)
        except (ValueError, cv2.error) as error:
            raise StoreError(self._file.path, f"{self._key}/bytes", f"picture {number}: {error}") from error
        if picture is None:
            raise StoreError(self._file.path, f"{self._key}/bytes", f"picture {number} is damaged")
        return np.ascontiguousarray(picture[..., ::-1])


def _opencv() -> Any:
    """OpenCV, imported when it is first needed."""
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError("opencv-python-headless", "data", "the pictures of an analysis file") from error
    return cv2
