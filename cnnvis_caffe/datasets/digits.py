"""Digits: 1,797 grey handwritten digits that scikit-learn brings along, scaled to 28×28 pixels."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.progress import Progress
from cnnvis_caffe.records.image_set import ImageSet

_N_TRAIN = 1500
_SIZE = 28
_LARGEST = 16  # of the original values


def load_digits(split: str, progress: Progress) -> ImageSet:
    """Load the digits; nothing is downloaded.

    Parameters
    ----------
    split : str
        "train" (the first 1,500) or "test" (the last 297, which other people wrote).
    progress : Progress
        Not told anything.

    Returns
    -------
    ImageSet

    Notes
    -----
    They are 8×8 with values from 0 to 16; bilinear interpolation between the centres of the pixels makes them as
    large as MNIST's, so that LeNet runs on them.
    """
    from sklearn import datasets

    source = datasets.load_digits()
    part = slice(0, _N_TRAIN) if split == "train" else slice(_N_TRAIN, None)
    weights = _interpolation(source.images.shape[1], _SIZE)
    large = weights @ source.images[part] @ weights.T
    images = np.rint(large * (255 / _LARGEST)).astype(np.uint8)[:, np.newaxis]
    labels = source.target[part].astype(np.int64)
    return ImageSet("digits", split, images, labels, tuple(map(str, range(10))), "grey")


def _interpolation(n_from: int, n_to: int) -> np.ndarray:
    """The matrix that interpolates linearly from n_from pixels to n_to over the same length."""
    centres = np.clip((np.arange(n_to) + 0.5) * n_from / n_to - 0.5, 0, n_from - 1)
    return np.maximum(0, 1 - np.abs(centres[:, np.newaxis] - np.arange(n_from)))
