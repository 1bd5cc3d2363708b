"""Prepares every image as data layers do: crop, subtract the mean, scale, mirror."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cnnvis_caffe.errors import CnnvisError, LayerError
from cnnvis_caffe.formats.mean import read_mean
from cnnvis_caffe.runtime.rng import CaffeRandom, default_random


class Draws(NamedTuple):
    """What is done with each of some images.

    Attributes
    ----------
    flips : ndarray of shape (n,), uint32
        1 where the image is mirrored, else 0.
    ys, xs : ndarray of shape (n,), int
        Where the crop begins, in pixels.
    """

    flips: np.ndarray
    ys: np.ndarray
    xs: np.ndarray


class DataTransformer:
    """Turns pixels into the values of a blob, as a TransformationParameter says.

    Parameters
    ----------
    param : TransformationParameter
    train : bool
        Whether the layer runs in the TRAIN phase: only there crops are random. Mirroring is random in both.
    fail : callable
        Makes an error from a message; must not hold the layer, which a loading thread would then keep alive.
    load_mean : bool, default=True
        False where only shapes are wanted.

    Attributes
    ----------
    crop_size : int
        Side of the square that is cut out; 0 for the whole image.
    mirror : bool
    scale : numpy.float32
    random : CaffeRandom or None
        Where mirrors and crops come from; None when nothing is random, or before `seed`.

    Raises
    ------
    LayerError
        If the mean cannot be read, or is given in two ways.

    Notes
    -----
    Follows `src/caffe/data_transformer.cpp`: crop, then (x - mean) * scale, then mirror; a mean image is as large
    as the images before they are cropped.
    """

    def __init__(
        self, param: Any, train: bool, fail: Callable[[str], LayerError], *, load_mean: bool = True
    ) -> None:
        self.crop_size: int = param.crop_size
        self.mirror: bool = param.mirror
        self.color = {(True, False): True, (False, True): False}.get((param.force_color, param.force_gray))
        self.force_both: bool = param.force_color and param.force_gray
        self.random: CaffeRandom | None = None
        self.mean_image: np.ndarray | None = None
        self.mean_values = np.asarray(param.mean_value, np.float32)
        self.scale = np.float32(param.scale)
        self._train = train
        self._fail = fail
        if param.HasField("mean_file"):
            self._mean_file = param.mean_file
            if len(self.mean_values):
                raise fail("transform_param has both mean_file and mean_value; give one of them")
            if load_mean:
                try:
                    self.mean_image = read_mean(param.mean_file)
                except CnnvisError as error:
                    raise fail(f"transform_param.mean_file: {error}") from error

    @property
    def crops_at_random(self) -> bool:
        """Whether crops are random."""
        return self._train and self.crop_size > 0

    def seed(self) -> None:
        """Take a seed from the thread's stream, where anything is random."""
        if self.mirror or self.crops_at_random:
            self.random = CaffeRandom(default_random().uint32())

    def output_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the shape of a transformed image.

        Parameters
        ----------
        shape : tuple of int
            Channels, height and width of the image.

        Returns
        -------
        tuple of int
            Channels, height and width of what comes out.

        Raises
        ------
        LayerError
            If the crop or the mean does not fit.
        """
        channels, height, width = shape
        size = self.crop_size
        if size > min(height, width):
            raise self._fail(f"crop_size {size} is larger than an image of height {height} and width {width}")
        if self.mean_image is not None and self.mean_image.shape != tuple(shape):
            raise self._fail(
                f"mean_file {self._mean_file} is of {_times(self.mean_image.shape)} (channels x height x width), "
                f"but the images are of {_times(shape)}; compute a mean of this size (cnnvis-caffe data mean)"
            )
        if len(self.mean_values) not in (0, 1, channels):
            raise self._fail(
                f"transform_param has {len(self.mean_values)} mean_value for images of {channels} channels; "
                f"give one, or one for each channel"
            )
        return (channels, size, size) if size else (channels, height, width)

    def apply(self, pixels: np.ndarray, out: np.ndarray) -> None:
        """Transform images of one size.

        Parameters
        ----------
        pixels : ndarray of shape (n, channels, height, width), uint8 or float32
        out : ndarray of shape (n, *output_shape), float32
            Where the values go.
        """
        n, height, width = len(pixels), *pixels.shape[2:]
        mean = self.mean_of(pixels.shape[1:])
        if self.random is None:
            y, x = self._middle(height, width)
            self._write(pixels, mean, y, x, out)
            return
        draws = self.draw(n, height, width)
        for one, target, flip, y, x in zip(pixels, out, *(array.tolist() for array in draws)):
            self._write(one, mean, y, x, target[..., ::-1] if flip else target)

    def draw(self, n: int, height: int, width: int) -> Draws:
        """Draw what is done with the next `n` images of a size."""
        y, x = self._middle(height, width)
        flips, ys, xs = np.zeros(n, np.uint32), np.full(n, y), np.full(n, x)
        if self.random is None:
            return Draws(flips, ys, xs)
        # One word for the mirror, if that is wanted, then one each for y and x: image after image, as Caffe draws.
        n_words = self.mirror + 2 * self.crops_at_random
        words = self.random.uint32(n * n_words).reshape(n, n_words)
        if self.mirror:
            flips = words[:, 0] % 2
        if self.crops_at_random:
            ys, xs = words[:, -2] % (height - self.crop_size + 1), words[:, -1] % (width - self.crop_size + 1)
        return Draws(flips, ys, xs)

    def mean_of(self, shape: tuple[int, ...]) -> np.ndarray | None:
        """Return what is subtracted from images of a shape, as an array of this shape; None for nothing."""
        if self.mean_image is None and len(self.mean_values):
            return np.broadcast_to(self.mean_values.reshape(-1, 1, 1), shape)
        return self.mean_image

    def _middle(self, height: int, width: int) -> tuple[int, int]:
        """Where a crop begins that is not random."""
        size = self.crop_size
        return ((height - size) // 2, (width - size) // 2) if size else (0, 0)

    def _write(self, pixels: np.ndarray, mean: np.ndarray | None, y: int, x: int, target: np.ndarray) -> None:
        """Crop at a place, subtract the mean there, and scale."""
        height, width = target.shape[-2:]
        window = (..., slice(y, y + height), slice(x, x + width))
        if mean is None:
            np.multiply(pixels[window], self.scale, out=target, dtype=np.float32)
        else:
            np.subtract(pixels[window], mean[window], out=target, dtype=np.float32)
            if self.scale != 1:
                target *= self.scale

    def position(self) -> dict:
        """Return the random state, if there is one."""
        return {} if self.random is None else {"transform_random": random_state(self.random)}

    def go_to(self, position: dict) -> None:
        """Continue from a random state.

        Parameters
        ----------
        position : dict
            What `position` returned.
        """
        if self.random is not None and "transform_random" in position:
            set_random_state(self.random, position["transform_random"])


def random_state(random: CaffeRandom) -> np.ndarray:
    """Return the place in a random stream as one array.

    Parameters
    ----------
    random : CaffeRandom

    Returns
    -------
    ndarray of shape (625,), uint32
    """
    state = random.get_state()
    return np.append(state["key"], np.uint32(state["position"]))


def set_random_state(random: CaffeRandom, state: np.ndarray) -> None:
    """Continue a random stream from a place.

    Parameters
    ----------
    random : CaffeRandom
    state : ndarray of shape (625,), uint32
        What `random_state` returned.
    """
    random.set_state({"key": state[:-1], "position": int(state[-1])})


def _times(shape: tuple[int, ...]) -> str:
    """A shape as people write it."""
    return "x".join(map(str, shape))
