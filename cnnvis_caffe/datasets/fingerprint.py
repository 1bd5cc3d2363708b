"""Tells images from others of the same number, for an analysis that goes on later, or in parts elsewhere."""

from __future__ import annotations

import hashlib
import os

import numpy as np

from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.datasets.readers import Reader
from cnnvis_caffe.records.annotations import CLASS, Annotations

#: Images of which it is looked at every pixel where not all are in memory.
_N_SAMPLED = 16
_IMAGES_AT_ONCE = 4096


def content(reader: Reader, annotations: Annotations, indices: np.ndarray, settings: Preprocessing) -> str:
    """Return a checksum of images and labels, and of what is done to them.

    Parameters
    ----------
    reader : Reader
        Of images in memory all pixels count; else the sizes of all image files, and the pixels of some images that
        are spread evenly.
    annotations : Annotations
    indices : ndarray of int64
        Which images.
    settings : Preprocessing

    Returns
    -------
    str
        In hexadecimal; the same on any machine and wherever the files lie.
    """
    digest = hashlib.sha256(repr((settings.scale, settings.mean_values)).encode())
    if settings.mean_image is not None:
        _add(digest, settings.mean_image)
    _add(digest, annotations.strata()[indices])
    if annotations.kind != CLASS and len(annotations.values):
        _add(digest, annotations.values[indices])
    if annotations.masks:
        _add(digest, np.array([os.stat(annotations.masks[index]).st_size for index in indices.tolist()], np.int64))
    if reader.is_in_memory:
        parts = [indices[start : start + _IMAGES_AT_ONCE] for start in range(0, len(indices), _IMAGES_AT_ONCE)]
    else:
        parts = [indices[np.linspace(0, len(indices) - 1, min(_N_SAMPLED, len(indices))).astype(np.int64)]]
        if len(reader.files) == annotations.n_images:
            _add(digest, np.array([os.stat(reader.files[index]).st_size for index in indices.tolist()], np.int64))
    for part in parts:
        found = reader.read(part)
        for image in [found] if isinstance(found, np.ndarray) else found:
            _add(digest, image)
    return digest.hexdigest()


def times(reader: Reader) -> str:
    """Return a checksum of how large the files are that are read during the work, and when they were written.

    Parameters
    ----------
    reader : Reader

    Returns
    -------
    str
        In hexadecimal; empty where there are no such files.
    """
    found = (number for status in map(os.stat, reader.files) for number in (status.st_size, status.st_mtime_ns))
    digest = hashlib.sha256()
    _add(digest, np.fromiter(found, np.int64).reshape(-1, 2))
    return digest.hexdigest() if len(reader.files) else ""


def _add(digest: hashlib._Hash, array: np.ndarray) -> None:
    """Add an array with its type and shape."""
    digest.update(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
