"""A line chart as a value; `scene.chart` draws it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.records.checks import check_array


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Attributes
    ----------
    title : str
        What it shows: "mean relative change of weights".
    unit : str
        Empty for plain numbers; "%" for shares of 1, which are shown in percent.
    is_log : bool
    labels : tuple of str
        Names of the places 0, 1, 2 … on an axis of layers; empty on an axis of numbers.
    """

    title: str
    unit: str = ""
    is_log: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Series:
    """One line.

    Attributes
    ----------
    name : str
        Written at the line.
    x, y : ndarray of shape (n,), float64
        NaN in y is a gap.
    nodes : tuple of str
        The layer of each point, so that a click goes there; empty where there is none.
    snapshots : tuple of str
        The snapshot of each point, likewise.
    rank : int
        Place among its like, from 0; gives its colour.
    is_emphasised : bool
        Whether this is the line that is looked at, such as the chosen snapshot's. Others stand back.
    band : ndarray of shape (n, 2), float64, or None
        Lower and upper end of the spread around the line, drawn behind it.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    nodes: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    rank: int = 0
    is_emphasised: bool = True
    band: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_array(self, "x", (None,), np.float64)
        check_array(self, "y", self.x.shape, np.float64)
        if self.band is not None:
            check_array(self, "band", (len(self.x), 2), np.float64)
        for name in ("nodes", "snapshots"):
            if len(getattr(self, name)) not in (0, len(self.x)):
                raise ValueError(f"Series.{name} must be empty or have {len(self.x)} entries")


@dataclass(frozen=True)
class Chart:
    """A line chart.

    Attributes
    ----------
    title : str
    x, y : Axis
    series : tuple of Series
        At least one point of one of them is known, or `empty` says why not.
    notes : tuple of str
        What must be said beside it: where the numbers come from.
    empty : str
        What to say instead of a chart without points: what is missing and what to do.
    is_ordered : bool
        Whether the series are one thing at several times (snapshots), coloured from first to last, and not several
        things.
    here : float, optional
        Where the chosen snapshot is on an x axis of iterations or snapshots.
    here_name : str
        Its name.
    """

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()
    empty: str = ""
    is_ordered: bool = False
    here: float | None = None
    here_name: str = ""
