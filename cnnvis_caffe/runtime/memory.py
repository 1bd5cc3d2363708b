"""The float32 values behind a blob: in a numpy buffer, in a tensor, or still zero.

Caffe's `SyncedMemory` moves values between CPU and GPU when they are touched. Here the same rule also covers the
layout: on the CPU a layer may leave a tensor in whatever memory format is fastest, and it becomes a plain NCHW buffer
when somebody looks at it.
"""

from __future__ import annotations

import math
import weakref
from typing import Any

import numpy as np

from cnnvis_caffe.errors import FullMemoryError
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch

ZERO, HOST, TENSOR, BOTH = "zero", "host", "tensor", "both"


class Memory:
    """A fixed number of float32 values that live in one place at a time.

    Parameters
    ----------
    capacity : int
        Number of values. Nothing is allocated before the first touch; until then all are zero.

    Notes
    -----
    Follows `src/caffe/syncedmem.cpp`, with one addition for the CPU: while a numpy view that was handed out is
    alive (*leased*), every write goes to the buffer it shows, so that views stay live as they are in Caffe.
    """

    __slots__ = ("_host", "_host_tensor", "_lease", "_tensor", "_version", "_where", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._where = ZERO
        self._host: np.ndarray | None = None
        self._host_tensor: Any = None  # the buffer as it was last read; made anew it would cost small nets time
        self._tensor: Any = None
        self._lease: weakref.ref[np.ndarray] | None = None
        self._version = 0

    @property
    def version(self) -> int | None:
        """A number that changes whenever the values may have; None while a leased view can change them any time."""
        return None if self._is_leased() else self._version

    @property
    def where(self) -> str:
        """Where the newest values are: "zero", "host", "tensor" or "both"."""
        return self._where

    @property
    def tensor(self) -> Any:
        """The tensor that holds the newest values, or None where they are elsewhere or zero."""
        return self._tensor

    def array(self) -> np.ndarray:
        """Return all values as a writable flat array; what is written to it counts from now on.

        Returns
        -------
        ndarray of shape (capacity,), float32
        """
        host = self._to_host()
        self._version += 1
        self._where = HOST
        self._tensor = None
        lease = self._lease() if self._lease is not None else None
        if lease is None:
            # Views of an array that is itself based on a memoryview refer to *it*, not to what lies below:
            # so this reference dies exactly when the last view that a caller holds has died.
            lease = np.frombuffer(host.data, dtype=np.float32)
            self._lease = weakref.ref(lease)
        return lease

    def read(self, shape: tuple[int, ...]) -> Any:
        """Return the first values as a tensor of the given shape on the current device.

        The tensor is the memory itself wherever that is possible: it must be changed only by who then calls `write`.
        """
        device = backend.device()
        if self._where is TENSOR or self._where is BOTH:
            tensor = self._tensor
            if tensor.shape == shape and tensor.device == device:
                return tensor
            if tensor.numel() == math.prod(shape) and tensor.device == device:
                return tensor.reshape(shape)
        if self._where is ZERO and device.type != "cpu":
            self._tensor = torch.zeros(shape, device=device)
            self._where = TENSOR
            return self._tensor
        host = self._to_host()
        tensor = self._host_tensor
        if tensor is None or tensor.shape != shape:
            tensor = self._host_tensor = torch.from_numpy(host)[: math.prod(shape)].view(shape)
        if device.type == "cpu":
            self._where = HOST
            self._tensor = None
            return tensor
        self._tensor = tensor.to(device)
        self._where = BOTH
        return self._tensor

    def read_channels_last(self, shape: tuple[int, ...]) -> Any:
        """Return values of shape (N, C, H, W) with the channels of a pixel side by side, as convolutions like them.

        The conversion is kept, so that the next reader has it for free, unless a view is leased.
        """
        tensor = self.read(shape)
        if tensor.is_contiguous(memory_format=torch.channels_last):
            if shape[1] > 1 or tensor.stride(1) == 1:
                return tensor
            # One channel is contiguous either way; the strides tell the library which way to go on.
            return tensor.as_strided(shape, (shape[2] * shape[3], 1, shape[3], 1))
        return self._keep_converted(tensor.contiguous(memory_format=torch.channels_last))

    def read_plain(self, shape: tuple[int, ...]) -> Any:
        """Return values in the order of the axes, as products like them; the conversion is kept like the other."""
        tensor = self.read(shape)
        return tensor if tensor.is_contiguous() else self._keep_converted(tensor.contiguous())

    def _keep_converted(self, tensor: Any) -> Any:
        """Keep the same values in another memory format, unless a view is leased."""
        if not self._is_leased():
            self._tensor = tensor
            self._where = BOTH if self._where is BOTH else TENSOR
        return tensor

    def write(self, tensor: Any) -> None:
        """Take the values of a tensor, which from now on belongs to this memory alone."""
        self._version += 1
        if tensor is self._tensor and self._where is TENSOR:
            return  # changed where it was
        if self._host is not None and tensor.device.type == "cpu":
            if tensor is self._host_tensor or self._is_host(tensor):
                self._where = HOST
                return
            if self._is_leased():
                self._copy_to_host(tensor)
                self._where = HOST
                self._tensor = None
                return
        n_values = tensor.numel()
        if n_values < self.capacity:
            self._keep_beyond(n_values)
        self._tensor = tensor
        self._where = TENSOR

    def forget(self) -> None:
        """Let go of values that are about to be overwritten as a whole, so that the new ones can lie in their place.

        Otherwise old and new ones would be there together and change places from pass to pass, all over the caches.
        """
        if self._where is TENSOR and self._tensor.numel() == self.capacity:
            self._version += 1
            self._where = ZERO
            self._tensor = None

    def _is_host(self, tensor: Any) -> bool:
        """Whether a tensor is the buffer itself, in the buffer's order."""
        assert self._host is not None
        return bool(tensor.data_ptr() == self._host.__array_interface__["data"][0] and tensor.is_contiguous())

    def _keep_beyond(self, n_values: int) -> None:
        """Before the first values get a tensor of their own, save the others: a blob may grow back and show them."""
        if self._where is TENSOR and self._tensor.numel() > n_values:
            self._to_host()
        elif self._where is ZERO and self._host is not None:
            self._host.fill(0)

    def add(self, tensor: Any) -> None:
        """Add a tensor, which from now on belongs to this memory alone."""
        if self._where is ZERO:
            self.write(tensor)
        else:
            total = self.read(tuple(tensor.shape))
            self.write(total.add_(tensor))

    def zero(self) -> None:
        """Set all values to zero without touching memory that nobody looks at."""
        self._version += 1
        if self._host is not None and self._is_leased():
            self._host.fill(0)
            self._where = HOST
        else:
            self._where = ZERO
        self._tensor = None

    def _is_leased(self) -> bool:
        """Whether a view that was handed out is alive."""
        return self._lease is not None and self._lease() is not None

    def _to_host(self) -> np.ndarray:
        """Bring the newest values into the buffer."""
        if self._host is not None and self._where in (HOST, BOTH):
            return self._host
        if self._where is TENSOR:
            tensor = self._tensor
            if (
                self._host is None
                and tensor.device.type == "cpu"
                and tensor.numel() == self.capacity
                and tensor.is_contiguous()
            ):
                self._host = tensor.detach().view(-1).numpy()  # no copy: the tensor is ours
            else:
                self._copy_to_host(tensor)
            self._where = BOTH
        elif self._where is ZERO:
            if self._host is None:
                self._host = _aligned(np.zeros, self.capacity)
            else:
                self._host.fill(0)
            self._where = HOST
        assert self._host is not None
        return self._host

    def _copy_to_host(self, tensor: Any) -> None:
        """Copy a tensor of any layout and device into the start of the buffer."""
        if self._host is None:
            fits = tensor.numel() == self.capacity
            self._host = _aligned(np.empty if fits else np.zeros, self.capacity)
        target = torch.from_numpy(self._host)[: tensor.numel()].view(tensor.shape)
        target.copy_(tensor)


def _aligned(allocate: Any, count: int) -> np.ndarray:
    """An array of float32 that begins at a cache line: matrix products are a tenth slower on others."""
    line = 64 // 4
    try:
        array = allocate(count + line, np.float32)
    except MemoryError as error:
        raise FullMemoryError(f"a blob of {count} values", 4 * count) from error
    start = -(array.__array_interface__["data"][0] // 4) % line
    return array[start : start + count]
