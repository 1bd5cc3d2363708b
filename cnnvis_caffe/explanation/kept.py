"""Keeps what long work has found so far, so that the same work started again goes on there."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.errors import CnnvisError, DataFileError, DataNotFoundError
from cnnvis_caffe.files.atomic import write_bytes
from cnnvis_caffe.formats.npy import read_npz

#: No part of a work has so many; a damaged file may say more.
_MOST_ARRAYS = 1000


class KeptResults:
    """A folder of arrays, each set by its name and by what must be the same for it to count.

    Parameters
    ----------
    folder : str
        Made if it is missing; empty for keeping nothing.
    *what : object
        The work, as values whose text tells it from other work.

    Raises
    ------
    CnnvisError
        If the folder cannot be made.
    """

    def __init__(self, folder: str, *what: object) -> None:
        self._folder = Path(folder) if folder else None
        self._key = hashlib.sha256(repr(what).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CnnvisError(f"--keep {folder}: cannot be made: {error.strerror}") from error

    @property
    def is_on(self) -> bool:
        """Whether anything is kept."""
        return self._folder is not None

    def get(self, name: str, make: Callable[[], Sequence[np.ndarray]]) -> list[np.ndarray]:
        """Return arrays that are there, or make and keep them.

        Parameters
        ----------
        name : str
            Of the part of the work.
        make : callable

        Returns
        -------
        list of ndarray
        """
        if self._folder is None:
            return list(make())
        path = self._folder / f"{self._key}_{name}.npz"
        found = _read(path)
        if found is None:
            found = list(make())
            content = io.BytesIO()
            np.savez(content, *found, count=len(found))
            write_bytes(path, content.getvalue())
        return found


def identity(net: Any, network: Any, preprocessing: Preprocessing) -> str:
    """Return what tells a network with its weights from others, and its images from those prepared in another way.

    Parameters
    ----------
    net : pycaffe Net
        With the weights.
    network : NetParameter
    preprocessing : Preprocessing
    """
    digest = hashlib.sha256(network.SerializeToString(deterministic=True))
    for name in net.params:
        for blob in net.params[name]:
            digest.update(np.ascontiguousarray(blob.data).data)
    digest.update(repr((preprocessing.words(), preprocessing.channel_order)).encode("utf-8", "surrogateescape"))
    if preprocessing.mean_image is not None:
        digest.update(np.ascontiguousarray(preprocessing.mean_image).data)
    return digest.hexdigest()


def _read(path: Path) -> list[np.ndarray] | None:
    """The arrays of a file, in their order; None where it is missing or damaged."""
    try:
        arrays = read_npz(path, ["count"])
        names = [f"arr_{number}" for number in range(min(int(arrays["count"]), _MOST_ARRAYS))]
        found = read_npz(path, names) if names else {}
    except (DataFileError, DataNotFoundError, TypeError, ValueError, OverflowError):
        return None
    return [found[name] for name in names]
