"""The contents of a weights file: arrays by layer, and the network they were saved with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class ParamArray:
    """One learned array (a Caffe blob) as a file holds it.

    Attributes
    ----------
    shape : tuple of int
        As saved; always of length 4 when `legacy`.
    data : ndarray of that shape, float32
        Often a read-only view into the mapped file.
    diff : ndarray of that shape, float32, or None
        Saved gradient (``snapshot_diff``).
    legacy : bool
        True when the file gives num, channels, height and width instead of a shape: such a blob fits every
        shape that is equal after leading ones are dropped (a bias of 1x1x1xN fits (N,)).
    """

    shape: tuple[int, ...]
    data: np.ndarray
    diff: np.ndarray | None = None
    legacy: bool = False

    def __post_init__(self) -> None:
        for array in (self.data, self.diff):
            if array is not None and (array.shape != self.shape or array.dtype != np.float32):
                raise ValueError(f"expected float32 {self.shape}, got {array.dtype} {array.shape}")
        if self.legacy and len(self.shape) != 4:
            raise ValueError(f"a legacy shape has 4 axes, got {self.shape}")


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """The learned arrays of one layer.

    Attributes
    ----------
    name : str
    type : str
        Caffe's current name of the layer type; empty when the file does not say (HDF5).
    blobs : tuple of ParamArray or None
        None at the places that an HDF5 file leaves out because an earlier layer owns the shared array.
    owned : bool
        False when such places are known.
    """

    name: str
    type: str
    blobs: tuple[ParamArray | None, ...]
    owned: bool = True


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """A weights file, opened.

    Attributes
    ----------
    path : str
    format : str
        "binary" or "hdf5".
    generation : str
        Generation of the layer messages in the file: "V0", "V1", "V2"; empty for HDF5.
    net_name : str
        Empty for HDF5.
    layers : tuple of LayerWeights
        Every layer, with and without arrays, in the order of the upgraded network; by name for HDF5.
    network : NetParameter or None
        The upgraded network as a protobuf message without the arrays; None for HDF5.
    upgrades : tuple of str
        What the upgrade changed, in sentences.
    unknown : tuple of str
        Things in the file that Caffe does not know, each with its place.
    mapping : object or None
        Keeps the file mapped while views are in use; use `release`, not this.
    """

    path: str
    format: str
    generation: str
    net_name: str
    layers: tuple[LayerWeights, ...]
    network: Any = None
    upgrades: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    mapping: Any = field(default=None, repr=False)

    def release(self, array: np.ndarray) -> None:
        """Give back the memory behind an array that has been copied; it can still be read, from disk.

        Parameters
        ----------
        array : ndarray
            `data` or `diff` of one of the blobs; an array that is no view into the file is left alone.
        """
        if self.mapping is not None:
            self.mapping.release(array)
