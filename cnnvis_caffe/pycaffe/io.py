"""The module ``caffe.io``: images and arrays on their way into a net, and arrays in protobuf messages."""

from __future__ import annotations

import math
import os
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.errors import DataNotFoundError, FileFormatError, MissingDependencyError
from cnnvis_caffe.files.image_size import check_image_size
from cnnvis_caffe.pycaffe._resample import resample
from cnnvis_caffe.pycaffe.proto import caffe_pb2

# Luminance of linear RGB (Rec. 709 primaries), as scikit-image weighs the channels for Caffe.
_GREY_WEIGHTS = (0.2125, 0.7154, 0.0721)


# -- messages and arrays --------------------------------------------------------------------------------


def blobproto_to_array(blob: Any, return_diff: bool = False) -> np.ndarray:
    """Return the values of a `BlobProto` as an array.

    Parameters
    ----------
    blob : caffe_pb2.BlobProto
        Message; its shape is ``shape``, or ``num, channels, height, width`` if any of these four is set.
    return_diff : bool, default=False
        Return the gradients (``diff``) instead of the values (``data``).

    Returns
    -------
    ndarray of float64
        A copy in the blob's shape; a message without any shape holds a scalar.

    Raises
    ------
    ValueError
        If the number of values does not fit the shape.
    """
    values = np.array(blob.diff if return_diff else blob.data, dtype=np.float64)
    if any(blob.HasField(name) for name in ("num", "channels", "height", "width")):
        return values.reshape(blob.num, blob.channels, blob.height, blob.width)
    return values.reshape(tuple(blob.shape.dim))


def array_to_blobproto(arr: np.ndarray, diff: np.ndarray | None = None) -> Any:
    """Return an array as a `BlobProto`.

    Parameters
    ----------
    arr : ndarray
        Values, any shape and number type; stored as float32.
    diff : ndarray, optional
        Gradients of the same shape (which is not checked).

    Returns
    -------
    caffe_pb2.BlobProto
    """
    blob = caffe_pb2.BlobProto()
    blob.shape.dim.extend(arr.shape)
    blob.data.extend(arr.astype(np.float64).ravel().tolist())
    if diff is not None:
        blob.diff.extend(diff.astype(np.float64).ravel().tolist())
    return blob


def arraylist_to_blobprotovector_str(arraylist: Iterable[np.ndarray]) -> bytes:
    """Return a list of arrays as one serialized `BlobProtoVector`."""
    vector = caffe_pb2.BlobProtoVector()
    vector.blobs.extend([array_to_blobproto(array) for array in arraylist])
    return vector.SerializeToString()


def blobprotovector_str_to_arraylist(str: bytes) -> list[np.ndarray]:
    """Return the arrays of a serialized `BlobProtoVector`, each float64 in its own shape."""
    vector = caffe_pb2.BlobProtoVector()
    vector.ParseFromString(str)
    return [blobproto_to_array(blob) for blob in vector.blobs]


def array_to_datum(arr: np.ndarray, label: int | None = None) -> Any:
    """Return an image as a `Datum`, the message that Caffe's databases hold.

    Parameters
    ----------
    arr : ndarray of shape (channels, height, width)
        uint8 is stored as bytes (``data``), everything else as floats (``float_data``).
    label : int, optional
        Class of the image; not set in the message when not given.

    Returns
    -------
    caffe_pb2.Datum

    Raises
    ------
    ValueError
        If `arr` has not three axes.
    """
    if arr.ndim != 3:
        raise ValueError(f"Incorrect array shape: a Datum holds (channels, height, width), got {arr.shape}")
    datum = caffe_pb2.Datum()
    datum.channels, datum.height, datum.width = arr.shape
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(np.float64).ravel().tolist())
    if label is not None:
        datum.label = label
    return datum


def datum_to_array(datum: Any) -> np.ndarray:
    """Return the image of a `Datum` that is not encoded.

    Parameters
    ----------
    datum : caffe_pb2.Datum

    Returns
    -------
    ndarray of shape (channels, height, width)
        uint8 if the datum holds bytes, else float64. A copy; the label stays in ``datum.label``.

    Raises
    ------
    ValueError
        If the number of values does not fit the shape, as with an encoded (JPEG) image.
    """
    if datum.data:
        values = np.frombuffer(datum.data, dtype=np.uint8).copy()
    else:
        values = np.array(datum.float_data, dtype=np.float64)
    return values.reshape(datum.channels, datum.height, datum.width)


# -- preprocessing --------------------------------------------------------------------------------


def _weak(value: Any) -> Any:
    """Return a scalar as a plain number, which never widens an array; arrays are returned as they are."""
    # numpy before 2 chose the type of array * scalar by the array alone, and so did Caffe's numbers come
    # about.
    return np.asarray(value).item() if np.ndim(value) == 0 else value


class Transformer:
    """Turn images into what a net takes, and back.

    Parameters
    ----------
    inputs : mapping of str to tuple of int
        Shape (batch, channels, height, width) of each input blob that is to be fed, by its name.

    Attributes
    ----------
    inputs : mapping
        As given.
    transpose, channel_swap, raw_scale, mean, input_scale : dict
        What has been set, by input name.

    Notes
    -----
    Follows ``python/caffe/io.py``. Values are equal to real Caffe's to the bit, except where
    `resize_image` is used.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]) -> None:
        self.inputs = inputs
        self.transpose: dict[str, Sequence[int]] = {}
        self.channel_swap: dict[str, Sequence[int]] = {}
        self.raw_scale: dict[str, Any] = {}
        self.mean: dict[str, np.ndarray] = {}
        self.input_scale: dict[str, Any] = {}

    def preprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """Turn an image into an input of the net.

        Steps, each only if it has been set: float32, resize to the input's height and width, transpose,
        reorder channels, multiply by the raw scale, subtract the mean, multiply by the input scale.

        Parameters
        ----------
        in_ : str
            Name of the input.
        data : ndarray of shape (height, width, channels)
            Image; usually float32 RGB in 0..1 from `load_image`.

        Returns
        -------
        ndarray of float32, shape (channels, height, width)

        Notes
        -----
        A float32 image that needs neither resizing nor a channel swap is scaled and shifted in place.
        """
        self._check_input(in_)
        # Caffe quirk: no copy of a float32 image of the right size, so the steps below change the caller's
        # array.
        image = np.asarray(data).astype(np.float32, copy=False)
        size = tuple(self.inputs[in_][2:])
        if image.shape[:2] != size:
            image = resize_image(image, size)
        if in_ in self.transpose:
            image = image.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            image = image[list(self.channel_swap[in_]), :, :]
        if in_ in self.raw_scale:
            image *= _weak(self.raw_scale[in_])
        if in_ in self.mean:
            image -= self.mean[in_]
        if in_ in self.input_scale:
            image *= _weak(self.input_scale[in_])
        return image

    def deprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """Turn an input of the net back into an image; undoes all of `preprocess` but the resizing.

        Parameters
        ----------
        in_ : str
            Name of the input.
        data : ndarray of shape (channels, height, width) or (1, channels, height, width)
            What `preprocess` gave, or the data of the input blob; not changed.

        Returns
        -------
        ndarray of shape (height, width, channels)
            Axes of length 1 are dropped before the steps are undone, so a grey image needs one more axis
            first.
        """
        self._check_input(in_)
        image = data.copy().squeeze()
        if in_ in self.input_scale:
            image /= _weak(self.input_scale[in_])
        if in_ in self.mean:
            image += self.mean[in_]
        if in_ in self.raw_scale:
            image /= _weak(self.raw_scale[in_])
        if in_ in self.channel_swap:
            image = image[np.argsort(self.channel_swap[in_]), :, :]
        if in_ in self.transpose:
            image = image.transpose(np.argsort(self.transpose[in_]))
        return image

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """Set the order of axes.

        Parameters
        ----------
        in_ : str
            Name of the input.
        order : sequence of int
            One entry for each axis of the input but the first: (2, 0, 1) makes channels, height, width of
            height, width, channels.
        """
        self._check_input(in_)
        expected = len(self.inputs[in_]) - 1
        if len(order) != expected:
            raise ValueError(
                f"Transpose order needs to have the same number of dimensions as the input: "
                f"{expected} for {in_!r}, got {len(order)}"
            )
        self.transpose[in_] = order

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """Set the order of channels, which are the first axis after the transpose.

        Parameters
        ----------
        in_ : str
            Name of the input.
        order : sequence of int
            One entry for each channel of the input: (2, 1, 0) makes BGR of RGB.
        """
        self._check_input(in_)
        expected = self.inputs[in_][1]
        if len(order) != expected:
            raise ValueError(
                f"Channel swap needs to have the same number of dimensions as the input channels: "
                f"{expected} for {in_!r}, got {len(order)}"
            )
        self.channel_swap[in_] = order

    def set_raw_scale(self, in_: str, scale: float) -> None:
        """Set the factor applied before the mean: 255 for nets that were trained on 0..255.

        Parameters
        ----------
        in_ : str
            Name of the input.
        scale : float
            Factor.
        """
        self._check_input(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_: str, mean: np.ndarray) -> None:
        """Set the mean to subtract.

        Parameters
        ----------
        in_ : str
            Name of the input.
        mean : ndarray of shape (channels,), (height, width) or (channels, height, width)
            In the net's channel order and after the raw scale; resized if it has not the input's size.

        Raises
        ------
        ValueError
            If the shape is none of these.
        """
        self._check_input(in_)
        channels, *size = self.inputs[in_][1:]
        if mean.ndim == 1:
            if mean.shape[0] != channels:
                raise ValueError(
                    f"Mean channels incompatible with input: {in_!r} has {channels}, the mean {mean.shape[0]}"
                )
            self.mean[in_] = mean[:, np.newaxis, np.newaxis]
            return
        if mean.ndim not in (2, 3):
            raise ValueError(
                f"Mean shape invalid: expected (channels,), (height, width) or (channels, height, width), "
                f"got {mean.shape}"
            )
        if mean.shape[-2:] != tuple(size):
            mean = _resize_mean(mean, size)
        self.mean[in_] = mean

    def set_input_scale(self, in_: str, scale: float) -> None:
        """Set the factor applied last, after the mean.

        Parameters
        ----------
        in_ : str
            Name of the input.
        scale : float
            Factor.
        """
        self._check_input(in_)
        self.input_scale[in_] = scale

    def _check_input(self, in_: str) -> None:
        """Raise unless the transformer was made for this input."""
        if in_ not in self.inputs:
            raise ValueError(f"{in_} is not one of the net inputs: {self.inputs}")


def _resize_mean(mean: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return a mean image of another height and width, float32, with three axes."""
    mean = mean.reshape(-1, *mean.shape[-2:])
    low, high = mean.min(), mean.max()
    if low == high:
        return np.full((mean.shape[0], *size), low, dtype=np.float32)
    resized = resize_image(((mean - low) / (high - low)).transpose(1, 2, 0), size).transpose(2, 0, 1)
    return resized * _weak(high - low) + _weak(low)


# -- images --------------------------------------------------------------------------------


def load_image(filename: Any, color: bool = True) -> np.ndarray:
    """Read an image file.

    Parameters
    ----------
    filename : str, path or binary file
        Any format that OpenCV reads.
    color : bool, default=True
        Give three channels in any case; False gives one.

    Returns
    -------
    ndarray of float32, shape (height, width, 3) or (height, width, 1)
        RGB or grey in 0..1. An alpha channel is dropped, an orientation tag is not obeyed.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    FileFormatError
        If the file is not an image that OpenCV reads.
    MissingDependencyError
        If OpenCV is not installed.

    Notes
    -----
    Follows ``python/caffe/io.py``, whose ``color=False`` stopped working with scikit-image
    0.16; here it works. Grey is 0.2125 R + 0.7154 G + 0.0721 B.
    """
    image = _to_unit_range(_decode_image(filename))
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if image.shape[2] > 1:
        image = image[:, :, 2::-1]  # OpenCV's BGR or BGRA
    if color and image.shape[2] == 1:
        image = np.tile(image, (1, 1, 3))
    elif not color and image.shape[2] == 3:
        image = image @ np.array(_GREY_WEIGHTS)[:, np.newaxis]
    return np.ascontiguousarray(image, dtype=np.float32)


def _decode_image(filename: Any) -> np.ndarray:
    """Return the pixels of an image file as OpenCV gives them: its own number type, BGR."""
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError("opencv-python-headless", "data", "reading images") from error
    if hasattr(filename, "read"):
        path, content = str(getattr(filename, "name", "<file>")), filename.read()
    else:
        path = os.fspath(filename)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{path}: there is no such image file") from error
    try:
        check_image_size(content)
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except (ValueError, cv2.error) as error:
        reason = str(error) if isinstance(error, ValueError) else "is damaged"
        raise FileFormatError(path, f"not an image that OpenCV can read ({len(content)} bytes): it {reason}") from error
    if pixels is None:
        raise FileFormatError(path, f"not an image that OpenCV can read ({len(content)} bytes)")
    return pixels


def _to_unit_range(pixels: np.ndarray) -> np.ndarray:
    """Return integer pixels as float64 in 0..1; float pixels are in that range already."""
    if np.issubdtype(pixels.dtype, np.integer):
        return pixels * (1.0 / np.iinfo(pixels.dtype).max)
    return pixels.astype(np.float64)


def resize_image(im: np.ndarray, new_dims: Iterable[int], interp_order: int = 1) -> np.ndarray:
    """Resize an image.

    Parameters
    ----------
    im : ndarray of shape (height, width, channels)
        Any number type and range.
    new_dims : sequence of two int
        New height and width.
    interp_order : int, default=1
        0 nearest, 1 linear, 3 cubic; 2, 4 and 5 are splines.

    Returns
    -------
    ndarray of float32, shape (*new_dims, channels)

    Notes
    -----
    Follows ``python/caffe/io.py`` as it worked with the scikit-image of its time (0.13, 2017):
    images of 1 or 3 channels are sampled at pixel centres *without* smoothing, beyond the border lies the
    image's least value, and all is computed in float64. Since scikit-image 0.15 the same call smooths
    before it shrinks (values of noise change by up to a tenth of their range), and since 0.18 it computes
    float32 images in float32 (1e-5 of the range). Enlarged images agree with all versions to that; order 0
    may pick the other of two equally near pixels. Other numbers of channels go through
    `scipy.ndimage.zoom`, which aligns the centres of corner pixels.
    """
    height, width = (int(length) for length in new_dims)
    if im.shape[-1] not in (1, 3):
        from scipy.ndimage import zoom

        factors = (height / im.shape[0], width / im.shape[1]) + (1,) * (im.ndim - 2)
        return zoom(im, factors, order=interp_order).astype(np.float32)
    low, high = im.min(), im.max()
    if not high > low:
        return np.full((height, width, im.shape[-1]), low, dtype=np.float32)
    unit = ((im - low) / (high - low)).astype(np.float64)
    unit = resample(unit, height, width, interp_order).clip(0, 1)  # cubics and splines overshoot
    return (unit * _weak(high - low) + _weak(low)).astype(np.float32)


def oversample(images: Sequence[np.ndarray] | np.ndarray, crop_dims: Iterable[int]) -> np.ndarray:
    """Cut ten crops from each image: corners, centre, and the mirror images of these five.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width, channels)
        All of one shape.
    crop_dims : sequence of two int
        Height and width of the crops.

    Returns
    -------
    ndarray of float32, shape (10 * number of images, *crop_dims, channels)
        For each image: top left, top right, bottom left, bottom right, centre, then the same mirrored left
        to right.
    """
    height, width, channels = images[0].shape
    crop_height, crop_width = (int(length) for length in crop_dims)
    bottom, right = height - crop_height, width - crop_width
    centre = (math.trunc(height / 2.0 - crop_height / 2.0), math.trunc(width / 2.0 - crop_width / 2.0))
    corners = ((0, 0), (0, right), (bottom, 0), (bottom, right), centre)

    crops = np.empty((len(images), 2, len(corners), crop_height, crop_width, channels), dtype=np.float32)
    for image, (plain, mirrored) in zip(images, crops):
        for index, (top, left) in enumerate(corners):
            plain[index] = image[top : top + crop_height, left : left + crop_width]
        mirrored[...] = plain[:, :, ::-1]
    return crops.reshape(-1, crop_height, crop_width, channels)


def __getattr__(name: str) -> Any:
    """Real pycaffe's module of this name lets scripts reach what it imports: ``resize``, ``zoom`` and ``skimage``."""
    if name == "resize":
        return _resize
    if name == "zoom":
        from scipy.ndimage import zoom

        return zoom
    if name == "skimage":
        # What scripts reach of scikit-image in this way, unless they have imported it themselves.
        stand_in = types.SimpleNamespace(
            __name__="skimage",
            img_as_float=lambda image: np.asarray(image) / 255.0 if np.asarray(image).dtype == np.uint8 else image,
            io=types.SimpleNamespace(imread=lambda name, as_grey=False: load_image(name, color=not as_grey)),
            transform=types.SimpleNamespace(resize=_resize),
        )
        return sys.modules.get("skimage", stand_in)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _resize(image: np.ndarray, output_shape: Sequence[int], order: int = 1, **options: Any) -> np.ndarray:
    """Resize an image as ``skimage.transform.resize`` did in 2017: without smoothing, in float64."""
    if options:
        raise TypeError(
            f"resize takes image, output_shape and order here, got {', '.join(options)} as well; for more, "
            "pip install scikit-image and call skimage.transform.resize"
        )
    height, width = output_shape[:2]
    return resample(np.asarray(image, np.float64), height, width, order)
