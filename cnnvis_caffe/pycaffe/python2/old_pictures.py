"""Pictures as scipy.misc, PIL and OpenCV read and changed them in Python 2's time."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnvis_caffe.errors import MissingDependencyError
from cnnvis_caffe.pycaffe.python2.old_module import OldModule

_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "cubic": 3}


def _pil() -> Any:
    """Pillow's module of images."""
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError("pillow", "python2", "scipy.misc's functions for pictures") from error
    return Image


def bytescale(data: Any, cmin: Any = None, cmax: Any = None, high: int = 255, low: int = 0) -> np.ndarray:
    """Spread values over the bytes.

    Parameters
    ----------
    data : ndarray
        Bytes stay as they are.
    cmin, cmax : float or None
        What becomes low and high; the least and the largest value by default.
    high, low : int

    Returns
    -------
    ndarray of uint8
    """
    data = np.asarray(data)
    if data.dtype == np.uint8:
        return data
    least = data.min() if cmin is None else cmin
    largest = data.max() if cmax is None else cmax
    scaled = (data - least) * (float(high - low) / ((largest - least) or 1)) + low
    return (scaled.clip(low, high) + 0.5).astype(np.uint8)


def toimage(arr: Any, high: int = 255, low: int = 0, cmin: Any = None, cmax: Any = None, mode: Any = None) -> Any:
    """Make a picture of an array.

    Parameters
    ----------
    arr : ndarray of shape (height, width) or (height, width, 3 or 4)
        Channels may also come first or second, where only one axis can be theirs.
    high, low, cmin, cmax
        As for `bytescale`.
    mode : str or None
        ``F`` and ``I`` keep values of two axes as they are.

    Returns
    -------
    PIL.Image.Image
    """
    data = np.asarray(arr)
    if mode in ("F", "I") and data.ndim == 2:
        return _pil().fromarray(data.astype(np.float32 if mode == "F" else np.int32))
    if data.ndim == 3:
        channels = [axis for axis in (2, 0, 1) if data.shape[axis] in (3, 4)]
        if not channels:
            raise ValueError("a picture has 3 or 4 channels, got an array of shape " + str(data.shape))
        data = np.moveaxis(data, channels[0] if data.shape[2] not in (3, 4) else 2, 2)
    image = _pil().fromarray(np.ascontiguousarray(bytescale(data, cmin, cmax, high, low)))
    return image.convert(mode) if mode and mode != image.mode else image


def fromimage(im: Any, flatten: bool = False, mode: Any = None) -> np.ndarray:
    """Make an array of a picture.

    Parameters
    ----------
    im : PIL.Image.Image
    flatten : bool, default=False
        One channel, as float32.
    mode : str or None
        What it is turned into before.

    Returns
    -------
    ndarray
    """
    if mode is not None:
        im = im.convert(mode)
    elif im.mode == "P":
        im = im.convert("RGBA" if "transparency" in im.info else "RGB")
    if flatten:
        im = im.convert("F")
    elif im.mode == "1":
        im = im.convert("L")
    return np.array(im)


def imread(name: Any, flatten: bool = False, mode: Any = None) -> np.ndarray:
    """Read a picture, channels in the order RGB.

    Parameters
    ----------
    name : str or file
    flatten, mode
        As for `fromimage`.

    Returns
    -------
    ndarray
    """
    with _pil().open(name) as image:
        return fromimage(image, flatten, mode)


def imresize(arr: Any, size: Any, interp: str = "bilinear", mode: Any = None) -> np.ndarray:
    """Resize a picture.

    Parameters
    ----------
    arr : ndarray
    size : int, float or tuple
        Percent, a factor, or height and width.
    interp : {"nearest", "lanczos", "bilinear", "bicubic", "cubic"}
    mode : str or None

    Returns
    -------
    ndarray of uint8
        Values that are no bytes are spread over the bytes first.
    """
    image = toimage(arr, mode=mode)
    if isinstance(size, (int, np.integer)):
        size = size / 100.0
    if isinstance(size, (float, np.floating)):
        pixels = tuple(int(length * size) for length in image.size)
    else:
        pixels = (int(size[1]), int(size[0]))
    return fromimage(image.resize(pixels, resample=_FILTERS[interp]))


def imsave(name: Any, arr: Any, format: Any = None) -> None:
    """Write a picture.

    Parameters
    ----------
    name : str or file
    arr : ndarray
    format : str or None
        By the name's ending where there is none.
    """
    toimage(arr).save(name, format)


def imrotate(arr: Any, angle: float, interp: str = "bilinear") -> np.ndarray:
    """Turn a picture about its middle.

    Parameters
    ----------
    arr : ndarray
    angle : float
        In degrees, against the clock.
    interp : str

    Returns
    -------
    ndarray of uint8
    """
    return fromimage(toimage(arr).rotate(angle, resample=_FILTERS[interp]))


def _numbers() -> dict[str, Any]:
    """What scipy.misc had from other parts of scipy."""
    from scipy import special

    return {name: getattr(special, name) for name in ("comb", "factorial", "factorial2", "logsumexp")}


_PICTURES = (bytescale, toimage, fromimage, imread, imresize, imsave, imrotate)
MISC = OldModule(
    "scipy.misc",
    {**{function.__name__: function for function in _PICTURES}, **_numbers()},
    lambda name: f"scipy.misc.{name} is gone; one like it is used",
    may_be_gone=True,
)
SCIPY = OldModule("scipy", {name: getattr(np, name) for name in ("array", "zeros", "ones", "mean", "sqrt", "exp")})
PIL = OldModule("PIL")
IMAGE = OldModule("PIL.Image", {"ANTIALIAS": 1}, lambda name: f"PIL.Image.{name} is gone; LANCZOS is used")
CV2 = OldModule(
    "cv2",
    {
        "CV_AA": 16,
        "CV_LOAD_IMAGE_ANYCOLOR": 4,
        "CV_LOAD_IMAGE_ANYDEPTH": 2,
        "CV_LOAD_IMAGE_COLOR": 1,
        "CV_LOAD_IMAGE_GRAYSCALE": 0,
        "CV_LOAD_IMAGE_UNCHANGED": -1,
    },
    lambda name: f"cv2.{name} is gone; its number is used",
)
