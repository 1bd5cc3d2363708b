"""Images in HDF5 and npz files."""

from __future__ import annotations

import zipfile

import numpy as np

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.hdf5_data import read_arrays
from cnnvis_caffe.formats.npy import read_npz

_CHANNELS = (1, 3)


def read_array_file(path: str, names: tuple[str, str]) -> tuple[np.ndarray, np.ndarray, str, tuple[str, ...]]:
    """Read images and labels.

    Parameters
    ----------
    path : str
        An HDF5 file with datasets of images and labels, or an npz file with ``images`` and ``labels`` and, where
        they are known, ``class_names``.
    names : (str, str)
        Datasets of the HDF5 file.

    Returns
    -------
    (ndarray of shape (n, C, H, W), uint8 or float32; ndarray of shape (n,), int64; str; tuple of str)
        Images, labels, order of the channels (empty where the file does not say) and names of the classes.

    Raises
    ------
    DataFileError
        If it is damaged, or the arrays are not what they should be.
    """
    class_names: tuple[str, ...] = ()
    if zipfile.is_zipfile(path):
        images, labels, class_names = _read_npz(path)
        order = "RGB"
    else:
        images, labels = read_arrays(path, names)
        order = ""
    if images.ndim == 3:
        images = images[:, np.newaxis]
    elif images.ndim == 4 and images.shape[1] not in _CHANNELS and images.shape[3] in _CHANNELS:
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4:
        shape = "x".join(map(str, images.shape))
        raise DataFileError(path, f"has images of shape {shape}; (n, C, H, W), (n, H, W, C) or (n, H, W) is allowed")
    if not labels.size or labels.ndim < 1 or not images.size:
        raise DataFileError(path, f"has images of shape {images.shape} and labels of shape {labels.shape}")
    labels = labels.reshape(len(labels), -1)
    if len(labels) != len(images) or labels.shape[1] != 1:
        raise DataFileError(path, f"has {len(images)} images and labels of shape {labels.shape}; give one an image")
    with np.errstate(invalid="ignore"):
        whole = labels[:, 0].astype(np.int64)
    if not np.array_equal(whole, labels[:, 0]):
        raise DataFileError(path, "has labels that are no whole numbers")
    if not np.isfinite(images).all():
        raise DataFileError(path, "has images with NaN or infinity")
    return np.ascontiguousarray(images), whole, "grey" if images.shape[1] == 1 else order, class_names


def _read_npz(path: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Images, labels and names of classes of an npz file."""
    arrays = read_npz(path, ("images", "labels"), ("class_names",))
    images, labels = arrays["images"], arrays["labels"]
    class_names = tuple(map(str, arrays["class_names"].reshape(-1).tolist())) if "class_names" in arrays else ()
    if images.dtype.kind not in "fiu" or labels.dtype.kind not in "fiu":
        raise DataFileError(path, f"has images of {images.dtype} and labels of {labels.dtype}; numbers are allowed")
    return (images if images.dtype == np.uint8 else images.astype(np.float32, copy=False)), labels, class_names
