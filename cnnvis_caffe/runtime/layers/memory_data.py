"""MemoryData: batches from arrays that a caller has set."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer, is_train
from cnnvis_caffe.runtime.layers.prefetch import error_maker
from cnnvis_caffe.runtime.layers.transform import DataTransformer

logger = logging.getLogger(__name__)


class MemoryData(Layer):
    """Shows batch after batch of two arrays, data and labels, and begins again at their end.

    Notes
    -----
    Follows `src/caffe/layers/memory_data_layer.cpp`. Nothing is copied: the tops are the arrays' own memory,
    so what is written to an array later is seen, and a layer that works in place on a top writes into the
    array.
    """

    n_bottoms = (0, 0)
    n_tops = (2, 2)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Shape the tops."""
        param = self.param.memory_data_param
        self.batch_size, self.channels = param.batch_size, param.channels
        self.height, self.width = param.height, param.width
        for field in ("batch_size", "channels", "height", "width"):
            if getattr(self, field) < 1:
                raise self.error(f"memory_data_param.{field} must be given and at least 1, got {getattr(self, field)}")
        fail = error_maker(self)
        transform_param = self.param.transform_param
        self.transformer = DataTransformer(transform_param, is_train(self), fail, load_mean=self.initialize)
        if self.initialize:
            self.transformer.seed()
        self._arrays: tuple[np.ndarray, np.ndarray] | None = None
        self._position = 0
        self._has_new_images = False
        tops[0].reshape(self.batch_size, self.channels, self.height, self.width)
        tops[1].reshape(self.batch_size)

    def reset(self, data: np.ndarray, labels: np.ndarray, n: int) -> None:
        """Take batches from these arrays from now on.

        Parameters
        ----------
        data : ndarray of shape (n, channels, height, width), float32, C-contiguous
        labels : ndarray of n values, float32, C-contiguous
        n : int
            Number of items to use, a multiple of the batch size.

        Raises
        ------
        LayerError
            If the arrays are not like that.
        """
        item = self.channels * self.height * self.width
        if n < 1 or n % self.batch_size:
            raise self.error(f"got {n} items; the number must be a multiple of batch_size {self.batch_size}")
        arrays = []
        for what, array, count in (("data", data, n * item), ("labels", labels, n)):
            if array.dtype != np.float32 or not array.flags.c_contiguous or array.size < count:
                raise self.error(
                    f"the {what} must be a C-contiguous float32 array of at least {count} values, got "
                    f"{array.dtype} of shape {array.shape}"
                )
            # A layer in place would write into an array that says no.
            writable = array if array.flags.writeable else array.copy()
            arrays.append(writable.reshape(-1)[:count].reshape(n, -1))
        if self.param.HasField("transform_param"):
            # Caffe quirk: only its C++ interface transforms what is added.
            logger.warning(
                "%s: transform_param is not applied to arrays; transform them before, or use add_images", self.where
            )
        self._arrays = arrays[0], arrays[1]
        self._position = 0

    def add_images(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Take batches from these images from now on, transformed as transform_param says.

        Parameters
        ----------
        images : ndarray of shape (n, channels, h, w), uint8 or float32
            In number a multiple of the batch size.
        labels : ndarray of shape (n,)

        Raises
        ------
        LayerError
            If the images do not fit, or those added before have not all been shown.

        Notes
        -----
        ``AddDatumVector`` and ``AddMatVector`` of Caffe's C++ layer, which pycaffe does not have.
        """
        if self._has_new_images:
            raise self.error("has not yet shown all images that were added before; run forward until it has")
        n = len(images)
        if images.ndim != 4 or images.dtype not in (np.uint8, np.float32) or len(labels) != n:
            raise self.error(
                f"needs images of shape (n, channels, height, width), uint8 or float32, and n labels; got images "
                f"{images.shape} {images.dtype} and {len(labels)} labels"
            )
        if n < 1 or n % self.batch_size:
            raise self.error(f"got {n} items; the number must be a multiple of batch_size {self.batch_size}")
        shape = self.transformer.output_shape(images.shape[1:])
        if shape != (self.channels, self.height, self.width):
            raise self.shape_error(
                f"images of shape {images.shape[1:]} are {shape} once they are transformed, but memory_data_param "
                f"says {(self.channels, self.height, self.width)}"
            )
        data = np.empty((n, *shape), np.float32)
        self.transformer.apply(images, data)
        self._arrays = data.reshape(n, -1), np.array(labels, np.float32).reshape(n, 1)
        self._position = 0
        self._has_new_images = True

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Leave the shapes to setup and forward."""

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Show the next batch."""
        if self._arrays is None:
            raise self.error("has no data yet; call net.set_input_arrays(data, labels) before the first forward")
        start, end = self._position, self._position + self.batch_size
        data, labels = self._arrays
        tops[0].reshape(self.batch_size, self.channels, self.height, self.width)
        # Caffe quirk: the labels have one axis until the first forward, and four from then on.
        tops[1].reshape(self.batch_size, 1, 1, 1)
        tops[0].show(data[start:end])
        tops[1].show(labels[start:end])
        self._position = end % len(data)
        if self._position == 0:
            self._has_new_images = False

    def get_position(self) -> dict[str, int]:
        """Return the place in the arrays behind the last batch; a snapshot of a solver keeps it.

        Returns
        -------
        dict of str to int
        """
        return {"row": self._position}

    def set_position(self, position: dict[str, int]) -> None:
        """Show next what follows a place, in the arrays that have been set.

        Parameters
        ----------
        position : dict of str to int
            What `get_position` returned.

        Raises
        ------
        LayerError
            If the arrays have no such place.
        """
        row, length = position["row"], len(self._arrays[0]) if self._arrays else 0
        if row and row >= length:
            raise self.error(f"has {length} items, but training resumes at item {row}; set the arrays before resuming")
        self._position = row

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Has nothing below it."""
