"""ImageData: batches from image files named in a list."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnvis_caffe.errors import CnnvisError, LayerError
from cnnvis_caffe.formats.image_list import read_image_list
from cnnvis_caffe.formats.images import read_image
from cnnvis_caffe.runtime import ranks
from cnnvis_caffe.runtime.layer import is_train
from cnnvis_caffe.runtime.layers.prefetch import BatchSource, PrefetchingLayer
from cnnvis_caffe.runtime.layers.transform import DataTransformer, random_state, set_random_state
from cnnvis_caffe.runtime.rng import CaffeRandom, default_random
from cnnvis_caffe.runtime.setup_log import say
from cnnvis_caffe.runtime.shuffle import shuffled

logger = logging.getLogger(__name__)


class ImageData(PrefetchingLayer):
    """Shows the images of a list, in its order or shuffled anew each time round.

    Notes
    -----
    Follows `src/caffe/layers/image_data_layer.cpp`. The order and rand_skip are Caffe's for a random seed, bit for
    bit.
    """

    def open_source(self, fail: Callable[[str], LayerError]) -> tuple[BatchSource, tuple[int, ...]]:
        """Read the list and its first image."""
        param = self.param.image_data_param
        batch_size = self.batch_size(param.batch_size)
        if (param.new_height > 0) != (param.new_width > 0):
            raise fail(
                f"image_data_param.new_height is {param.new_height} and new_width {param.new_width}; "
                "give both, or none"
            )
        if self.initialize:
            say("Opening file %s", param.source)
        entries = read_image_list(param.source)
        if not entries:
            raise fail(f"{param.source}: names no images")
        source = _ImageSource(entries, param, batch_size, self.transformer, fail)
        if self.initialize:
            if param.shuffle:
                say("Shuffling data")
                source.shuffle_with(CaffeRandom(default_random().uint32()))
            elif is_train(self) and not ranks.is_root() and not param.rand_skip:
                logger.warning("%s: all devices see the same images; write shuffle: true or rand_skip", self.where)
            say("A total of %d images.", len(entries))
            if param.rand_skip:
                n_skipped = default_random().uint32() % param.rand_skip
                say("Skipping first %d data points.", n_skipped)
                source.skip(n_skipped)
        return source, (batch_size, *source.first_shape())


class _ImageSource(BatchSource):
    """Batches of image files."""

    def __init__(
        self,
        entries: list[tuple[str, int]],
        param: Any,
        batch_size: int,
        transformer: DataTransformer,
        fail: Callable[[str], LayerError],
    ) -> None:
        self._entries = entries
        self._param = param
        self._batch_size = batch_size
        self._transformer = transformer
        self._fail = fail
        self._random: CaffeRandom | None = None
        self._order = np.arange(len(entries))
        self._next = 0

    def shuffle_with(self, random: CaffeRandom) -> None:
        """Shuffle now, and at each end of the list."""
        self._random = random
        self._order = shuffled(self._order, random)

    def skip(self, n: int) -> None:
        """Begin behind the first images."""
        if n >= len(self._entries):
            raise self._fail(
                f"image_data_param.rand_skip asked to skip {n} images, but the list has {len(self._entries)}"
            )
        self._next = n

    def first_shape(self) -> tuple[int, int, int]:
        """The shape of the first image once it is transformed."""
        return self._transformer.output_shape(self._read(self._order[self._next]).shape)

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """Read and transform the next batch."""
        labels = np.empty(self._batch_size, np.float32)
        out: np.ndarray | None = None
        for index in range(self._batch_size):
            entry = self._order[self._next]
            pixels = self._read(entry)
            shape = self._transformer.output_shape(pixels.shape)
            if out is None:
                out = np.empty((self._batch_size, *shape), np.float32)
            elif shape != out.shape[1:]:
                raise self._fail(
                    f"{self._path(entry)} gives values of shape {shape}, but the first image of its batch "
                    f"{out.shape[1:]}; images that differ need new_height and new_width, a crop_size, or batch_size 1"
                )
            self._transformer.apply(pixels[np.newaxis], out[index : index + 1])
            labels[index] = self._entries[entry][1]
            self._advance()
        assert out is not None
        return out, labels

    def _advance(self) -> None:
        """Go to the next image."""
        self._next += 1
        if self._next == len(self._entries):
            self._next = 0
            if self._random is not None:
                self._order = shuffled(self._order, self._random)

    def _path(self, entry: int) -> str:
        # Caffe quirk: the folder is put before the name as it is; without a slash at its end it is a prefix.
        return self._param.root_folder + self._entries[entry][0]

    def _read(self, entry: int) -> np.ndarray:
        """The pixels of an image, shape (channels, height, width)."""
        param = self._param
        try:
            image = read_image(self._path(entry), param.is_color, param.new_height, param.new_width)
        except CnnvisError as error:
            raise self._fail(f"image_data_param.source {param.source}, image {entry + 1}: {error}") from error
        return image.transpose(2, 0, 1)

    def position(self) -> dict:
        """Return the place in the list, its order, and the random states."""
        position: dict = {"next": self._next, **self._transformer.position()}
        if self._random is not None:
            position.update(order=self._order, shuffle_random=random_state(self._random))
        return position

    def go_to(self, position: dict) -> None:
        """Go on at a place in the list."""
        if self._random is not None and "order" in position:
            self._order = np.asarray(position["order"])
            set_random_state(self._random, position["shuffle_random"])
        if position["next"] >= len(self._entries) or len(self._order) != len(self._entries):
            raise self._fail("the list of images has another length now; the place in it cannot be found again")
        self._next = position["next"]
        self._transformer.go_to(position)
