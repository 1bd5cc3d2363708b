"""Photos that real Caffe's Classifier is asked about for the recording, and our predict in the test."""

from __future__ import annotations

import numpy as np

#: Height and width of the photos, which are not resized: every crop is of whole pixels.
IMAGE_DIMS = (11, 12)
#: BGR.
MEAN = (104.0, 117.0, 123.0)
SCALE = 0.5


def photos() -> np.ndarray:
    """Return photos (5, 11, 12, 3), uint8, RGB."""
    return np.random.RandomState(11).randint(0, 256, (5, *IMAGE_DIMS, 3)).astype(np.uint8)
