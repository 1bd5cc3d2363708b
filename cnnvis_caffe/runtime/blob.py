"""The blob: a shape, its data and its diff."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from cnnvis_caffe.errors import ShapeError
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.memory import Memory

MAX_AXES = 32
MAX_COUNT = 2**31 - 1


class Blob:
    """An N-dimensional array of values (`data`) with gradients of the same shape (`diff`).

    Parameters
    ----------
    shape : sequence of int, optional
        Lengths of the axes; `()` is a single value, None a blob that has no room for any yet.
    name : str, optional
        Used in messages.

    Attributes
    ----------
    shape : tuple of int
    count : int
        Product of the shape.
    name : str

    Notes
    -----
    Follows `src/caffe/blob.cpp`. `data` and `diff` are for people (numpy, NCHW); `value` and `grad` are the same
    numbers for layers (tensors on the current device, in any memory format).
    """

    # Scripts may hang attributes of their own on a blob, hence __dict__; it takes no room until they do.
    __slots__ = ("__dict__", "_capacity", "_data", "_diff", "count", "name", "shape")

    #: Counts the changes of shape or memory of any blob: while it stands still, nothing needs to be reshaped.
    n_changes: ClassVar[int] = 0

    def __init__(self, shape: tuple[int, ...] | None = None, name: str = "") -> None:
        self.name = name
        self._capacity = 0
        self._data: Memory = _NoMemory(name)
        self._diff: Memory = self._data
        self.shape: tuple[int, ...] = ()
        self.count = 0
        if shape is not None:
            self.reshape(*shape)

    def __repr__(self) -> str:
        return f"Blob({self.name!r}, shape={self.shape})"

    # -- shape ---------------------------------------------------------------------------------------------------

    def reshape(self, *shape: int) -> None:
        """Change the shape; values stay as long as the new shape needs no more room than there ever was.

        Raises
        ------
        ShapeError
            If an axis is negative, there are more than 32 axes, or more than 2**31 - 1 values.
        """
        shape = tuple(int(length) for length in shape)
        count = math.prod(shape)
        if len(shape) > MAX_AXES or any(length < 0 for length in shape) or count > MAX_COUNT:
            raise ShapeError(
                self.name,
                f"blob {self.name!r}: shape {shape} is not possible; at most {MAX_AXES} axes of length 0 or more "
                f"and {MAX_COUNT} values in all are allowed",
            )
        if shape != self.shape or count != self.count:
            self.shape = shape
            self.count = count
            Blob.n_changes += 1
        if count > self._capacity:
            # Caffe quirk: growing throws away data *and* diff (and with it a loss weight kept there).
            self._capacity = count
            self._data, self._diff = Memory(count), Memory(count)

    @property
    def num(self) -> int:
        """Length of axis 0, or 1."""
        return self._legacy_axis(0)

    @property
    def channels(self) -> int:
        """Length of axis 1, or 1."""
        return self._legacy_axis(1)

    @property
    def height(self) -> int:
        """Length of axis 2, or 1."""
        return self._legacy_axis(2)

    @property
    def width(self) -> int:
        """Length of axis 3, or 1."""
        return self._legacy_axis(3)

    def _legacy_axis(self, index: int) -> int:
        """Length of one of the four axes of old, 1 where the blob has fewer."""
        if len(self.shape) > 4:
            raise ShapeError(
                self.name,
                f"blob {self.name!r}: num, channels, height and width exist for at most 4 axes, "
                f"this one has shape {self.shape}; use shape",
            )
        return self.shape[index] if index < len(self.shape) else 1

    def axis(self, index: int) -> int:
        """Return the axis that a possibly negative `index` means.

        Raises
        ------
        ShapeError
            If there is no such axis.
        """
        n_axes = len(self.shape)
        if not -n_axes <= index < n_axes:
            raise ShapeError(
                self.name,
                f"blob {self.name!r}: axis {index} is out of range for shape {self.shape}; "
                f"{-n_axes} to {n_axes - 1} is allowed",
            )
        return index % n_axes

    # -- values for people ---------------------------------------------------------------------------------------

    @property
    def data(self) -> np.ndarray:
        """Values as a live, writable view of shape `shape`, float32, C order."""
        return self._data.array()[: self.count].reshape(self.shape)

    @property
    def diff(self) -> np.ndarray:
        """Gradients as a live, writable view of shape `shape`, float32, C order."""
        return self._diff.array()[: self.count].reshape(self.shape)

    # -- values for layers ---------------------------------------------------------------------------------------

    @property
    def value(self) -> Any:
        """Values as a tensor of shape `shape`; assigning hands the tensor over to the blob."""
        return self._data.read(self.shape)

    @value.setter
    def value(self, tensor: Any) -> None:
        self._data.write(tensor)

    @property
    def value_channels_last(self) -> Any:
        """`value` of a blob of four axes, in PyTorch's channels-last memory format."""
        return self._data.read_channels_last(self.shape)

    @property
    def value_plain(self) -> Any:
        """`value` in the order of the axes."""
        return self._data.read_plain(self.shape)

    def show(self, array: np.ndarray) -> None:
        """Use an array as the data from now on, without a copy; views of the data before stay with those.

        Parameters
        ----------
        array : ndarray of `count` values, float32, C-contiguous, writable

        Notes
        -----
        `Blob::set_cpu_data` in `src/caffe/blob.cpp`.
        """
        memory = Memory(self.count)
        memory.write(torch.from_numpy(array).view(self.shape))
        self._data = memory

    @property
    def memories(self) -> tuple[Memory, Memory]:
        """What holds data and diff; other blobs may share it."""
        return self._data, self._diff

    @property
    def version(self) -> int | None:
        """A number that changes whenever the values may have; None while a numpy view can change them any time."""
        return self._data.version

    @property
    def grad(self) -> Any:
        """Gradients as a tensor of shape `shape`; assigning hands the tensor over to the blob."""
        return self._diff.read(self.shape)

    @grad.setter
    def grad(self, tensor: Any) -> None:
        self._diff.write(tensor)

    def add_grad(self, tensor: Any) -> None:
        """Add a tensor to the gradients and hand it over to the blob."""
        self._diff.add(tensor)

    def clear_diff(self) -> None:
        """Set all gradients to zero."""
        self._diff.zero()

    def forget_data(self) -> None:
        """Say that all values are about to be overwritten."""
        self._data.forget()

    def forget_diff(self) -> None:
        """Say that all gradients are about to be overwritten."""
        self._diff.forget()

    # -- sharing -------------------------------------------------------------------------------------------------

    def share_data(self, other: Blob) -> None:
        """Use the same values as `other`, which must have the same count."""
        if self._data is not other._data:
            self._check_same_count(other)
            self._data = other._data
            Blob.n_changes += 1

    def share_diff(self, other: Blob) -> None:
        """Use the same gradients as `other`, which must have the same count."""
        if self._diff is not other._diff:
            self._check_same_count(other)
            self._diff = other._diff
            Blob.n_changes += 1

    def shares_data_with(self, other: Blob) -> bool:
        """Say whether both blobs show the same values."""
        return self._data is other._data

    def shares_diff_with(self, other: Blob) -> bool:
        """Say whether both blobs show the same gradients."""
        return self._diff is other._diff

    def _check_same_count(self, other: Blob) -> None:
        """Refuse to share between blobs of different size."""
        if self.count != other.count:
            raise ShapeError(
                self.name,
                f"blob {self.name!r} of shape {self.shape} cannot share memory with {other.name!r} "
                f"of shape {other.shape}: the number of values must be the same",
            )


class _NoMemory(Memory):
    """Stands for the values of a blob that has never had room for any, which Caffe refuses to touch."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        super().__init__(0)
        self._name = name

    def array(self) -> np.ndarray:
        """Refuse."""
        raise self._error()

    def read(self, shape: tuple[int, ...]) -> Any:
        """Refuse."""
        raise self._error()

    def write(self, tensor: Any) -> None:
        """Refuse."""
        raise self._error()

    def _error(self) -> ShapeError:
        """What to do about it."""
        return ShapeError(
            self._name,
            f"blob {self._name!r} has no shape yet, or one without values: reshape it before you use it",
        )
