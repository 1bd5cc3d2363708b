"""An analysis on its way: what was summed up so far, to go on with later or to be merged with other shards."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from cnnvis_caffe.errors import StoreError, StoreVersionError
from cnnvis_caffe.store.h5 import OpenFile, create, write_array, write_json

FORMAT, VERSION = "cnnvis_caffe analysis state", 3
_WHAT = "shard or interrupted analysis"


@dataclass(frozen=True, eq=False)
class AnalysisState:
    """Where an analysis stands.

    Attributes
    ----------
    settings : mapping of str to str
        What must be the same for parts to belong together: files by their checksums, data, options.
    request : mapping of str to object
        The arguments of the analysis, as JSON holds them, so that it can go on.
    shard : (int, int)
        Number, from 1, and how many there are.
    n_done : tuple of int
        For each snapshot, how many of the shard's images were seen.
    n_images : int
        In the shard.
    sums : mapping of int to mapping of str to ndarray
        By the snapshot's number, from 0: what the extraction has summed up. Only of snapshots that this file is for;
        from a file it is read when it is asked for.
    seconds : float
        Spent so far.
    data_times : str
        When the files of the data were written and how large they are, in one checksum; empty where there are none.
    path : str
        Where this was read from.
    """

    settings: Mapping[str, str]
    request: Mapping[str, Any]
    shard: tuple[int, int]
    n_done: tuple[int, ...]
    n_images: int
    sums: Mapping[int, Mapping[str, np.ndarray]]
    seconds: float = 0.0
    data_times: str = ""
    path: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether all images of the shard were seen by all snapshots."""
        return all(n == self.n_images for n in self.n_done)


def write_state(path: str | os.PathLike[str], state: AnalysisState) -> None:
    """Write a state, whole or not at all.

    Parameters
    ----------
    path : str or path-like
    state : AnalysisState

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    with create(os.fspath(path)) as root:
        root.attrs["format"], root.attrs["version"] = FORMAT, VERSION
        root.attrs["n_images"], root.attrs["seconds"] = state.n_images, state.seconds
        write_json(root, "settings", dict(state.settings))
        write_json(root, "request", dict(state.request))
        write_array(root, "shard", np.array(state.shard), "<i8")
        write_array(root, "n_done", np.array(state.n_done), "<i8")
        root.attrs["data_times"] = state.data_times
        groups = root.create_group("sums")
        for number in state.sums:  # one at a time in memory
            group = groups.create_group(str(number))
            for index, (name, array) in enumerate(state.sums[number].items()):
                _write_sum(group, index, name, np.asarray(array))


def _write_sum(group: h5py.Group, index: int, name: str, array: np.ndarray) -> None:
    """Write an array as it is: what is written every minute must not take long."""
    dataset = group.create_dataset(str(index), data=array, track_times=False)
    dataset.attrs["name"] = json.dumps(name)


def read_state(path: str | os.PathLike[str]) -> AnalysisState:
    """Read a state.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    AnalysisState

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    StoreError
        If it is something else, or is damaged.
    StoreVersionError
        If another version of this program wrote it.
    """
    file = OpenFile(os.fspath(path), _WHAT)
    try:
        if not file.is_of_format(FORMAT):
            raise StoreError(file.path, "", f"is an HDF5 file, but no {_WHAT}")
        version = file.attribute("/", "version", int)
        if version != VERSION:
            reason = f"is {version}, but this program goes on from version {VERSION}; analyse again"
            raise StoreVersionError(file.path, "version", reason)
        shard = file.array("shard", "<i8", (2,)).tolist()
        n_done = tuple(file.array("n_done", "<i8", (None,)).tolist())
        numbers = _numbers(file, len(n_done))
        return AnalysisState(
            settings={str(key): str(value) for key, value in file.table("settings").items()},
            request=file.table("request"),
            shard=(shard[0], shard[1]),
            n_done=n_done,
            n_images=file.attribute("/", "n_images", int),
            sums=_StoredSums(file.path, numbers),
            seconds=file.attribute("/", "seconds", float),
            data_times=file.attribute("/", "data_times", str),
            path=file.path,
        )
    finally:
        file.close()


def _numbers(file: OpenFile, n_snapshots: int) -> tuple[int, ...]:
    """The numbers of the snapshots that there are sums of."""
    names = file.names("sums")
    allowed = {str(number): number for number in range(n_snapshots)}
    for name in names:
        if name not in allowed:
            raise StoreError(file.path, f"sums/{name}", f"is of none of the {n_snapshots} snapshots")
    return tuple(sorted(allowed[name] for name in names))


class _StoredSums(Mapping[int, Mapping[str, np.ndarray]]):
    """The sums in a file, which is opened for each snapshot anew."""

    def __init__(self, path: str, numbers: tuple[int, ...]) -> None:
        self._path, self._numbers = path, numbers

    def __getitem__(self, number: int) -> dict[str, np.ndarray]:
        if number not in self._numbers:
            raise KeyError(number)
        file = OpenFile(self._path, _WHAT)
        try:
            return _read_sums(file, f"sums/{number}")
        finally:
            file.close()

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


def _read_sums(file: OpenFile, key: str) -> dict[str, np.ndarray]:
    """Read the arrays of one snapshot."""
    sums = {}
    for number in range(len(file.group(key))):
        name, array = file.named_array(f"{key}/{number}")
        sums[name] = array
    return sums
