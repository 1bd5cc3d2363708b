"""The contents of a solver state file: the iteration, and the solver's history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .weights import ParamArray


@dataclass(frozen=True, eq=False)
class SolverState:
    """A solver state, opened.

    Attributes
    ----------
    iter : int
        Iterations done.
    current_step : int
        Index into the steps of the learning rate policy.
    learned_net : str or None
        Path of the weights as written in the file, relative to where training ran.
    history : tuple of ParamArray
        The solver's arrays, in its own order (one to three for each learned array).
    path : str
        Where this was read from; empty for a state made in memory.
    format : str
        "binary" or "hdf5".
    unknown : tuple of str
        Things in the file that Caffe does not know.
    mapping : object or None
        Keeps the file mapped while views are in use.
    """

    iter: int
    current_step: int
    learned_net: str | None
    history: tuple[ParamArray, ...]
    path: str = ""
    format: str = "binary"
    unknown: tuple[str, ...] = ()
    mapping: Any = field(default=None, repr=False)
