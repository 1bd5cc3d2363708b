"""Keeps what the snapshots of an analysis have summed up: the one under way in memory, those before it in files."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from cnnvis_caffe.analysis.check_same import check_same
from cnnvis_caffe.files.temporary import sweep
from cnnvis_caffe.store.state import AnalysisState, read_state, write_state

Sums = Mapping[str, np.ndarray]


class KeptSums(Mapping[int, Sums]):
    """Sums by the number of the snapshot.

    Parameters
    ----------
    state_path : str
        Of the analysis's state. A snapshot that is done while others follow has a file of its own beside it, with its
        number from 1 behind the name, which is written once.
    n_snapshots : int

    Attributes
    ----------
    in_memory : dict of int to mapping of str to ndarray
        Those that have no file of their own: of one snapshot at most.

    Notes
    -----
    The state comes before these files and goes before them. So what lies there without a state is left over.
    """

    def __init__(self, state_path: str, n_snapshots: int) -> None:
        self.in_memory: dict[int, Sums] = {}
        self._state_path, self._n_snapshots = state_path, n_snapshots
        self._files: set[int] = set()
        self._owns_files = False  # what lies there is of this analysis

    def resume(self, state: AnalysisState, settings: dict[str, str]) -> None:
        """Go on with what a state and the files beside it hold.

        Parameters
        ----------
        state : AnalysisState
            Of this analysis.
        settings : dict of str to str
            Of this analysis.

        Raises
        ------
        StoreError
            If a file cannot be read, or is of another analysis.
        """
        for number in range(self._n_snapshots):
            if os.path.exists(self._path(number)):
                check_same(read_state(self._path(number)), settings)
                self._files.add(number)
        self.in_memory = {number: state.sums[number] for number in state.sums if number not in self._files}
        self._owns_files = True

    def has_file(self, number: int) -> bool:
        """Say whether a snapshot is done and has a file of its own."""
        return number in self._files

    def put_aside(self, number: int, state: AnalysisState) -> None:
        """Write the sums of a snapshot that is done into a file of their own.

        Parameters
        ----------
        number : int
        state : AnalysisState
            With these sums.
        """
        if not os.path.exists(self._state_path) or not self._owns_files:
            self.write_state(replace(state, sums={}, n_done=(0,) * self._n_snapshots))
        write_state(self._path(number), state)
        self._files.add(number)
        del self.in_memory[number]

    def write_state(self, state: AnalysisState) -> None:
        """Write the state, with what has no file of its own.

        Parameters
        ----------
        state : AnalysisState
        """
        if not self._owns_files:
            self.remove()
            self._owns_files = True
        write_state(self._state_path, state)

    def remove(self) -> None:
        """Remove the state and the files beside it, and what killed runs left of them."""
        folder, name = os.path.split(os.path.realpath(self._state_path))
        numbered = re.compile(rf"\.?({re.escape(name)}\.[1-9]\d*)(\..+)?")
        names = sorted({match[1] for match in map(numbered.fullmatch, os.listdir(folder)) if match})
        for path in (self._state_path, *(os.path.join(folder, other) for other in names)):
            sweep(path)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._files.clear()

    def _path(self, number: int) -> str:
        """Where a snapshot's own file is."""
        return f"{self._state_path}.{number + 1}"

    def __getitem__(self, number: int) -> Sums:
        if number in self.in_memory:
            return self.in_memory[number]
        if number not in self._files:
            raise KeyError(number)
        return read_state(self._path(number)).sums[number]

    def __contains__(self, number: object) -> bool:
        return number in self.in_memory or number in self._files

    def __iter__(self) -> Iterator[int]:
        return iter(sorted({*self.in_memory, *self._files}))

    def __len__(self) -> int:
        return len({*self.in_memory, *self._files})
