"""Prepares images as a data layer does in the TEST phase: first their size, then their values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.errors import DataFileError, MeanFileError
from cnnvis_caffe.formats.images import resize_image

_SWAPPED = {("RGB", "BGR"), ("BGR", "RGB")}


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """How images become what a network takes.

    Attributes
    ----------
    scale : float
        Factor of the values, after the mean is subtracted.
    mean_values : tuple of float
        None, one, or one for each channel.
    mean_image : ndarray of shape (C, H, W), float32, or None
        As large as the images before they are cropped, or as large as what is left.
    mean_name : str
        Where the mean image comes from.
    resize : (int, int) or None
        Height and width that images are brought to before they are cropped.
    resize_to_fit : bool
        Bring images to the network's own size, whatever theirs is.
    crop : int
        Height and width of what is left of an image where the network itself does not say; 0 for all of it.
    force_color, force_gray : bool
        Decode encoded images to three channels, or to one.
    channel_order : str
        What the network takes: "RGB" or "BGR"; empty for what the images have.

    Notes
    -----
    ``src/caffe/data_transformer.cpp``. Mirroring and random crops are left out: an analysis shows every image as
    it is.
    """

    scale: float = 1.0
    mean_values: tuple[float, ...] = ()
    mean_image: np.ndarray | None = None
    mean_name: str = ""
    resize: tuple[int, int] | None = None
    resize_to_fit: bool = False
    crop: int = 0
    force_color: bool = False
    force_gray: bool = False
    channel_order: str = ""

    def words(self) -> str:
        """Say what is done to the values.

        Returns
        -------
        str
            "minus the mean image mean.binaryproto, times 0.00390625"; "as they are" where nothing is done.
        """
        parts = []
        if self.mean_image is not None:
            parts.append(f"minus the mean image {self.mean_name}")
        elif self.mean_values:
            parts.append("minus " + ", ".join(f"{value:g}" for value in self.mean_values))
        if self.scale != 1:
            parts.append(f"times {self.scale:.9g}")
        return ", ".join(parts) or "as they are"

    def check_mean(self, channels: int) -> None:
        """Raise if the mean is not one for images of this many channels.

        Parameters
        ----------
        channels : int

        Raises
        ------
        MeanFileError
            If the mean image has other channels.
        DataFileError
            If there are mean values for other channels.
        """
        if self.mean_image is not None and len(self.mean_image) != channels:
            raise MeanFileError(
                self.mean_name, f"is a mean of {len(self.mean_image)} channels, but the network takes {channels}"
            )
        if len(self.mean_values) not in (0, 1, channels):
            raise DataFileError(
                "mean", f"has {len(self.mean_values)} values for {channels} channels; give one, or one for each channel"
            )

    def values(self, pixels: np.ndarray, before_crop: tuple[int, int]) -> np.ndarray:
        """Turn images in the network's size into its input.

        Parameters
        ----------
        pixels : ndarray of shape (n, C, H, W), uint8 or float32
        before_crop : (int, int)
            Height and width of the images before they were cropped.

        Returns
        -------
        ndarray of shape (n, C, H, W), float32

        Raises
        ------
        MeanFileError
            If the mean image has neither size.
        """
        mean = None
        if self.mean_image is not None:
            mean = self._fitting_mean(pixels.shape[2:], before_crop)
        elif self.mean_values:
            mean = np.asarray(self.mean_values, np.float32).reshape(-1, 1, 1)
        scale = np.float32(self.scale)
        if mean is None:
            return np.multiply(pixels, scale, dtype=np.float32)
        result = np.subtract(pixels, mean, dtype=np.float32)
        if scale != 1:
            result *= scale
        return result

    def _fitting_mean(self, size: tuple[int, ...], before_crop: tuple[int, int]) -> np.ndarray:
        """The part of the mean image that lies under the images."""
        assert self.mean_image is not None
        found = self.mean_image.shape[1:]
        if found == tuple(size):
            return self.mean_image
        if found == tuple(before_crop):
            return centre_crop(self.mean_image, size[0], size[1])
        raise MeanFileError(
            self.mean_name,
            f"is a mean of {found[0]}x{found[1]} pixels, but the images are of {before_crop[0]}x{before_crop[1]} and "
            f"the network takes {size[0]}x{size[1]}; compute a mean of one of these sizes (cnnvis-caffe data mean)",
        )


def centre_crop(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the middle of images.

    Parameters
    ----------
    images : ndarray of shape (..., H, W)
    height, width : int
        Not larger than H and W.

    Returns
    -------
    ndarray of shape (..., height, width)
        A view. What is left over is halved and rounded down, as Caffe does.
    """
    y, x = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., y : y + height, x : x + width]


def resize_planes(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize images bilinearly.

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W), uint8 or float32
    height, width : int

    Returns
    -------
    ndarray of shape (n, C, height, width), the same type
    """
    resized = [resize_image(np.ascontiguousarray(image.transpose(1, 2, 0)), height, width) for image in images]
    return np.ascontiguousarray(np.stack(resized).transpose(0, 3, 1, 2))


def resize_nearest(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize a mask: each pixel takes the class of the nearest one.

    Parameters
    ----------
    mask : ndarray of shape (H, W)
    height, width : int

    Returns
    -------
    ndarray of shape (height, width)
    """
    if mask.shape == (height, width):
        return mask
    y = (np.arange(height) + 0.5) * mask.shape[0] / height
    x = (np.arange(width) + 0.5) * mask.shape[1] / width
    return mask[y.astype(np.int64)[:, None], x.astype(np.int64)]


def reorder(images: np.ndarray, found: str, wanted: str) -> np.ndarray:
    """Return images with their channels in the order that is wanted.

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W)
    found, wanted : str
        "RGB", "BGR"; anything else is left alone.

    Returns
    -------
    ndarray
        A view.
    """
    return images[:, ::-1] if (found, wanted) in _SWAPPED else images
