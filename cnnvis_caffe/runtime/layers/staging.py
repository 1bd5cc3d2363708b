"""Batches on their way to a GPU: they cross as bytes while it computes, and become values there.

A data set that fits stays where it arrived: behind its first pass, only the numbers of the images cross, and what was
drawn for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.layers.transform import DataTransformer, Draws

#: Share of the free memory that a data set may take: most is for the net.
SHARE_FOR_DATA = 0.25
#: Columns of the table that comes with a batch, four bytes each.
_LABEL, _ROW, _FLIP, _Y, _X = range(5)


@dataclass(frozen=True, eq=False)
class RawBatch:
    """A batch as it lies in its source.

    Attributes
    ----------
    pixels : ndarray of shape (n, channels, height, width), uint8, or None
        None where the GPU has them already.
    labels : ndarray of shape (n,), float32
    rows : ndarray of shape (n,), int
        Numbers of the images, counted from where reading began.
    draws : Draws
        What is done with each image.
    """

    pixels: np.ndarray | None
    labels: np.ndarray
    rows: np.ndarray
    draws: Draws


@dataclass(frozen=True)
class Staged:
    """A batch that is on its way.

    Attributes
    ----------
    slot : int
        Where it goes.
    has_pixels : bool
        False where they have been there before.
    """

    slot: int
    has_pixels: bool


class Staging:
    """Room on the GPU for the batches of one layer.

    Parameters
    ----------
    n_images : int
        In a batch.
    shape : tuple of int
        Channels, height and width of an image before it is transformed.
    transformer : DataTransformer
    n_slots : int
        Batches that are there at once: the one that is shown, and those loaded ahead.
    n_records : int
        Images in the source.

    Attributes
    ----------
    keeps : bool
        Whether all images of the source stay here.
    """

    def __init__(
        self, n_images: int, shape: tuple[int, int, int], transformer: DataTransformer, n_slots: int, n_records: int
    ) -> None:
        device = backend.device()
        self._n, self._shape, self._transformer = n_images, shape, transformer
        self._head = n_images * 5 * 4
        n_bytes = self._head + n_images * int(np.prod(shape))
        self._slots = torch.zeros(n_slots, n_bytes, dtype=torch.uint8, device=device)
        self._targets = [(slot[: self._head], slot) for slot in self._slots]
        self._sources = [torch.empty(n_bytes, dtype=torch.uint8).pin_memory() for _ in range(n_slots)]
        self._turn = torch.zeros(1, dtype=torch.int64, device=device)
        self._stream = torch.cuda.Stream(device)
        self._stream.wait_stream(torch.cuda.current_stream())
        self._slots.record_stream(self._stream)  # not to be given to others while a batch may still arrive
        self._arrived = [torch.cuda.Event() for _ in range(n_slots)]
        self._used = [torch.cuda.Event() for _ in range(n_slots)]
        self._n_sent, self._shown = 0, -1
        self._store = _store(n_records, int(np.prod(shape)))
        self.keeps = self._store is not None
        mean = transformer.mean_of(shape)
        self._along = torch.from_numpy(np.arange(transformer.crop_size)).to(device)
        self._mean = None if mean is None else torch.from_numpy(np.array(mean)).to(device)

    def takes(self, batch: RawBatch) -> bool:
        """Say whether a batch has the expected size."""
        pixels = batch.pixels
        return len(batch.labels) == self._n and (pixels is None or pixels.shape[1:] == self._shape)

    def send(self, batch: RawBatch) -> Staged:
        """Let a batch set off; called by the thread that loads."""
        slot = self._n_sent % len(self._targets)
        self._n_sent += 1
        if not self._arrived[slot].query():  # what was in the buffer before is still leaving it
            self._arrived[slot].synchronize()
        source, target = self._sources[slot], self._targets[slot][batch.pixels is not None]
        self._write(source.numpy(), batch)
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(self._used[slot])
            target.copy_(source[: len(target)], non_blocking=True)
            self._arrived[slot].record(self._stream)
        return Staged(slot, batch.pixels is not None)

    def _write(self, buffer: np.ndarray, batch: RawBatch) -> None:
        """Put a batch into a buffer: the table, then the pixels."""
        table = buffer[: self._head].view(np.int32).reshape(self._n, 5)
        table[:, _LABEL] = batch.labels.astype(np.float32).view(np.int32)
        table[:, _ROW] = batch.rows
        table[:, _FLIP], table[:, _Y], table[:, _X] = batch.draws.flips, batch.draws.ys, batch.draws.xs
        if batch.pixels is not None:
            buffer[self._head :].reshape(batch.pixels.shape)[...] = batch.pixels

    def await_arrival(self, batch: Staged) -> None:
        """Let the GPU wait for a batch, which is the next to be shown; all before it have been."""
        stream = torch.cuda.current_stream()
        if self._shown >= 0:
            self._used[self._shown].record(stream)
        stream.wait_event(self._arrived[batch.slot])
        self._shown = batch.slot

    def show(self, batch: Staged) -> tuple[Any, Any]:
        """Compute the values of the next batch; may be recorded.

        Returns
        -------
        values : tensor of shape (n, channels, height, width), float32
        labels : tensor of shape (n,), float32
        """
        buffer = self._slots.index_select(0, self._turn)[0]
        self._turn.add_(1).remainder_(len(self._targets))
        table = buffer[: self._head].view(torch.int32).view(self._n, 5)
        rows = table[:, _ROW].long()
        if not batch.has_pixels:
            pixels = self._store.index_select(0, rows)
        else:
            pixels = buffer[self._head :].view(self._n, -1)
            if self._store is not None:
                self._store.index_copy_(0, rows, pixels)
        return self._transform(pixels.view(self._n, *self._shape), table), table.view(torch.float32)[:, _LABEL].clone()

    def _transform(self, pixels: Any, table: Any) -> Any:
        """Do what `DataTransformer.apply` does, to the same bits."""
        transformer = self._transformer
        values = pixels.float()
        if self._mean is not None:
            values = values - self._mean
        if transformer.scale != 1:
            values = values * float(transformer.scale)
        size, width = transformer.crop_size, self._shape[2]
        if transformer.crops_at_random:
            along = self._along
            xs = torch.where(table[:, _FLIP, None] > 0, size - 1 - along, along) + table[:, _X, None]
            places = (along + table[:, _Y, None])[:, :, None] * width + xs[:, None, :]
            places = places.reshape(self._n, 1, -1).expand(-1, self._shape[0], -1)
            return values.flatten(2).gather(2, places).view(self._n, -1, size, size)
        if size:
            y, x = (self._shape[1] - size) // 2, (width - size) // 2
            values = values[..., y : y + size, x : x + size].contiguous()
        if transformer.mirror:
            values = torch.where(table[:, _FLIP, None, None, None] > 0, values.flip(3), values)
        return values


def _store(n_records: int, n_bytes: int) -> Any:
    """Room for all images, or None where that would take too much of what is free."""
    free, _ = torch.cuda.mem_get_info(backend.device())
    if not 0 < n_records * n_bytes <= SHARE_FOR_DATA * free:
        return None
    return torch.zeros(n_records, n_bytes, dtype=torch.uint8, device=backend.device())
