"""The snapshots of one training run: their order, and what lies beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cnnvis_caffe.analysis.request import sha256
from cnnvis_caffe.errors import CnnvisError, NetError
from cnnvis_caffe.formats.solverstate import read_solverstate

_ITERATION = re.compile(r"_iter_(\d+)(?:\.|$)")
_WEIGHT_SUFFIXES = (".caffemodel.h5", ".caffemodel")


@dataclass(frozen=True)
class SnapshotFile:
    """A weights file of a run.

    Attributes
    ----------
    path, sha256 : str
        Empty for weights from fillers.
    iteration : int or None
    solverstate : str
        The solver state beside it; empty where there is none.
    """

    path: str
    sha256: str
    iteration: int | None
    solverstate: str

    @property
    def label(self) -> str:
        """What it is called."""
        if self.iteration is not None:
            return f"iter {self.iteration}"
        return os.path.basename(self.path) or "random weights"


RANDOM = SnapshotFile("", "", None, "")


def find_snapshots(weights: Sequence[str]) -> tuple[SnapshotFile, ...]:
    """Look at weights files, and put them into the order in which they were trained.

    Parameters
    ----------
    weights : sequence of str
        Empty for weights from fillers.

    Returns
    -------
    tuple of SnapshotFile
        By iteration; in the given order where one is not known.

    Raises
    ------
    DataNotFoundError
        If a file is missing.
    NetError
        If two are of the same iteration.
    """
    if not weights:
        return (RANDOM,)
    found = [_look_at(path) for path in weights]
    iterations = [snapshot.iteration for snapshot in found]
    for number, iteration in enumerate(iterations):
        if iteration is not None and iteration in iterations[:number]:
            first = found[iterations.index(iteration)].path
            raise NetError(f"{found[number].path} and {first} are both of iteration {iteration}; give one of them")
    if None not in iterations:
        found.sort(key=lambda snapshot: snapshot.iteration or 0)
    return tuple(found)


def _look_at(path: str) -> SnapshotFile:
    """A weights file with its iteration, from its name or the solver state beside it."""
    checksum = sha256(path)
    named = _ITERATION.search(os.path.basename(path))
    state = ""
    for suffix in _WEIGHT_SUFFIXES:
        if path.endswith(suffix):
            stem = path[: -len(suffix)]
            candidates = (f"{stem}.solverstate", f"{stem}.solverstate.h5")
            state = next((candidate for candidate in candidates if os.path.isfile(candidate)), "")
            break
    iteration = int(named.group(1)) if named else None
    if iteration is None and state:
        try:
            iteration = read_solverstate(state).iter
        except CnnvisError:
            state = ""
    return SnapshotFile(path, checksum, iteration, state)
