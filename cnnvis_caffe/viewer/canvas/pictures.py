"""Images of a scene as pixmaps, in the sizes in which they are seen."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from cnnvis_caffe.scene.shapes import Bitmap
from cnnvis_caffe.viewer.qt import QImage, QPixmap

#: Bytes of pictures that a display keeps ready; the ones used longest ago go first.
PICTURE_BYTES = 48 << 20


class PictureCache:
    """Pixmaps of pictures in the size in which they are seen, up to `PICTURE_BYTES`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], QPixmap] = OrderedDict()
        self._bytes = 0

    def get(self, shape: Bitmap, zoom: float) -> QPixmap | None:
        """Return the pixmap, halved as often as it still has more pixels than are seen; None for empty pictures."""
        height, width = shape.pixels.shape[:2]
        if not height or not width:
            return None
        level = 0
        if shape.is_smooth:
            wanted = max(shape.width * zoom, 1.0)
            while width >> (level + 1) >= wanted and height >> (level + 1) >= 1 and level < 6:
                level += 1
        key = (shape.name, level)
        pixmap = self._kept.get(key)
        if pixmap is not None:
            self._kept.move_to_end(key)
            return pixmap
        pixmap = QPixmap.fromImage(to_image(halved(shape.pixels, level)))
        self._kept[key] = pixmap
        self._bytes += pixmap.width() * pixmap.height() * 4
        while self._bytes > PICTURE_BYTES and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.width() * old.height() * 4
        return pixmap


def halved(pixels: np.ndarray, level: int) -> np.ndarray:
    """Return an image with each block of 2**level pixels a side as its mean, (h, w, 3) uint8."""
    if level == 0:
        return pixels
    size = 1 << level
    height, width = pixels.shape[0] // size * size, pixels.shape[1] // size * size
    blocks = pixels[:height, :width].reshape(height // size, size, width // size, size, 3)
    return blocks.mean((1, 3), dtype=np.float32).round().astype(np.uint8)


def to_image(pixels: np.ndarray) -> QImage:
    """Return a QImage with its own copy of the pixels, (h, w, 3) uint8 RGB."""
    pixels = np.ascontiguousarray(pixels, np.uint8)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 3 * width, QImage.Format_RGB888).copy()
