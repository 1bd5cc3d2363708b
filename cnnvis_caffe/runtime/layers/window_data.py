"""WindowData: batches of windows cut out of images and warped to one size."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnvis_caffe.errors import CnnvisError, LayerError
from cnnvis_caffe.formats.images import decode_image, read_bytes, resize_image
from cnnvis_caffe.formats.window_file import LabelledWindow, WindowImage, read_window_file
from cnnvis_caffe.runtime.layers.prefetch import BatchSource, PrefetchingLayer
from cnnvis_caffe.runtime.layers.transform import DataTransformer, random_state, set_random_state
from cnnvis_caffe.runtime.rng import CaffeRandom, default_random

logger = logging.getLogger(__name__)


class WindowData(PrefetchingLayer):
    """Shows windows drawn at random: background first, then a share of foreground.

    Notes
    -----
    Follows `src/caffe/layers/window_data_layer.cpp`.
    """

    def open_source(self, fail: Callable[[str], LayerError]) -> tuple[BatchSource, tuple[int, ...]]:
        """Read the window file."""
        param, transform = self.param.window_data_param, self.param.transform_param
        batch_size = self.batch_size(param.batch_size)
        if transform.crop_size < 1:
            raise fail("transform_param.crop_size must be given and at least 1: windows are warped to that size")
        if transform.scale != 1:
            # Caffe quirk: the layer looks for the scale in its own parameter, where nothing puts it any more.
            logger.warning("%s: transform_param.scale is ignored; window_data_param.scale is used", self.where)
        # This seed is drawn between the transformer's two.
        random = CaffeRandom(default_random().uint32() if self.initialize else 0)
        images = read_window_file(param.source)
        if not images:
            raise fail(f"{param.source}: names no images")
        channels = images[-1].channels
        if channels != 3:
            raise fail(f"{param.source}: says that images have {channels} channels; they are read in colour, so 3")
        source = _WindowSource(images, self.param, self.transformer, random, fail)
        return source, (batch_size, channels, transform.crop_size, transform.crop_size)


class _WindowSource(BatchSource):
    """Batches of windows."""

    def __init__(
        self,
        images: list[WindowImage],
        param: Any,
        transformer: DataTransformer,
        random: CaffeRandom,
        fail: Callable[[str], LayerError],
    ) -> None:
        self._param = param.window_data_param
        self._transformer = transformer
        self._size: int = transformer.crop_size
        self._random = random
        self._fail = fail
        # Caffe looks an image up by its number as if the numbers counted from 0 without a gap.
        self._paths = [self._param.root_folder + image.path for image in images]
        self._contents: dict[int, bytes] = {}
        self._foreground, self._background = self._sort(images)
        self._mean = self._centre_of_mean()

    def _sort(
        self, images: list[WindowImage]
    ) -> tuple[list[tuple[int, LabelledWindow]], list[tuple[int, LabelledWindow]]]:
        """Foreground and background windows, each with the index of its image."""
        high, low = np.float32(self._param.fg_threshold), np.float32(self._param.bg_threshold)
        foreground, background = [], []
        for image in images:
            if not 0 <= image.number < len(images):
                raise self._fail(
                    f"{self._param.source}: image {image.path} has number {image.number}; "
                    f"numbers go from 0 to {len(images) - 1}"
                )
            for window in image.windows:
                overlap = np.float32(window.overlap)
                if overlap >= high:
                    if window.label < 1:
                        raise self._fail(
                            f"{self._param.source}: a window of {image.path} has label {window.label} and overlap "
                            f"{window.overlap}; foreground has labels from 1"
                        )
                    foreground.append((image.number, window))
                elif overlap < low:
                    background.append((image.number, window._replace(label=0)))
        for what, windows in (("foreground", foreground), ("background", background)):
            if not windows:
                raise self._fail(f"{self._param.source}: has no {what} windows; both kinds are needed")
        return foreground, background

    def _centre_of_mean(self) -> np.ndarray | None:
        """What is subtracted, of shape (3, size, size): the middle of a mean image."""
        transformer, size = self._transformer, self._size
        if transformer.mean_image is not None:
            channels, height, width = transformer.mean_image.shape
            offset = (width - size) // 2
            if channels != 3 or offset < 0 or offset + size > height:
                raise self._fail(
                    f"mean_file is of {channels}x{height}x{width} (channels x height x width); "
                    f"for crop_size {size} it must be at least 3x{size}x{size}"
                )
            return transformer.mean_image[:, offset : offset + size, offset : offset + size]
        if len(transformer.mean_values) not in (0, 1, 3):
            raise self._fail(f"transform_param has {len(transformer.mean_values)} mean_value; give one, or three")
        if len(transformer.mean_values):
            return np.broadcast_to(transformer.mean_values.reshape(-1, 1, 1), (3, size, size))
        return None

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """Draw, cut out and warp the next batch."""
        n = self._param.batch_size
        n_foreground = int(np.float32(n) * np.float32(self._param.fg_fraction))
        data = np.zeros((n, 3, self._size, self._size), np.float32)
        labels = np.empty(n, np.float32)
        for item in range(n):
            windows = self._background if item < n - n_foreground else self._foreground
            image, window = windows[self._random.uint32() % len(windows)]
            flip = bool(self._transformer.mirror and self._random.uint32() % 2)
            self._write(self._read(image), window, flip, data[item], self._paths[image])
            labels[item] = window.label
        return data, labels

    def _read(self, image: int) -> np.ndarray:
        """The pixels of an image, shape (height, width, 3)."""
        path = self._paths[image]
        try:
            content = self._contents.get(image) or read_bytes(path)
            if self._param.cache_images:
                self._contents[image] = content
            return decode_image(content)
        except CnnvisError as error:
            raise self._fail(f"{self._param.source}: {error}") from error
        except ValueError as error:
            raise self._fail(f"{self._param.source}: {path}: {error}") from error

    def _write(self, pixels: np.ndarray, window: LabelledWindow, flip: bool, out: np.ndarray, path: str) -> None:
        """Warp one window and write it where it belongs; what lies outside the image stays zero."""
        size = self._size
        x1, y1, x2, y2 = window[2:]
        pad_x = pad_y = 0
        height = width = size
        if self._param.context_pad > 0 or self._param.crop_mode == "square":
            (x1, x2, width, pads_x), (y1, y2, height, pads_y) = self._with_context(window, pixels.shape)
            # The padding is mirrored with the image.
            pad_x, pad_y = pads_x[1 if flip else 0], pads_y[0]
            height, width = min(height, size - pad_y), min(width, size - pad_x)
        inside = 0 <= x1 <= x2 < pixels.shape[1] and 0 <= y1 <= y2 < pixels.shape[0]
        if not inside or height < 1 or width < 1:
            raise self._fail(
                f"{self._param.source}: window {window[2:]} (x1, y1, x2, y2) does not lie in {path}, "
                f"which is {pixels.shape[1]} wide and {pixels.shape[0]} high"
            )
        warped = resize_image(pixels[y1 : y2 + 1, x1 : x2 + 1], height, width).transpose(2, 0, 1)
        place = (slice(None), slice(pad_y, pad_y + height), slice(pad_x, pad_x + width))
        values = (warped[..., ::-1] if flip else warped).astype(np.float32)
        if self._mean is not None:
            values -= self._mean[place]
        out[place] = values * np.float32(self._param.scale)

    def _with_context(self, window: LabelledWindow, shape: tuple[int, ...]) -> tuple[_Side, _Side]:
        """The window grown by the context around it and cut at the image's sides, for x and for y."""
        f4 = np.float32
        grown = f4(self._size - 2 * self._param.context_pad)
        if grown <= 0:
            raise self._fail(
                f"context_pad {self._param.context_pad} leaves nothing of crop_size {self._size}; "
                "it must be less than half of it"
            )
        scale = f4(self._size) / grown
        halves = [f4((high - low + 1) / 2) for low, high in ((window.x1, window.x2), (window.y1, window.y2))]
        centres = [f4(low) + half for low, half in zip((window.x1, window.y1), halves)]
        if self._param.crop_mode == "square":
            halves = [max(halves)] * 2
        sides = []
        for centre, half, length in zip(centres, halves, (shape[1], shape[0])):
            low, high = _round(centre - half * scale), _round(centre + half * scale)
            to_crop = f4(self._size) / f4(high - low + 1)
            before, after = max(0, -low), max(0, high - length + 1)
            low, high = low + before, high - after
            pads = (_round(f4(before) * to_crop), _round(f4(after) * to_crop))
            sides.append((low, high, _round(f4(high - low + 1) * to_crop), pads))
        return sides[0], sides[1]

    def position(self) -> dict:
        """Return the random state."""
        return {"window_random": random_state(self._random)}

    def go_to(self, position: dict) -> None:
        """Go on from a random state."""
        set_random_state(self._random, position["window_random"])


#: First and last pixel, length once it is warped, and warped padding before and after.
_Side = tuple[int, int, int, tuple[int, int]]


def _round(value: Any) -> int:
    """Round halves away from zero, as C does."""
    return int(math.copysign(math.floor(abs(float(value)) + 0.5), value))
