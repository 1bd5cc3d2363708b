"""Image files read as Caffe reads them: by OpenCV, channels in the order BGR."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from cnnvis_caffe.errors import DataFileError, DataNotFoundError, MissingDependencyError
from cnnvis_caffe.files.image_size import check_image_size
from cnnvis_caffe.files.opening import read_file


def read_image(
    path: str | os.PathLike[str], color: bool = True, height: int = 0, width: int = 0
) -> np.ndarray:
    """Read an image file.

    Parameters
    ----------
    path : str or path-like
    color : bool, default=True
        Three channels (BGR) or one, whatever the file has.
    height, width : int, default=0
        Resize to this, where both are given.

    Returns
    -------
    ndarray of shape (height, width, channels), uint8

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it is not an image.

    Notes
    -----
    ``ReadImageToCVMat`` in ``src/caffe/util/io.cpp``.
    """
    content = read_bytes(path)
    try:
        image = decode_image(content, color)
    except ValueError as error:
        raise DataFileError(os.fspath(path), str(error)) from error
    return resize_image(image, height, width) if height > 0 and width > 0 else image


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a whole file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    bytes

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it cannot be read.
    """
    try:
        return read_file(path)
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{os.fspath(path)}: there is no such file") from error
    except OSError as error:
        raise DataFileError(os.fspath(path), f"cannot be read: {error.strerror}") from error


def decode_image(content: bytes | memoryview, color: bool | None = True) -> np.ndarray:
    """Decode the content of an image file.

    Parameters
    ----------
    content : bytes or memoryview
    color : bool or None, default=True
        Three channels (BGR), one, or as many as the file has.

    Returns
    -------
    ndarray of shape (height, width, channels), uint8

    Raises
    ------
    ValueError
        If it is no image of 8 bits per channel, or so large that its file cannot be meant.
    """
    cv2 = _opencv()
    check_image_size(content)
    flags = {None: cv2.IMREAD_UNCHANGED, True: cv2.IMREAD_COLOR, False: cv2.IMREAD_GRAYSCALE}
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags[color])
    except cv2.error as error:
        raise ValueError("is not an image that OpenCV can decode, or is damaged") from error
    if image is None:
        raise ValueError("is not an image that OpenCV can decode, or is damaged")
    if image.dtype != np.uint8:
        raise ValueError(f"has pixels of type {image.dtype}; 8 bits per channel are allowed")
    return image.reshape(*image.shape[:2], -1)


def with_channels(image: np.ndarray, n_channels: int) -> np.ndarray:
    """Return an image with the channels that a network takes.

    Parameters
    ----------
    image : ndarray of shape (height, width, 1, 3 or 4), uint8
        Grey, BGR or BGRA.
    n_channels : {1, 3}

    Returns
    -------
    ndarray of shape (height, width, n_channels), uint8

    Notes
    -----
    ``Classifier::Preprocess`` in ``examples/cpp_classification/classification.cpp``.
    """
    cv2 = _opencv()
    names = {1: "GRAY", 3: "BGR", 4: "BGRA"}
    found, wanted = names[image.shape[2]], names[n_channels]
    if found != wanted:
        image = cv2.cvtColor(image, getattr(cv2, f"COLOR_{found}2{wanted}"))
    return image.reshape(*image.shape[:2], n_channels)


def encode_image(image: np.ndarray, extension: str) -> bytes:
    """Encode an image.

    Parameters
    ----------
    image : ndarray of shape (height, width, channels), uint8
        One channel, or three in the order BGR.
    extension : str
        Which kind of file: "png", "jpg" and so on.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If OpenCV cannot write that kind.
    """
    cv2 = _opencv()
    try:
        done, content = cv2.imencode(f".{extension}", np.ascontiguousarray(image))
    except cv2.error as error:
        raise ValueError(f"OpenCV cannot encode images as {extension!r}") from error
    if not done:
        raise ValueError(f"OpenCV cannot encode this image as {extension!r}")
    return content.tobytes()


def resize_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an image as Caffe does, with bilinear interpolation.

    Parameters
    ----------
    image : ndarray of shape (h, w, channels), uint8
    height, width : int
        At least 1.

    Returns
    -------
    ndarray of shape (height, width, channels), uint8
    """
    cv2 = _opencv()
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized.reshape(height, width, -1)


def _opencv() -> Any:
    """OpenCV, imported when it is first needed: it is large, and not everybody has it."""
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError("opencv-python-headless", "data", "reading images") from error
    return cv2
