"""Reads and writes mean images: Caffe's .binaryproto files, which are one BlobProto, and arrays of NumPy."""

from __future__ import annotations

import os

import numpy as np

from cnnvis_caffe.errors import DataFileError, MeanFileError
from cnnvis_caffe.files.atomic import atomic_write
from cnnvis_caffe.formats import sniff
from cnnvis_caffe.formats.blobproto import blob_pieces, read_blob, show, write_pieces
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.formats.npy import read_npy
from cnnvis_caffe.formats.wire import WireError


def read_mean(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a mean image.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    ndarray of shape (C, H, W), float32
        A copy; channels are in the order of the training data, BGR as a rule.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    MeanFileError
        If it is not a mean image or is damaged.
    """
    file = MappedFile(path, MeanFileError)
    try:
        blob = read_blob(file, 0, file.size)
    except WireError as damage:
        raise MeanFileError(file.path, _explain(file, str(damage))) from damage
    shape = blob.shape[1:] if len(blob.shape) == 4 and blob.shape[0] == 1 else blob.shape
    if len(shape) != 3 or not blob.data.size:
        reason = f"holds an array {show(blob.shape)}, but a mean image is 1xCxHxW"
        raise MeanFileError(file.path, _explain(file, reason))
    return np.array(blob.data.reshape(shape))


def read_any_mean(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a mean in any form: a .binaryproto, or an array as pycaffe's scripts have it.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    ndarray of shape (C, H, W) or (C,), float32
        A mean image, or a value for each channel.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    MeanFileError
        If it is not a mean or is damaged.
    """
    if not os.fspath(path).lower().endswith(".npy"):
        return read_mean(path)
    try:
        mean = np.array(read_npy(path), np.float32)
    except (DataFileError, ValueError) as error:
        raise MeanFileError(os.fspath(path), f"is not a mean: {error}") from error
    mean = mean[0] if mean.ndim == 4 and len(mean) == 1 else mean
    if mean.ndim not in (1, 3) or not mean.size:
        raise MeanFileError(
            os.fspath(path), f"holds an array {show(mean.shape)}, but a mean is CxHxW, or one value for each channel"
        )
    return mean


def write_mean(path: str | os.PathLike[str], mean: np.ndarray) -> None:
    """Write a mean image as Caffe's compute_image_mean does.

    Parameters
    ----------
    path : str or path-like
    mean : ndarray of shape (C, H, W), float32

    Raises
    ------
    MeanFileError
        If the array is not of three axes.

    Notes
    -----
    ``tools/compute_image_mean.cpp``: the old four dimensions with num = 1, then floats.
    """
    mean = np.asarray(mean, np.float32)
    if mean.ndim != 3 or not mean.size:
        raise MeanFileError(os.fspath(path), f"cannot be written: the array is {show(mean.shape)}, not CxHxW")
    with atomic_write(path) as temporary_path, open(temporary_path, "wb") as file:
        write_pieces(file, blob_pieces(mean[np.newaxis], legacy=True))


def _explain(file: MappedFile, trouble: str) -> str:
    """Return a reason that says what the file looks like, where that can be told."""
    looks_like = sniff.describe(file.data)
    return f"is not a mean image; it looks like {looks_like}" if looks_like else trouble
