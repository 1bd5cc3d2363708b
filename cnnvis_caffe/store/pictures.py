"""Many small pictures in two datasets: image files one behind the other, each picture once."""

from __future__ import annotations

import hashlib
import tempfile
from collections import OrderedDict
from typing import Any

import h5py
import numpy as np

from cnnvis_caffe.errors import MissingDependencyError, StoreError
from cnnvis_caffe.files.image_size import check_image_size
from cnnvis_caffe.store.h5 import OpenFile, write_array, write_file

_JPEG_QUALITY = 92
#: Pictures are read in pieces of this size.
_BYTES_AT_ONCE = 1 << 20
#: Pieces that are kept.
_N_KEPT = 64


class PicturePool:
    """Pictures on their way into a file; what has been taken waits in a file without a name and takes no memory.

    Parameters
    ----------
    group : h5py.Group
        Where they go.
    largest_png : int
        Pictures up to this height and width are kept to the bit, as PNG; larger ones as JPEG.
    """

    def __init__(self, group: h5py.Group, largest_png: int) -> None:
        self._group, self._largest_png = group, largest_png
        self._files = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the pool
        self._offsets = [0]
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
        # Large fields see whole images, and many neurons the same one; neurons of two snapshots often the same patch.
        key = hashlib.sha1(repr(picture.shape).encode() + picture.tobytes()).digest()
        if key not in self._known:
            self._known[key] = len(self._known)
            content = self._encode(picture)
            self._files.write(content)
            self._offsets.append(self._offsets[-1] + len(content))
        return self._known[key]

    def finish(self) -> None:
        """Write all pictures, and where each is."""
        write_file(self._group, "bytes", self._files)
        write_array(self._group, "offsets", np.array(self._offsets), "<i8")

    def close(self) -> None:
        """Let go of what waited."""
        self._files.close()

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
        self._offsets: np.ndarray | None = None
        self._size = 0
        self._pieces: OrderedDict[int, np.ndarray] = OrderedDict()

    def check(self, numbers: np.ndarray) -> None:
        """Raise StoreError unless there are pictures of all numbers, or -1 where there is none.

        Parameters
        ----------
        numbers : ndarray of int
        """
        n = len(self._places()) - 1
        wrong = numbers[(numbers < -1) | (numbers >= n)]
        if len(wrong):
            raise StoreError(self._file.path, self._key, f"has no picture {wrong[0]}")

    def _places(self) -> np.ndarray:
        """Where each picture begins, and where the last ends."""
        with self._file.lock:
            if self._offsets is None:
                self._size = self._file.check(f"{self._key}/bytes", "|u1", (None,))[0]
                self._offsets = self._file.array(f"{self._key}/offsets", "<i8", (None,))
            return self._offsets

    def _content(self, begin: int, end: int) -> np.ndarray:
        """Some of the bytes; those around them are kept."""
        first, last = begin // _BYTES_AT_ONCE, (end - 1) // _BYTES_AT_ONCE
        with self._file.lock:
            pieces = [self._piece(number) for number in range(first, last + 1)]
        content = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        start = first * _BYTES_AT_ONCE
        return content[begin - start : end - start]

    def _piece(self, number: int) -> np.ndarray:
        """A piece of the bytes."""
        if number not in self._pieces:
            begin = number * _BYTES_AT_ONCE
            self._pieces[number] = self._file.part(f"{self._key}/bytes", "|u1", begin, begin + _BYTES_AT_ONCE)
            if len(self._pieces) > _N_KEPT:
                self._pieces.popitem(last=False)
        self._pieces.move_to_end(number)
        return self._pieces[number]

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
        offsets = self._places()
        if not 0 <= number < len(offsets) - 1:
            raise StoreError(self._file.path, self._key, f"has no picture {number}")
        begin, end = int(offsets[number]), int(offsets[number + 1])
        if not 0 <= begin < end <= self._size:
            raise StoreError(self._file.path, f"{self._key}/offsets", f"picture {number} lies outside of the bytes")
        cv2 = _opencv()
        content = self._content(begin, end)
        try:
            check_image_size(content.data)
            picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
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
