"""Images in HDF5 and npz files."""

from __future__ import annotations

import zipfile

import numpy as np

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.hdf5_data import dataset_shapes, read_arrays
from cnnvis_caffe.formats.npy import read_npz
from cnnvis_caffe.records.annotations import Annotations, of_classes, of_numbers, without_labels

_CHANNELS = (1, 3)


def read_array_file(path: str, names: tuple[str, str]) -> tuple[np.ndarray, str, Annotations]:
    """Read images and labels.

    Parameters
    ----------
    path : str
        An HDF5 file with datasets of images and labels, or an npz file with ``images`` and, where they are known,
        ``labels`` and ``class_names``.
    names : (str, str)
        Datasets of the HDF5 file; without the second, images have no labels.

    Returns
    -------
    (ndarray of shape (n, C, H, W) or (n, C, L, H, W), uint8 or float32; str; Annotations)
        Images or clips, order of the channels (empty where the file does not say) and labels.

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
        images, labels = _read_hdf5(path, names)
        order = ""
    images = _as_images(path, images)
    if not np.isfinite(images).all():
        raise DataFileError(path, "has images with NaN or infinity")
    annotations = annotate_array(path, labels, len(images), class_names)
    return np.ascontiguousarray(images), "grey" if images.shape[1] == 1 else order, annotations


def _as_images(path: str, images: np.ndarray) -> np.ndarray:
    """Images with their channels before height and width."""
    if images.ndim == 3:
        images = images[:, np.newaxis]
    elif images.ndim == 4 and images.shape[1] not in _CHANNELS and images.shape[3] in _CHANNELS:
        images = images.transpose(0, 3, 1, 2)
    if images.ndim not in (4, 5) or not images.size:
        shape = "x".join(map(str, images.shape))
        raise DataFileError(
            path, f"has images of shape {shape}; (n, C, H, W), (n, H, W, C), (n, H, W) or, for clips, (n, C, L, H, W) "
            "is allowed"
        )  # fmt: skip
    return images


def annotate_array(path: str, labels: np.ndarray | None, n_images: int, class_names: tuple[str, ...]) -> Annotations:
    """Say of which kind the labels in an array are.

    Parameters
    ----------
    path : str
        Where they come from.
    labels : ndarray or None
        One row an image.
    n_images : int
    class_names : tuple of str

    Returns
    -------
    Annotations
        Whole numbers from 0, one an image, are classes; else as by `of_numbers`.

    Raises
    ------
    DataFileError
        If there are not as many as images, or if they are not numbers.
    """
    if labels is None:
        return without_labels(n_images)
    shape = labels.shape
    if not labels.size or labels.ndim < 1 or len(labels) != n_images:
        raise DataFileError(path, f"has {n_images} images and labels of shape {shape}; give a row for each image")
    labels = labels.reshape(n_images, -1)
    with np.errstate(invalid="ignore"):
        whole = labels[:, 0].astype(np.int64)
    if labels.shape[1] > 1 or not np.array_equal(whole, labels[:, 0]):
        return of_numbers(labels)
    if whole.min() < 0:
        raise DataFileError(path, f"has the label {whole.min()}; labels count from 0")
    return of_classes(whole, class_names)


def _read_hdf5(path: str, names: tuple[str, str]) -> tuple[np.ndarray, np.ndarray | None]:
    """Images of an HDF5 file, and labels where it has them."""
    if names[1] in dataset_shapes(path):
        images, labels = read_arrays(path, names)
        return images, labels
    return read_arrays(path, names[:1])[0], None


def _read_npz(path: str) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Images, labels and names of classes of an npz file."""
    arrays = read_npz(path, ("images",), ("labels", "class_names"))
    images, labels = arrays["images"], arrays.get("labels")
    class_names = tuple(map(str, arrays["class_names"].reshape(-1).tolist())) if "class_names" in arrays else ()
    if images.dtype.kind not in "fiu" or (labels is not None and labels.dtype.kind not in "fiu"):
        found = "" if labels is None else f" and labels of {labels.dtype}"
        raise DataFileError(path, f"has images of {images.dtype}{found}; numbers are allowed")
    return (images if images.dtype == np.uint8 else images.astype(np.float32, copy=False)), labels, class_names
