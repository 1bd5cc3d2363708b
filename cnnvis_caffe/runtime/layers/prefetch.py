"""Batches that are loaded ahead by a thread, and the layers that show them."""

from __future__ import annotations

import atexit
import contextlib
import queue
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.errors import CnnvisError, DataSourceError, LayerError
from cnnvis_caffe.runtime import backend, recording
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer, is_train
from cnnvis_caffe.runtime.layers.staging import RawBatch, Staged, Staging
from cnnvis_caffe.runtime.layers.transform import DataTransformer
from cnnvis_caffe.runtime.rng import default_random
from cnnvis_caffe.runtime.setup_log import say

_SECONDS_TO_STOP = 10


class BatchSource(ABC):
    """Where batches come from. Must not hold the layer, which the loading thread would then keep alive."""

    @abstractmethod
    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the next batch: data of any shape and labels of shape (n,), both float32, new arrays."""

    def load_raw(self, keeps: bool) -> RawBatch | tuple[np.ndarray, np.ndarray]:
        """Return the next batch for a GPU: as it lies in the source, or what `load` returns.

        Parameters
        ----------
        keeps : bool
            Whether images that were given once need no pixels the next time.
        """
        return self.load()

    @property
    def raw_shape(self) -> tuple[int, int, int] | None:
        """Channels, height and width of the images that `load_raw` gives, None where it gives none."""
        return None

    @property
    def n_records(self) -> int:
        """Number of images, where `load_raw` gives them in one order again and again; else 0."""
        return 0

    @abstractmethod
    def position(self) -> dict:
        """Return the place in the data behind the last batch, random states included."""

    @abstractmethod
    def go_to(self, position: dict) -> None:
        """Continue at a place; nothing is being loaded then."""

    def close(self) -> None:  # noqa: B027 - most have nothing open
        """Let go of what is open; loading may begin again."""


class _Loader(threading.Thread):
    """Loads batches until it is stopped, never more than a few ahead.

    The queues are those whose `put` may be called at any moment, even by the garbage collector in the middle of
    another `put`: so nothing here can wait for itself.
    """

    def __init__(self, source: BatchSource, n_ahead: int, staging: Staging | None) -> None:
        super().__init__(name="cnnvis_caffe data", daemon=True)
        self._source = source
        self._staging = staging
        self._stopped = False
        self._permits: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._loaded: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(n_ahead):
            self._permits.put(None)

    def run(self) -> None:
        """Load."""
        try:
            while True:
                self._permits.get()
                if self._stopped:
                    break
                self._loaded.put((self._load(), self._source.position()))
        except BaseException as error:  # noqa: BLE001 - raised again by take()
            self._loaded.put(error)
        finally:
            self._source.close()
            if self._stopped:
                self._drop_loaded()

    def _load(self) -> Staged | list[Any]:
        """The next batch, on its way to the GPU or as tensors."""
        if self._staging is None:
            return [_for_device(array) for array in self._source.load()]
        batch = self._source.load_raw(self._staging.keeps)
        if isinstance(batch, RawBatch):
            return self._staging.send(batch)
        return [_for_device(array) for array in batch]

    def _drop_loaded(self) -> None:
        """Free what nobody will take, here and now.

        Otherwise it would go with this object, in the thread's last moments: nobody waits for those, and PyTorch
        crashes the process when the interpreter ends while it frees a tensor.
        """
        with contextlib.suppress(queue.Empty):
            while True:
                self._loaded.get_nowait()

    def take(self) -> tuple[Staged | list[Any], dict]:
        """Wait for the next batch; return it and the position behind it, or raise what loading it raised."""
        item = self._loaded.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def go_on(self) -> None:
        """Let the thread load one more batch, for one that was taken."""
        self._permits.put(None)

    def stop(self) -> None:
        """Ask the thread to end after the batch that it is loading; does not wait."""
        self._stopped = True
        self._permits.put(None)


_LOADERS: weakref.WeakSet[_Loader] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """End all threads before the interpreter goes: one that still ran then could crash it."""
    loaders = [loader for loader in _LOADERS if loader.is_alive()]
    for loader in loaders:
        loader.stop()
    for loader in loaders:
        loader.join(_SECONDS_TO_STOP)


class PrefetchingLayer(Layer):
    """Base of layers that show batches which a thread has loaded and transformed.

    Notes
    -----
    Follows `src/caffe/layers/base_data_layer.cpp`. The thread starts at the first forward, not when the net is
    built; what it draws from Caffe's random stream is drawn at the same moments as in Caffe.
    """

    n_bottoms = (0, 0)
    n_tops = (2, 2)
    reads_files = True

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Open the source and shape the tops."""
        self._loader: _Loader | None = None
        self._ending: _Loader | None = None
        self._staging: Staging | None = None
        self._batch: Staged | list[Any] | None = None  # that is shown next
        # What was fetched last: "values", or on a GPU "pixels", or the "numbers" of images that are there. All but
        # values can be shown by a recording.
        self.kind_of_batch = "values"
        self._n_ahead: int = self.param.data_param.prefetch
        if self._n_ahead < 1:
            raise self.error("data_param.prefetch must be at least 1, got 0")
        fail = error_maker(self)
        transform_param = self.param.transform_param
        if self.initialize and transform_param.HasField("mean_file"):
            say("Loading mean file from: %s", transform_param.mean_file)
        self.transformer = DataTransformer(transform_param, is_train(self), fail, load_mean=self.initialize)
        # Caffe quirk: the transformer takes two seeds, and the first one is never used.
        self._seed_transformer()
        try:
            self._source, shape = self.open_source(fail)
        except LayerError:
            raise
        except CnnvisError as error:
            raise fail(str(error)) from error
        self._seed_transformer()
        if self.initialize:
            default_random().uint32()  # seeds Caffe's thread, which never draws
        self._position = self._source.position()
        self._n_images = shape[0]
        tops[0].reshape(*shape)
        if len(tops) > 1:
            tops[1].reshape(shape[0])
        if self.initialize:
            say("output data size: %s", ",".join(map(str, shape)))

    def check_mean(self) -> None:
        """Read the mean image, where there is one, and forget it.

        Raises
        ------
        LayerError
            If it is missing or damaged.
        """
        DataTransformer(self.param.transform_param, is_train(self), error_maker(self))

    def open_source(self, fail: Callable[[str], LayerError]) -> tuple[BatchSource, tuple[int, ...]]:
        """Open what the layer reads.

        Parameters
        ----------
        fail : callable
            Makes an error from a message.

        Returns
        -------
        BatchSource, tuple of int
            The source, and the shape of its first batch.
        """
        raise NotImplementedError

    def _seed_transformer(self) -> None:
        """Draw the transformer's seed, unless the net is only looked at."""
        if self.initialize:
            self.transformer.seed()

    def batch_size(self, batch_size: int) -> int:
        """Return a batch size, if it is one."""
        if batch_size < 1:
            raise self.error(f"batch_size must be given and at least 1, got {batch_size}")
        return batch_size

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Leave the shapes to setup and forward."""

    def fetch(self) -> None:
        """Have the next batch ready to be shown, unless one is; waits for the thread that loads, never for a GPU."""
        if self._batch is not None:
            return
        loader = self._loader or self._start()
        try:
            self._batch, self._position = loader.take()
        except BaseException as error:
            self._stop()  # the next forward tries again where this one failed
            if isinstance(error, CnnvisError) and not isinstance(error, LayerError):
                raise self.error(str(error)) from error
            raise
        if isinstance(self._batch, Staged):
            assert self._staging is not None
            self._staging.await_arrival(self._batch)
            self.kind_of_batch = "pixels" if self._batch.has_pixels else "numbers"
        else:
            self.kind_of_batch = "values"

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Show the next batch."""
        self.fetch()
        batch = self._batch
        if isinstance(batch, Staged):
            assert self._staging is not None
            tensors: Sequence[Any] = self._staging.show(batch)
        else:
            assert batch is not None
            tensors = [tensor.to(backend.device(), non_blocking=True) for tensor in batch]
        for top, tensor in zip(tops, tensors):
            top.reshape(*tensor.shape)
            top.value = tensor
        if not recording.is_recording():
            self.was_shown()

    def was_shown(self) -> None:
        """Go on to the next batch: this one was shown, by `forward` or by a replay."""
        self._batch = None
        # Only now: the thread would wake up and keep this one waiting for the interpreter where it frees the old batch.
        # While the next layer computes, the interpreter is free.
        if self._loader is not None:
            self._loader.go_on()

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Has nothing below it."""

    def get_position(self) -> dict:
        """Return the place in the data behind the last batch that was shown.

        Returns
        -------
        dict
            Strings, integers and arrays, for `set_position`.
        """
        return self._position

    def set_position(self, position: dict) -> None:
        """Show next what follows a place.

        Parameters
        ----------
        position : dict
            What `get_position` returned.

        Raises
        ------
        LayerError
            At the next forward, if the data have no such place.
        """
        self._stop()
        self._position = position

    def error(self, message: str) -> LayerError:
        """Return an error that says which layer is meant; without its data a net can still be looked at."""
        return error_maker(self)(message)

    def _start(self) -> _Loader:
        """Begin to load behind the last batch that was shown."""
        if self._ending is not None:
            self._ending.join()
        self._source.go_to(self._position)
        self._staging = self._new_staging()
        self._loader = _Loader(self._source, self._n_ahead, self._staging)
        # The thread ends with the layer.
        self._finalizer = weakref.finalize(self, self._loader.stop)
        _LOADERS.add(self._loader)
        self._loader.start()
        return self._loader

    def _new_staging(self) -> Staging | None:
        """Room for batches on the GPU, if nets run there and the source has plain pixels."""
        shape = self._source.raw_shape
        if not backend.on_gpu() or shape is None:
            return None
        return Staging(self._n_images, shape, self.transformer, self._n_ahead + 2, self._source.n_records)

    def _stop(self) -> None:
        """Ask the thread to end, and forget what it has loaded ahead."""
        self._batch = None
        if self._loader is not None:
            self._ending, self._loader = self._loader, None
            self._finalizer()


def error_maker(layer: Layer) -> Callable[[str], LayerError]:
    """Return a function that makes errors which say what layer is meant, without holding the layer."""
    name, where = layer.name, layer.where

    def fail(message: str) -> LayerError:
        return DataSourceError(name, f"{where}: {message}")

    return fail


def _for_device(array: np.ndarray) -> Any:
    """A tensor with the array's values, from where a GPU can fetch them while it works."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory() if backend.on_gpu() else tensor
